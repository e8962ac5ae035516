"""Quarantined lines: row in the source and the rule that each broke."""

from __future__ import annotations

from dataclasses import dataclass

from cltv_ml.engine import MONEY_SCALE, Relation


@dataclass(frozen=True)
class Aside:
    """The lines set aside so far.

    Every step of a cleaning receives it, skips the lines in it and adds to it.
    """

    #: `source_row` and `rule`.
    table: Relation

    def __str__(self) -> str:
        """Return the table's name as used in queries."""
        return str(self.table)

    def add(self, rule: str, query: str) -> None:
        """Quarantine the rows that a query returns in its column `source_row`, under a rule."""
        self.table.change(f"insert into {self} select source_row, '{rule}' from ({query})")

    def add_and_count(self, rule: str, query: str, marks: Relation) -> tuple[int, float]:
        """Quarantine rows as `add` does; return how many lines these are, and their money."""
        lines_before, money_before = self.taken(rule, marks)
        self.add(rule, query)
        lines, money = self.taken(rule, marks)
        return lines - lines_before, money - money_before

    def taken(self, rule: str, marks: Relation) -> tuple[int, float]:
        """Return the number of lines that broke a rule, and their money."""
        lines, money = self.table.row(
            f"select count(*), coalesce(sum(money), 0) from {self} as aside join {marks} using (source_row) "
            f"where aside.rule = '{rule}'"
        )
        return int(lines), int(money) / MONEY_SCALE
