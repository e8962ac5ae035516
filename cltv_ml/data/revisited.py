"""Lines that need a second look, read from the source only once."""

from __future__ import annotations

from functools import cached_property

from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.engine import Relation, keep, show


class Revisited:
    """Selected lines of the source, each read once."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    @cached_property
    def raw(self) -> Relation:
        """The lines as in the source."""
        return keep(self._lines.source.con, "revisited", f"from {self._lines.source} limit 0")

    @cached_property
    def parsed(self) -> Relation:
        """The same lines with the columns of `Lines.parsed`."""
        return show(self.raw.con, "lines", self._lines.query_of(self.raw))

    def add(self, rows: str) -> None:
        """Read the lines of a query, which has the column `source_row`, unless they were read before."""
        missing = keep(
            self.raw.con,
            "missing",
            f"select source_row from ({rows}) anti join {self.raw} using (source_row)",
        )
        if missing.count():
            self.raw.change(
                f"insert into {self.raw} from {self._lines.source} semi join {missing} using (source_row)"
            )

    def add_aside(self, aside: Aside, further: str = "") -> None:
        """Read the quarantined lines, and those of a further query; broken lines are not in the table."""
        if aside.table.count() or further:
            self.add(f"select source_row from {aside} where rule <> 'broken_line' {further}")
