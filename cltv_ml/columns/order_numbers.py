"""Order numbers without a known heading: columns whose values tell the orders of a customer's day apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cltv_ml.engine import Relation

#: Fewest orders that show anything, and the share of the lines that must have a number like a code.
_FEWEST, _FILLED = 20, 0.9

#: Of dates without a time, a customer may have several orders on one: at most this many times as many orders.
_MORE_ON_A_DAY = 1.1

#: The same where times are known: two orders at one time are rare.
_MORE_AT_ONCE = 1.02

#: The least correlation with the day that whole numbers of several lengths must have.
_RISING = 0.9

#: The most values per line, and the fewest per customer, of a number that comes again at another time.
_COMES_AGAIN, _PER_CUSTOMER = 0.9, 1.2

#: Numbers and codes: digits, or one or two words with a digit.
_LIKE_CODE = r"[^\s]{0,40}\s?[^\s]{0,40}"


class Numbering(NamedTuple):
    """A column that may number orders.

    Parameters
    ----------
    column
        Its name.
    orders
        Its distinct values on lines of sales.
    of_lines
        Whether it may number lines rather than orders: no two lines share a value, and either times have no time of
        day, or lines of one day are more than repeated orders explain.
    """

    column: str
    orders: int
    of_lines: bool


class _Changes(NamedTuple):
    """Counts of a column's values, alone and with the customer and the time; those of lines of sales come last."""

    rows: int
    codes: int
    customers: int
    values: int
    owned: int
    moments: int
    dates: int
    sales: int
    orders: int
    timed: int
    purchases: int
    days: int

    @property
    def numbers_orders(self) -> bool:
        """Whether each value has one customer and one time, and some customers have several on one day."""
        most = _MORE_AT_ONCE if self.moments > self.dates else _MORE_ON_A_DAY
        least = self.purchases / (_MORE_AT_ONCE if self.moments > self.dates else 1)
        return (
            self.owned == self.values
            and self.timed == self.orders
            and self.codes >= _FILLED * self.rows
            and self.orders >= max(_FEWEST, self.days + 1)
            and least <= self.orders <= most * self.purchases
        )

    @property
    def is_unique(self) -> bool:
        """Whether no two lines of sales share a value."""
        return self.orders == self.sales

    @property
    def may_number_lines(self) -> bool:
        """Whether a value may belong to one line of an order; see `Numbering`."""
        rare = self.moments > self.dates and self.orders <= _MORE_ON_A_DAY * self.days
        return self.is_unique and not rare

    @property
    def comes_again(self) -> bool:
        """Whether a customer's lines at several times have one value, as the events of one payment do."""
        again = self.values < _COMES_AGAIN * self.rows and self.timed > self.orders
        return self.owned == self.values and again and self.values > _PER_CUSTOMER * self.customers


def find_numbering(
    lines: Relation, customer: str, time: str, day: str, columns: Mapping[str, str], sold: str = "true"
) -> Numbering | None:
    """Return the column that numbers orders, the one of the fewest if there are several; None without such.

    A number belongs to one customer and, among sales, to one time; some customers have several on one day, but not
    more than repeated orders explain. A number of each line is none where another column joins lines of several times.

    Parameters
    ----------
    customer, time, day, sold
        SQL for the customer of a line, its time as text, its day, and whether it is a sale.
    columns
        SQL of the columns that may be such a number, by name.
    """
    counted = {
        name: _count_changes(lines, customer, time, day, value, sold) for name, value in columns.items()
    }
    found = [
        Numbering(name, counts.orders, counts.may_number_lines)
        for name, counts in counted.items()
        if counts.numbers_orders
    ]
    best = min(found, key=lambda numbering: numbering.orders, default=None)
    if best and counted[best.column].is_unique and any(counts.comes_again for counts in counted.values()):
        return None
    return best


def _count_changes(lines: Relation, customer: str, time: str, day: str, value: str, sold: str) -> _Changes:
    return _Changes(
        *lines.row(
            f"with keyed as (select nullif(trim(cast({value} as varchar)), '') as v, "
            f"trim(cast({customer} as varchar)) as who, cast({time} as varchar) as t, cast({day} as date) as d, "
            f"coalesce({sold}, false) as s from {lines}), "
            "known as (select *, s and v is not null as sold from keyed where who <> '' and d is not null) "
            rf"select count(*), count(*) filter (regexp_full_match(v, '{_LIKE_CODE}') and regexp_matches(v, '\d')), "
            "count(distinct who), count(distinct v), count(distinct (v, who)) filter (v is not null), "
            "count(distinct t), count(distinct d), count(*) filter (sold), count(distinct v) filter (sold), "
            "count(distinct (v, t)) filter (sold), count(distinct (who, t)) filter (sold), "
            "count(distinct (who, d)) filter (sold) from known"
        )
    )


def are_whole_codes(lines: Relation, value: str, day: str) -> bool:
    """Whether whole numbers, apart from some with letters, are of one length or larger on later days, as codes are.

    Parameters
    ----------
    value, day
        SQL for the number and for the day of its line.
    """
    whole, short, long, rising = lines.row(
        f"with keyed as (select trim(cast({value} as varchar)) as v, epoch(cast({day} as timestamp)) as d "
        rf"from {lines}), ranked as (select v, regexp_full_match(v, '\d{{1,30}}(\.0)?') as whole, "
        "rank() over (order by try_cast(v as double)) as rank_v, rank() over (order by d) as rank_d "
        rf"from keyed where v <> '' and d is not null) select bool_and(whole or regexp_matches(v, '\p{{L}}')), "
        "min(length(v)) filter (whole), max(length(v)) filter (whole), corr(rank_v, rank_d) filter (whole) from ranked"
    )
    return bool(whole and (short == long or (rising or 0) > _RISING))
