"""Counts of marked lines by the rule that they break by themselves; one query makes many later ones unnecessary."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cltv_ml.engine import Relation


class Counts(NamedTuple):
    """Numbers of lines: all, those with an order id, and those without money."""

    lines: int
    ordered: int
    free: int


@dataclass(frozen=True)
class Tally:
    """The counts of the lines before any step changed their rules."""

    #: By rule, None for the lines that break none, and whether the lines are returns.
    counts: Mapping[tuple[str | None, bool], Counts]
    #: The last `source_row`, None without lines.
    last: int | None

    @property
    def returns(self) -> bool:
        """Whether any line is a return, quarantined or not."""
        return any(is_return for _, is_return in self.counts)

    @property
    def unbroken(self) -> int:
        """The number of lines that break no rule by themselves."""
        return sum(counts.lines for (broken, _), counts in self.counts.items() if broken is None)

    def ends(self, lines: int) -> str:
        """Return SQL for whether a row is one of the first or last `lines` rows of the source."""
        return f"(source_row < {lines} or source_row > {(self.last or 0) - lines})"

    def breaks(self, rule: str) -> bool:
        """Whether any line breaks a rule by itself."""
        return any(broken == rule for broken, _ in self.counts)

    def only_breaks(self, rules: Collection[str]) -> bool:
        """Whether every line breaks one of these rules."""
        return all(broken in rules for broken, _ in self.counts)

    def counts_ordered(self, rule: str) -> bool:
        """Whether any line with an order id breaks a rule."""
        return any(counts.ordered for (broken, _), counts in self.counts.items() if broken == rule)

    @property
    def free(self) -> bool:
        """Whether any line that breaks no rule has an amount of zero."""
        return any(counts.free for (broken, _), counts in self.counts.items() if broken is None)

    @property
    def gives_away(self) -> bool:
        """Whether any line that is not a completed sale has an amount of zero."""
        return any(counts.free for (broken, _), counts in self.counts.items() if broken == "not_completed")


def count_marks(marks: Relation) -> Tally:
    """Return the counts of marked lines (see `Lines.marks`)."""
    rows = marks.rows(
        "select rule, is_return, count(*), count(by_order), count(*) filter (money = 0), max(source_row) "
        f"from {marks} group by all"
    )
    counts = {(rule, is_return): Counts(*numbers) for rule, is_return, *numbers, _ in rows}
    return Tally(counts, max((last for *_, last in rows), default=None))
