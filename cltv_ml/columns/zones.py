"""SQL that converts times between UTC and a named time zone, and the names of zones behind times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from cltv_ml.engine import Relation

#: Zones that are written by a short name without an offset of its own.
_SHORT_NAMES = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
    **dict.fromkeys(("EST", "EDT"), "America/New_York"),
    **dict.fromkeys(("CST", "CDT"), "America/Chicago"),
    **dict.fromkeys(("MST", "MDT"), "America/Denver"),
    **dict.fromkeys(("PST", "PDT"), "America/Los_Angeles"),
    **dict.fromkeys(("CET", "CEST", "MEZ", "MESZ"), "Europe/Berlin"),
    "BST": "Europe/London",
    "MSK": "Europe/Moscow",
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "HKT": "Asia/Hong_Kong",
    "SGT": "Asia/Singapore",
    "SAST": "Africa/Johannesburg",
    **dict.fromkeys(("AEST", "AEDT", "AET"), "Australia/Sydney"),
    **dict.fromkeys(("NZST", "NZDT"), "Pacific/Auckland"),
    "BRT": "America/Sao_Paulo",
}

#: A clock time and, behind it, the name of a zone, perhaps in brackets.
_ZONE_NAME = r":\d\d(?:[.,]\d+)?(?: ?[AaPp][Mm])?[ (]+([A-Z][A-Za-z]+/[A-Za-z_/+-]+|[A-Z]{2,4})\)?$"
_STRIPPED = r"[ (]+(?:[A-Z][A-Za-z]+/[A-Za-z_/+-]+|[A-Z]{2,4})\)?$"

#: What a heading calls times in UTC; an offset behind it names another zone.
_IN_UTC = re.compile(
    r"(?<![A-Za-z])(utc|gmt|UTC|GMT)(?![A-Za-z+-])|(?<=[a-z])(Utc|UTC|Gmt|GMT)(?![A-Za-z+-])"
)

#: First lines that are searched for names of zones; only if they have some, all lines are.
_SEARCHED = 10_000


def once(value: str, name: str, expression: str) -> str:
    """Return SQL for an expression that computes the value called `name` only once."""
    return f"list_transform([{value}], lambda {name}: {expression})[1]"


def says_utc(column: str) -> bool:
    """Whether a heading says that its times are in UTC.

    >>> [says_utc(heading) for heading in ("Date (UTC)", "date_created_gmt", "createdAtUtc", "Date (GMT+2)", "Utcaid")]
    [True, True, True, False, False]
    """
    return _IN_UTC.search(column) is not None


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


def find_named_zones(table: Relation, text: str) -> dict[str, str]:
    """Return the names of zones behind the times of a table whose first lines have some, and the zones they stand for.

    >>> from cltv_ml.engine import connect, keep
    >>> rows = keep(connect(), "rows", "select '2024-11-03 01:30:00 America/New_York' as t")
    >>> find_named_zones(rows, "t")
    {'America/New_York': 'America/New_York'}
    """
    sought = f"regexp_extract(t, '{_ZONE_NAME}', 1)"
    times = f"(select {text} as t from {table}{{}}) where t[-1:] > '9'"
    if not table.rows(f"select 1 from {times.format(f' limit {_SEARCHED}')} and {sought} <> '' limit 1"):
        return {}
    names = table.rows(f"select distinct {sought} as name from {times.format('')} and name <> '' order by 1")
    known = available_timezones()
    zones = {name: _SHORT_NAMES.get(name, name) for (name,) in names}
    if {"BST", "GMT"} <= set(zones):  # in summer and in winter
        zones["GMT"] = zones["BST"]
    return {name: zone for name, zone in zones.items() if zone in known and "/" in zone}


def without_zone_name(text: str, names: Iterable[str]) -> str:
    """Return SQL for a time without the name of its zone, if it is one of these."""
    listed = ", ".join(f"'{name}'" for name in names)
    named = f"regexp_extract({text}, '{_ZONE_NAME}', 1) in ({listed})"
    return f"if({named}, regexp_replace({text}, '{_STRIPPED}', ''), {text})"


def read_named(text: str, time: str, zones: Mapping[str, str], timezone: str | None) -> str:
    """Return SQL for the business time of a local time, whose zone the text names.

    Without a `timezone`, a time stays as it is if all are of one zone, and is in UTC otherwise.
    """
    if timezone is None and len(set(zones.values())) == 1:
        return time
    ways = " ".join(f"when '{name}' then {shift(time, zone, to_utc=True)}" for name, zone in zones.items())
    utc = f"case regexp_extract({text}, '{_ZONE_NAME}', 1) {ways} else {time} end"
    return utc if timezone in (None, "UTC") else shift(utc, str(timezone), to_utc=False)


def tell_of_named_zones(column: str, zones: Mapping[str, str], timezone: str | None) -> str:
    """Return the note on times that name their zone."""
    names = ", ".join(zones)
    if len(set(zones.values())) == 1 and timezone is None:
        return (
            f"Times in column {column!r} name their zone, {names}, and are its local times (--rule "
            "timezone=Europe/Paris would convert them)."
        )
    return f"Times in column {column!r} name their zones, {names}, and were converted to {timezone or 'UTC'}."


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
