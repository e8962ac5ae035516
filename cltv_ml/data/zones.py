"""SQL that converts times between UTC and a named time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def once(value: str, name: str, expression: str) -> str:
    """Return SQL for an expression that computes the value called `name` only once."""
    return f"list_transform([{value}], lambda {name}: {expression})[1]"


def shift(time: str, zone: str, to_utc: bool) -> str:
    """Return SQL that converts `time` between UTC and `zone` by the zone's offset at that time.

    The engine's own time-zone functions live in an extension that is downloaded at run time, so the
    zone's changes of offset since 1970 are written into the expression.
    """
    changes = [(start + offset if to_utc else start, _seconds(offset)) for start, offset in _offsets(zone)]
    branches = " ".join(
        f"when t >= timestamp '{start}' then {seconds}" for start, seconds in reversed(changes)
    )
    seconds = f"(case {branches} else {changes[0][1]} end)"
    return once(time, "t", f"t {'-' if to_utc else '+'} to_seconds({seconds})")


def _offsets(zone: str) -> list[tuple[datetime, timedelta]]:
    """Return when, in UTC, each offset of a zone began, from 1970 to 2050, to the hour."""
    info, day = ZoneInfo(zone), timedelta(days=1)
    moment, last = datetime(1970, 1, 1, tzinfo=UTC), None
    offsets = []
    while moment.year < 2050:
        offset = moment.astimezone(info).utcoffset() or timedelta(0)
        if offset != last:
            change = moment if last is None else _change(moment - day, info, last)
            offsets.append((change.replace(tzinfo=None), offset))
            last = offset
        moment += day
    return offsets


def _change(moment: datetime, info: ZoneInfo, offset: timedelta) -> datetime:
    while moment.astimezone(info).utcoffset() == offset:
        moment += timedelta(minutes=15)
    return moment


def _seconds(offset: timedelta) -> int:
    return int(offset.total_seconds())
