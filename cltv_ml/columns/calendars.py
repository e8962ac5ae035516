"""Conversion to ISO dates from Japanese eras, Buddhist, Minguo and Persian years, weeks and quarters."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, Protocol

from cltv_ml.columns import times
from cltv_ml.columns.zones import once
from cltv_ml.engine import Relation
from cltv_ml.errors import InputError


class TextColumns(Protocol):
    """The columns of a table, whether doubts are asked about, and notes on how they were read."""

    table: Relation
    ask: bool
    notes: list[str]

    @property
    def last_year(self) -> int:
        """The last year that two digits may stand for."""

    def row(self, query: str) -> tuple[Any, ...]:
        """Return the one row of a query."""


#: Number of lines inspected for a column's notations.
_FIRST = 20_000

_ERA = r"^(令和|平成|昭和|民國|民国|[RHS])[.]?(\d{1,3}|元)(?:年|[./-])(\d{1,2})(?:月|[./-])(\d{1,2})日?(.*)$"
_WEEK = r"^(\d{4})-?W(\d{2})(?:-?([1-7]))?$|^(?:KW|CW|W|S|Week|Woche) ?(\d{1,2})[ /.-]+(\d{4})$"
#: A quarter of a year in several languages.
QUARTER_FORM = (
    r"^(\d{4})[-/ .]*(?:Q|T|K|KV|CQ|кв[. ]*)([1-4])$"
    r"|^(?:Q|T|K|KV|CQ|Qtr|Quarter|Quartal|Trimestre|кв[.]?) ?([1-4])[-/ .’\x27]*(\d{4}|\d{2})$"
    r"|^([1-4])(?:st|nd|rd|th)?[.]? ?(?:Q|T|Quartal|Quarter|Trimestre|кв[.]?|квартал|kwartał)[-/ .]*(\d{4})$"
)
_ORDINAL = r"^(\d{4})[-/.](\d{3})$"
_BASIC = r"^(\d{8})T(\d\d)(\d\d)(\d\d)?(Z|[+-]\d\d:?\d\d|[.]\d+Z?)?$"
_DOTTED = r" (\d\d?)[.](\d\d)[.](\d\d)(?:[.]\d+)?( ?[AP]M)?\b"
_HOURS = r" ?(\d\d?)[時时시] ?(?:(\d\d?)[分분])?(?: ?\d\d?[秒초])?$"
_NET = r"^/Date\((\d{9,13})(?:[+-]\d{4})?\)/$"
_SERIAL = r"^\d{5},\d+$"
_NOON = "오전|오후|上午|下午|午前|午後|[πΠ][.]?[μΜ]|[μΜ][.]?[μΜ]|[صم]$|SA$|CH$"
_NAMED_WEEKDAY = r"\s*[(（][月火水木金土日월화수목토][)）]\s*"
_VIETNAMESE = r"(?i)(?:ngày\s*)?(\d{1,2})\s*tháng\s*(\d{1,2}),?\s*(?:năm\s*)?(\d{4})"
_THAI = r"(?:ม|ก|มี|เม|พ|มิ|ส|ต|ธ)[.] ?[คพย][.]"
_THAI_MONTHS = "ม.ค. ก.พ. มี.ค. เม.ย. พ.ค. มิ.ย. ก.ค. ส.ค. ก.ย. ต.ค. พ.ย. ธ.ค."
_ENGLISH_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"
_YEARS = r"(?:^|\D)(1[34]\d\d|2[45]\d\d)(?:\D|$)"
_OTHER_YEAR = r"^(1[34]\d\d|2[45]\d\d)[/.-]\d|[/.-](1[34]\d\d|2[45]\d\d)(?:[ T,]|$)"
_DAY_AHEAD = r"^(\d{1,2})[/.-](\d{1,2})[/.-](1[34]\d\d)(.*)$"
_TAIWAN = r"^(\d{2,3})([/.-])(\d{1,2})[/.-](\d{1,2})(.*)$"

#: Other calendars' dates written in digits only: 25670131, 14030131 and 1130131.
_DAY_DIGITS = r"(1[34]\d\d|2[45]\d\d|1[01]\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"

#: Ways of writing times that a column is searched for, by name.
_WAYS = {
    "era": _ERA,
    "week": _WEEK,
    "quarter": QUARTER_FORM,
    "ordinal": _ORDINAL,
    "basic": _BASIC,
    "dotted": _DOTTED,
    "hours": _HOURS,
    "net": _NET,
    "serial": _SERIAL,
    "noon": _NOON,
    "named weekday": _NAMED_WEEKDAY,
    "vietnamese": _VIETNAMESE,
    "thai": _THAI,
    "other years": _YEARS,
    "our years": r"(?:^|\D)(19|20)\d\d(?:\D|$)",
    "taiwan": r"^1[01]\d[/.-]\d{1,2}[/.-]\d{1,2}",
}


def from_digits(columns: TextColumns, column: str, text: str) -> str:
    """Return SQL for a column's texts, with dates of other calendars in digits only as year-month-day."""
    lines = f"(select {text} as t from {columns.table} limit {_FIRST}) where t <> ''"
    if (
        not columns.ask
        or not columns.row(f"select bool_and(regexp_full_match(t, '{_DAY_DIGITS}')) from {lines}")[0]
    ):
        return text
    return f"regexp_replace({text}, '^{_DAY_DIGITS}$', '\\1-\\2-\\3')"


