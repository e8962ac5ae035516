"""Lines of orders that a join with another table repeats, known by an id that each line has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cltv_ml.engine import Relation

#: Fewest ids on several lines, and how many more ids than orders there are at least.
_FEWEST_REPEATED, _FINER = 3, 1.02

#: Number of lines that show the ids, and of columns that are tried.
_LINES_SEEN, _TRIED = 20_000, 12


def find_line_id(
    lines: Relation, order: str, same: Sequence[str], where: str, columns: Mapping[str, str]
) -> str:
    """Return the column whose ids stand on several lines, always of one order and alike; empty if none does.

    Parameters
    ----------
    order, where
        SQL for a line's order, and for the lines that are sales.
    same
        SQL of what lines of one id have in common, such as product and amount.
    columns
        SQL of the columns that may hold ids, by name.
    """
    for column, value in [*columns.items()][:_TRIED]:
        differ = " or ".join(f"min({own}) is distinct from max({own})" for own in (order, *same))
        ids, repeated, apart, orders = lines.row(
            "select count(*), count(*) filter (n > 1), count(*) filter (differs), count(distinct own) from (select "
            f"count(*) as n, {differ} as differs, any_value({order}) as own from (from {lines} limit {_LINES_SEEN}) "
            f"where {where} and {value} is not null and {order} is not null group by {value})"
        )
        if repeated >= _FEWEST_REPEATED and not apart and ids >= _FINER * orders:
            return column
    return ""
