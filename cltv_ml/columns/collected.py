"""Invoices that collect several earlier documents, each with its own day, such as the delivery notes of a month."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from cltv_ml.engine import Relation

#: Fewest invoices with several days, their share of all, and the share of the lines that must agree.
_FEWEST, _LEAST, _AGREE = 3, 0.1, 0.98


def find_collected(
    lines: Relation, invoice: str, billed: str, days: Mapping[str, str], numbers: Mapping[str, str]
) -> tuple[str, str] | None:
    """Return the columns of the number and of the day of the documents that invoices collect; None without such.

    The days lie before that of the invoice and differ within it, and a number changes with them and never between.

    Parameters
    ----------
    invoice, billed
        SQL for the number and the day of the invoice of a line.
    days, numbers
        SQL of the columns that may be the day and the number of the earlier documents, by name.
    """
    for (day, time), (number, value) in product(days.items(), numbers.items()):
        rows, earlier, invoices, several, documents, own = lines.row(
            "with lines as (select cast("
            + f"{invoice} as varchar) as invoice, cast({billed} as date) as billed, "
            f"cast({time} as date) as day, cast({value} as varchar) as number from {lines}), "
            "filled as (from lines where invoice <> '' and day is not null and number <> ''), "
            "collected as (select count(distinct day) > 1 and min(billed) = max(billed) as several from filled "
            "group by invoice) "
            "select (select count(*) from lines), (select count(*) from filled where day <= billed), "
            "(select count(*) from collected), (select count(*) from collected where several), "
            "(select count(distinct number) from filled), (select count(distinct (number, day, invoice)) from filled)"
        )
        if (
            earlier >= _AGREE * rows
            and several >= max(_FEWEST, _LEAST * invoices)
            and own <= documents / _AGREE
            and invoices < documents < rows
        ):
            return number, day
    return None
