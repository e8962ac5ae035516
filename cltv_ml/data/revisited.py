"""Lines that need a second look, read from the source only once."""

from __future__ import annotations

from functools import cached_property

from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.engine import Relation, keep, show


class Revisited:
    """Some of the source's lines."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    @cached_property
    def raw(self) -> Relation:
        """The lines as they came."""
        return keep(self._lines.source.con, "revisited", f"from {self._lines.source} limit 0")

    @cached_property
    def parsed(self) -> Relation:
        """The same lines as `Lines.parsed` has them."""
        return show(self.raw.con, "lines", self._lines.query_of(self.raw))

    def add(self, rows: str) -> None:
        """Read the lines of a query, which has the column `source_row`, where that has not been done."""
        missing = keep(
            self.raw.con,
            "missing",
            f"select source_row from ({rows}) anti join {self.raw} using (source_row)",
        )
        if missing.count():
            self.raw.change(
                f"insert into {self.raw} from {self._lines.source} semi join {missing} using (source_row)"
            )

    def add_aside(self, aside: Aside, others: str = "") -> None:
        """Read the lines that are set aside, and others; broken ones are no lines of the table."""
        if aside.table.count() or others:
            self.add(f"select source_row from {aside} where rule <> 'broken_line' {others}")
