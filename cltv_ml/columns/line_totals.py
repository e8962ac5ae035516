"""The money of a line among several columns: line totals next to prices, and money next to counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cltv_ml.columns.glance import COLUMNS_COMPARED
from cltv_ml.columns.source_columns import quote
from cltv_ml.engine import Relation

#: Fewest lines with several items that show which of two columns is the line total.
_LEAST_LINES = 2

#: Lines from which a column with one number on all of them, headed vaguely, is no money.
_MANY_LINES = 10

#: Fewest lines that show that a column counts, and the largest median of such counts.
_LEAST_COUNTS, _MANY = 4, 4


def find_line_total(
    first: Relation, number: Callable[[str], str], pair: tuple[str, str], counts: Sequence[str]
) -> tuple[str, str] | None:
    """Return which of two columns of money is the other one times a column of whole numbers, and why; None if neither.

    Parameters
    ----------
    number
        Returns the SQL of a column's numbers.
    counts
        The columns that may count items.
    """
    if not counts:
        return None
    agreements = first.aggregate(
        {
            (price, total, items): (
                f"count(*) filter ({number(items)} > 1)",
                f"avg(cast({number(items)} = floor({number(items)}) "
                f"and abs(({number(price)}) * ({number(items)}) - ({number(total)})) < 0.011 as integer))",
            )
            for items in counts[:COLUMNS_COMPARED]
            for price, total in (pair, pair[::-1])
        },
        where=" and ".join(f"{number(column)} > 0" for column in pair),
    )
    for (price, total, items), (several, same) in agreements.items():
        if several >= _LEAST_LINES and same is not None and same >= 0.98:
            return total, f"which is {price!r} times {items!r}"
    return None


def find_money(
    first: Relation, number: Callable[[str], str], columns: Sequence[str]
) -> tuple[str, str] | None:
    """Return the one of two columns that is money if the other counts sales in small whole numbers, and why."""
    if len(columns) != 2:
        return None
    for counts, money in (columns, columns[::-1]):
        rows, whole, middle, larger = first.row(
            f"select count(*), bool_and(c = floor(c) and c >= 0), median(c), avg(cast(m >= 4 * c as integer)) from "
            f"(select {number(counts)} as c, {number(money)} as m from {first}) where c <> 0 and m <> 0"
        )
        if rows >= _LEAST_COUNTS and whole and middle <= _MANY and larger >= 0.98:
            return money, f"because {counts!r} contains small whole numbers, like counts"
    return None


def is_constant(first: Relation, column: str) -> bool:
    """Whether all of several lines have one number, such as the rate of the only currency."""
    filled, values = first.row(f"select count({quote(column)}), count(distinct {quote(column)}) from {first}")
    return bool(filled >= _MANY_LINES and values == 1)
