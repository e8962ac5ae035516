"""Implausible days: placeholders, and isolated days years away from all others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from cltv_ml.engine import Relation

#: Days that software writes for a missing date: the start of its calendar.
PLACEHOLDERS = {
    date(1900, 1, 1),
    date(1900, 1, 2),
    date(1899, 12, 30),
    date(1899, 12, 31),
    date(1904, 1, 1),
    date(1970, 1, 1),
    date(1969, 12, 31),
    date(1970, 1, 2),
    date(1980, 1, 1),
    date(2000, 1, 1),
    date(2001, 1, 1),
}

#: A day counts as a placeholder if no other day lies within this many days.
_ALONE = timedelta(days=366)

#: Other days are isolated if at most this share of at least this many lines lies beyond a gap that is at least two
#: years and longer than the remaining period.
_FEW, _LINES, _GAP = 0.005, 200, timedelta(days=730)


@dataclass(frozen=True)
class Plausible:
    """The plausible first and last day of a log that also has lines far outside."""

    first: date
    last: date
    note: str

    @property
    def test(self) -> str:
        """SQL for whether a line lies outside."""
        return f"timestamp < timestamp '{self.first}' or timestamp >= timestamp '{self.last + timedelta(days=1)}'"


def plausible_days(lines: Relation, read_at: date) -> Plausible | None:
    """Return the plausible range of days, None if all days are plausible."""
    counted = lines.rows(
        f"select cast(timestamp as date), count(*), min(timestamp), max(timestamp) from {lines} where timestamp >= "
        f"timestamp '1899-01-01' and timestamp <= timestamp '{read_at + timedelta(days=1)}' group by 1 order by 1"
    )
    if not counted or counted[-1][3] - counted[0][2] < _GAP:
        return None
    days = [(day, count) for day, count, *_ in counted]
    body = _body(days, sum(count for _, count in days))
    aside = [(day, count) for day, count in days if (day, count) not in body]
    if not aside:
        return None
    shown = ", ".join(str(day) for day, _ in aside[:3]) + (", ..." if len(aside) > 3 else "")
    outside = sum(count for _, count in aside)
    note = (
        f"{outside:,} lines dated {shown} were quarantined: these days are far from all others and look like "
        "placeholders or typing errors (--rule off=implausible_date keeps them)."
    )
    return Plausible(body[0][0], body[-1][0], note)


def _body(days: list[tuple[date, int]], lines: int) -> list[tuple[date, int]]:
    """Return the days without placeholders and isolated days at both ends."""
    body = list(days)
    while len(body) > 1 and body[0][0] in PLACEHOLDERS and body[1][0] - body[0][0] > _ALONE:
        body.pop(0)
    if lines < _LINES:
        return body
    for backwards in (False, True):
        ordered = body[::-1] if backwards else body
        lines_before = cut = 0
        for place in range(len(ordered) - 1):
            lines_before += ordered[place][1]
            if lines_before > _FEW * lines:
                break
            gap = abs(ordered[place + 1][0] - ordered[place][0])
            remaining = abs(ordered[-1][0] - ordered[place + 1][0])
            if gap >= max(_GAP, remaining):
                cut = place + 1
        body = ordered[cut:][::-1] if backwards else ordered[cut:]
    return body
