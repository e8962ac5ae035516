"""A glance at columns: lines from all over the source, few enough to look at every column."""

from __future__ import annotations

from collections.abc import Sequence

from cltv_ml.data.parse import Columns, quote
from cltv_ml.data.rules import Rules
from cltv_ml.engine import Relation, keep

#: A source with fewer lines is looked at as a whole; of others so many blocks of so many lines.
_ALL, _BLOCKS, _BLOCK = 30_000, 10, 2_000


class Glance:
    """Lines from all over a source.

    Parameters
    ----------
    table
        The source's rows.
    columns
        The columns to be looked at; none makes no table.
    """

    def __init__(self, table: Relation, columns: Sequence[str]) -> None:
        self.rows = 0
        if not columns:
            return
        rows = table.count()
        where = "true"
        if rows > _ALL:
            starts = [number * (rows - _BLOCK) // (_BLOCKS - 1) for number in range(_BLOCKS)]
            where = " or ".join(f"source_row between {start} and {start + _BLOCK - 1}" for start in starts)
        self.lines = keep(table.con, "glance", f"from {table} where {where}")
        self.rows = self.lines.count()

    def levels(self, column: str, most: int) -> dict[str, int] | None:
        """Return the different values of a column with their numbers of lines, None where there are too many."""
        found = self.lines.rows(
            f"select coalesce(trim(cast({quote(column)} as varchar)), '') as level, count(*) from {self.lines} "
            f"group by 1 order by 2 desc, 1 limit {most + 1}"
        )
        return None if len(found) > most else {str(level): int(rows) for level, rows in found}

    def filled(self, column: str) -> int:
        """Return on how many lines a column holds something."""
        return self._one(f"count(*) filter (where trim(cast({quote(column)} as varchar)) <> '')")

    def any_number(self, column: str) -> bool:
        """Whether a column holds a number other than 0."""
        return bool(self._one(f"count(*) filter (where {self.number(column)} <> 0)"))

    def differ(self, one: str, other: str) -> bool:
        """Whether two columns of numbers differ on any line."""
        return bool(self._one(f"count(*) filter (where {self.number(one)} <> {self.number(other)})"))

    def is_paired(self, column: str, order: str | None, amount: str | None) -> bool:
        """Whether a column differs wherever an order has the same amount on two lines, which some have."""
        if not order or not amount:
            return False
        pairs, differ = self.lines.row(
            f"select count(*), count(*) filter (where least < most) from (select min({quote(column)}) as least, "
            f"max({quote(column)}) as most from {self.lines} group by {quote(order)}, {quote(amount)} "
            "having count(*) = 2)"
        )
        return bool(pairs and differ >= 0.9 * pairs)

    def number(self, column: str) -> str:
        """Return SQL for the numbers of a column, read in the first way that fits."""
        return Columns(self.lines, Rules(), ask=False).number(column)

    def _one(self, expression: str) -> int:
        return int(self.lines.row(f"select {expression} from {self.lines}")[0])
