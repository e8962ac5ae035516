"""Line totals next to prices, also under the same heading."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cltv_ml.data.glance import COLUMNS_COMPARED
from cltv_ml.engine import Relation

#: Fewest lines with several items that show which of two columns is the line total.
_LEAST_LINES = 2


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
    tried = [
        (price, total, items) for items in counts[:COLUMNS_COMPARED] for price, total in (pair, pair[::-1])
    ]
    if not tried:
        return None
    tests = ", ".join(
        f"count(*) filter ({number(items)} > 1), avg(cast({number(items)} = floor({number(items)}) "
        f"and abs(({number(price)}) * ({number(items)}) - ({number(total)})) < 0.011 as integer))"
        for price, total, items in tried
    )
    positive = " and ".join(f"{number(column)} > 0" for column in pair)
    agreements = iter(first.row(f"select {tests} from {first} where {positive}"))
    for (price, total, items), several, same in zip(tried, *[agreements] * 2, strict=False):
        if several >= _LEAST_LINES and same is not None and same >= 0.98:
            return total, f"which is {price!r} times {items!r}"
    return None