def as_iso(columns: TextColumns, column: str, text: str) -> str:
    """Return SQL for a text column's times, with dates of other calendars converted to ISO dates.

    Raises
    ------
    InputError
        The years belong to the Islamic calendar, whose months follow no fixed rule.
    """
    if not columns.ask:
        return text
    lines = f"(select {text} as t from {columns.table} limit {_FIRST}) where t <> ''"
    usual = f"t >= '19' and t < '21' and regexp_full_match(t, '{times.PLAIN}')"
    if not columns.row(f"select count(*) from {lines} and not ({usual})")[0]:
        return text
    counts = ", ".join(f"count(*) filter (where regexp_matches(t, '{way}'))" for way in _WAYS.values())
    *counted, dated = columns.row(f"select {counts}, count(*) from {lines}")
    seen = {name: count for name, count in zip(_WAYS, counted, strict=True) if count}
    _check_months(columns, column, lines)
    text = _with_days(columns, column, text, seen)
    for way, rewrite in _CLOCK_SQL.items():
        if way in seen:
            text = rewrite(text)
    if "other years" in seen and "our years" not in seen:
        return _from_years(columns, column, text)
    if "other years" in seen:
        _tell_of_other_years(columns, column, lines)
    if seen.get("taiwan") == dated:
        return _from_taiwan(columns, column, text)
    return text


def _with_days(columns: TextColumns, column: str, text: str, seen: Container[str]) -> str:
    """Return SQL for texts with eras, weeks, quarters and ordinal dates as dates; add notes on weeks and quarters."""
    if "era" in seen:
        text = once(text, "t", _from_era())
    if "week" in seen:
        if columns.table.holds(
            f"regexp_full_match({text}, '.*(?:W\\d\\d|\\d{{4}})') and regexp_matches({text}, '{_WEEK}')"
        ):
            columns.notes.append(
                f"Column {column!r} contains weeks. Each was read as its Monday, so a customer's purchases within a "
                "week count as one day."
            )
        text = once(text, "t", _from_week())
    if "quarter" in seen:
        columns.notes.append(
            f"Column {column!r} contains quarters. Each was read as the quarter's first day, so a customer's "
            "purchases within a quarter count as one day."
        )
        text = once(text, "t", _from_quarter(columns.last_year))
    if "ordinal" in seen:
        day = "strftime(try_strptime(replace(replace(t, '/', '-'), '.', '-'), '%Y-%j'), '%Y-%m-%d')"
        text = once(text, "t", f"if(regexp_matches(t, '{_ORDINAL}'), {day}, t)")
    return text


