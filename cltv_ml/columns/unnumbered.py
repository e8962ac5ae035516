"""Lines without an order number, and the column whose values tell them from the lines of orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cltv_ml.engine import Relation

#: Fewest lines with and without a number, and the largest share of lines without one.
_FEWEST, _LARGEST = 5, 0.6


class Unnumbered(NamedTuple):
    """Lines with money but without an order number.

    Parameters
    ----------
    lines, money
        Their number and their money.
    column
        The column whose values tell them from the lines of orders.
    numbered, without
        Its values on the lines of orders, and on these lines.
    """

    lines: int
    money: float
    column: str
    numbered: tuple[str, ...]
    without: tuple[str, ...]


def find_unnumbered(
    lines: Relation, order: str, money: str, columns: Mapping[str, str], where: str
) -> Unnumbered | None:
    """Return the lines without an order number if the values of a column tell them apart; else None.

    Parameters
    ----------
    order, money, where
        SQL for the order number of a line, for its money, and for the lines that are compared.
    columns
        SQL of the texts of each column with few values.
    """
    if not columns:
        return None
    texts = ", ".join(f'{text} as "{place}"' for place, text in enumerate(columns.values()))
    rows = lines.rows(
        f"select place, value, count(*) filter (named), count(*) filter (not named), coalesce(sum(money), 0) "
        f"from (unpivot (select {texts}, coalesce(trim(cast({order} as varchar)), '') <> '' as named, "
        f"{money} as money from {lines} where {where} and {money} <> 0) on columns(* exclude (named, money)) "
        "into name place value value) group by place, value order by place, value"
    )
    for place, column in enumerate(columns):
        values = [row[1:] for row in rows if int(row[0]) == place]
        with_number = [(value, named) for value, named, blank, _ in values if named and not blank]
        without = [(value, blank, money) for value, named, blank, money in values if blank and not named]
        named, blank = sum(count for _, count in with_number), sum(count for _, count, _ in without)
        if len(with_number) + len(without) < len(values) or min(named, blank) < _FEWEST:
            continue
        if blank <= _LARGEST * (named + blank):
            names, others = (
                tuple(str(value) for value, _ in with_number),
                tuple(str(one) for one, *_ in without),
            )
            return Unnumbered(blank, float(sum(money for *_, money in without)), column, names, others)
    return None
