"""The lines set aside so far: their rows in the source, each with the rule that it broke."""

from __future__ import annotations

from dataclasses import dataclass

from cltv_ml.engine import MONEY_SCALE, Relation


@dataclass(frozen=True)
class Aside:
    """The lines set aside so far.

    Every step of a cleaning receives it, skips the lines in it and adds to it.

    Parameters
    ----------
    table
        `source_row` and `rule`.
    """

    table: Relation

    def __str__(self) -> str:
        """Return the name, as a query spells it."""
        return str(self.table)

    def add(self, rule: str, query: str) -> None:
        """Set the rows of a query, which has the column `source_row`, aside for a rule."""
        self.table.change(f"insert into {self} select source_row, '{rule}' from ({query})")

    def taken(self, rule: str, marks: Relation) -> tuple[int, float]:
        """Return how many lines broke a rule, and their money."""
        lines, money = self.table.row(
            f"select count(*), coalesce(sum(money), 0) from {self} as aside join {marks} using (source_row) "
            f"where aside.rule = '{rule}'"
        )
        return int(lines), int(money) / MONEY_SCALE