def _check_months(columns: TextColumns, column: str, lines: str) -> None:
    """Raise InputError if "Jan 05" seems to be a day without a year rather than a month of 2005."""
    last = columns.last_year
    number = times.letters(r"try_cast(regexp_extract(t, '^\p{L}{3,}[. /-]*(\d{2})$', 1) as integer)")
    year = f"{last} - ({last} - {number}) % 100"
    first, latest, example = columns.row(
        f"select min({year}), max({year}), min(t) filter ({number} > 0) from {lines}"
    )
    if first is not None and latest - first > 15:
        raise InputError(
            f"column {column!r}: dates such as {example!r} seem to lack a year, because as months they would "
            f"range from {first} to {latest}. Export dates with the year."
        )


def _from_era() -> str:
    eras = {
        "令和": 2018,
        "R": 2018,
        "平成": 1988,
        "H": 1988,
        "昭和": 1925,
        "S": 1925,
        "民國": 1911,
        "民国": 1911,
    }
    starts = f"map({list(eras)}, {list(eras.values())})"
    fields = f"regexp_extract(t, '{_ERA}', ['era', 'year', 'month', 'day', 'rest'])"
    year = f"{starts}[e.era] + coalesce(try_cast(e.year as integer), 1)"
    return f"if(regexp_matches(t, '{_ERA}'), {once(fields, 'e', f'({year}) || {_dashed()} || e.rest')}, t)"


def _dashed() -> str:
    return "'-' || e.month || '-' || e.day"


def _from_week() -> str:
    """Return SQL for the date of a week's day, its Monday if no day is given."""
    fields = f"regexp_extract(t, '{_WEEK}', ['y', 'w', 'd', 'v', 'z'])"
    year, week = "coalesce(nullif(e.y, ''), e.z)", "coalesce(nullif(e.w, ''), e.v)"
    first = f"date_trunc('week', make_date(cast({year} as integer), 1, 4))"
    days = f"(cast({week} as integer) - 1) * 7 + coalesce(try_cast(e.d as integer), 1) - 1"
    day = f"cast(cast({first} as date) + cast({days} as integer) as varchar)"
    return f"if(regexp_matches(t, '{_WEEK}'), {once(fields, 'e', day)}, t)"


def _from_quarter(last: int) -> str:
    """Return SQL for the first day of a quarter."""
    fields = f"regexp_extract(t, '{QUARTER_FORM}', ['y', 'q', 'r', 'z', 's', 'x'])"
    year, quarter = "concat(e.y, e.z, e.x)", "cast(concat(e.q, e.r, e.s) as integer)"
    day = f"{times.full_year(year, last)} || '-' || ({quarter} * 3 - 2) || '-01'"
    return f"if(regexp_matches(t, '{QUARTER_FORM}'), {once(fields, 'e', day)}, t)"


def _from_hours(text: str) -> str:
    """Return SQL for times of day with Chinese, Japanese or Korean signs as HH:MM."""
    clock = f"regexp_extract(t, '{_HOURS}', 1) || ':' || lpad(regexp_extract(t, '{_HOURS}', 2), 2, '0')"
    moment = f"regexp_replace(t, '{_HOURS}', '') || ' ' || {clock}"
    return once(text, "t", f"if(regexp_matches(t, '{_HOURS}'), {moment}, t)")


def _with_noon(text: str) -> str:
    """Return SQL for times with AM and PM written in other languages."""
    for names, half in (("오전|上午|午前", "AM"), ("오후|下午|午後", "PM")):
        text = rf"regexp_replace({text}, '^(.*?) ?(?:{names}) ?(\d.*)$', '\1 \2 {half}')"
    for names, half in (
        (r"[πΠ]\.?[μΜ]\.?|ص|SA", "AM"),
        (r"[μΜ]\.?[μΜ]\.?|م|CH", "PM"),
    ):
        text = rf"regexp_replace({text}, '(:\d\d) ?(?:{names})$', '\1 {half}')"
    return text


def _with_thai_months(text: str) -> str:
    """Return SQL for texts with short Thai months in English, which other short months are read with."""
    for thai, month in zip(_THAI_MONTHS.split(), _ENGLISH_MONTHS.split(), strict=True):
        text = f"replace({text}, '{thai}', '{month}')"
    return text


