"""Revisited lines: a source is read once for all lines that need a second look, and the others are skipped."""

from __future__ import annotations

from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.engine import Relation, keep, show


class Revisited:
    """Some of the source's lines.

    Attributes
    ----------
    raw
        The lines as they came.
    parsed
        The same lines as `Lines.parsed` has them.
    """

    def __init__(self, lines: Lines) -> None:
        self._source = lines.source
        self.raw: Relation = keep(lines.source.con, "revisited", f"from {lines.source} limit 0")
        self.parsed: Relation = show(lines.source.con, "lines", lines.query_of(self.raw))

    def add(self, rows: str) -> None:
        """Read the lines of a query, which has the column `source_row`, where that has not been done."""
        con = self._source.con
        missing = keep(
            con, "missing", f"select source_row from ({rows}) anti join {self.raw} using (source_row)"
        )
        if missing.holds("true"):
            con.execute(f"insert into {self.raw} from {self._source} semi join {missing} using (source_row)")

    def add_aside(self, aside: Aside, others: str = "") -> None:
        """Read the lines that are set aside, and others; broken ones are no lines of the table."""
        self.add(f"select source_row from {aside} where rule <> 'broken_line' {others}")