#: By way of writing: the SQL for a text with its time of day as HH:MM, or its number of a moment as a plain number.
_CLOCK_SQL: dict[str, Callable[[str], str]] = {
    "basic": lambda text: f"replace(regexp_replace({text}, '{_BASIC}', '\\1 \\2:\\3:\\4\\5'), ':Z', ':00Z')",
    "dotted": lambda text: f"regexp_replace({text}, '{_DOTTED}', ' \\1:\\2:\\3\\4')",
    "hours": _from_hours,
    "net": lambda text: f"regexp_replace({text}, '{_NET}', '\\1')",
    "serial": lambda text: once(text, "t", f"if(regexp_matches(t, '{_SERIAL}'), replace(t, ',', '.'), t)"),
    "noon": _with_noon,
    "named weekday": lambda text: f"trim(regexp_replace({text}, '{_NAMED_WEEKDAY}', ' '))",
    "vietnamese": lambda text: f"regexp_replace({text}, '{_VIETNAMESE}', '\\3-\\2-\\1')",
    "thai": _with_thai_months,
}


def _from_years(columns: TextColumns, column: str, text: str) -> str:
    """Return SQL for dates of a column whose years all belong to another calendar."""
    year = f"try_cast(regexp_extract(t, '{_YEARS}', 1) as integer)"
    low, high, example = columns.row(
        f"select min({year}), max({year}), min(t) from (select {text} as t from {columns.table}) "
        f"where regexp_matches(t, '{_YEARS}')"
    )
    if low >= 2443 and high <= 2643:
        columns.notes.append(
            f"Column {column!r}: the years in dates such as {example!r} are Buddhist, so 543 was "
            "subtracted from each."
        )
        return once(text, "t", f"replace(t, cast({year} as varchar), cast({year} - 543 as varchar))")
    if low >= 1300 and high <= 1415:
        columns.notes.append(
            f"Column {column!r}: dates such as {example!r} were read as Persian calendar dates."
        )
        behind = f"regexp_replace({text}, '{_DAY_AHEAD}', '\\3-\\2-\\1\\4')"
        return once(behind, "t", _from_persian())
    if low >= 1416 and high < 1500:
        raise InputError(
            f"column {column!r} contains dates such as {example!r}, which seem to be Islamic calendar dates. "
            "Convert them to Gregorian dates in the export."
        )
    return text


def _tell_of_other_years(columns: TextColumns, column: str, lines: str) -> None:
    """Add a note if some dates of a column have years of another calendar and others have ours."""
    other, example = columns.row(
        f"select count(*), min(t) from {lines} and regexp_matches(t, '{_OTHER_YEAR}') "
        "and not regexp_matches(t, '(19|20)\\d\\d')"
    )
    if other:
        columns.notes.append(
            f"Column {column!r}: {other:,} dates such as {example!r} have years of another calendar, unlike the "
            "others, and are not read. Export all dates in one calendar."
        )


def _from_persian() -> str:
    way = r"^(1[34]\d\d)[/.-](\d{1,2})[/.-](\d{1,2})(.*)$"
    fields = f"regexp_extract(t, '{way}', ['year', 'month', 'day', 'rest'])"
    year, month, day = (f"cast(e.{name} as integer)" for name in ("year", "month", "day"))
    since = f"({year} + 1595)"
    days = (
        f"365 * {since} + ({since} // 33) * 8 + (({since} % 33) + 3) // 4 + {day} "
        f"+ if({month} < 7, ({month} - 1) * 31, ({month} - 7) * 30 + 186)"
    )
    # Day 1 of 1403 was 2024-03-20.
    fixed = 365 * 2998 + (2998 // 33) * 8 + ((2998 % 33) + 3) // 4 + 1
    date = f"cast(date '2024-03-20' + cast({days} - {fixed} as integer) as varchar) || e.rest"
    return f"if(regexp_matches(t, '{way}'), {once(fields, 'e', date)}, t)"


def _from_taiwan(columns: TextColumns, column: str, text: str) -> str:
    fields = f"regexp_extract(t, '{_TAIWAN}', ['year', 'sign', 'month', 'day', 'rest'])"
    columns.notes.append(
        f"Column {column!r}: years such as 113 were read as years of the Minguo calendar (Taiwan), "
        "which counts from 1911."
    )
    return once(text, "t", once(fields, "e", f"(cast(e.year as integer) + 1911) || {_dashed()} || e.rest"))
