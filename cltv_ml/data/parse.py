"""SQL expressions that turn a source column of any type into an identifier, a number or a business time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb

from cltv_ml.data.rules import Rules
from cltv_ml.engine import quoted
from cltv_ml.errors import InputError

#: Stands before every column of a source inside the engine: names of our own hold no colon.
MARK = "source:"

_NUMBERS = re.compile(r"(U|HUGE|UHUGE|BIG|SMALL|TINY|UBIG|USMALL|UTINY)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL.*")
_NOTHING = "('', 'null', 'nan', 'none', 'n/a', 'na', '<na>', 'nat', '#n/a')"
_CODES = "USD|EUR|GBP|CHF|JPY|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|INR|CNY|BRL|MXN|ZAR|RUB|TRY"
_SIGN = rf"\p{{Sc}}|{_CODES}"

#: How a numeric date is written: two fields of one or two digits, a year, and perhaps a time.
_DAY_MONTH = r"^(\d{1,2})([/\-.])(\d{1,2})[/\-.](\d{4}|\d{2})(?:$|[ T,]+(.*)$)"

_ZONED = r":\d\d(\.\d+)? ?(Z|UTC|GMT|[+-]\d\d(:?\d\d)?)$"

_WRITTEN_OUT = [
    f"{date}{time}"
    for date in ("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%a, %d %b %Y")
    for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
]
_TWELVE_HOURS = ["%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S%p", "%Y-%m-%d %I:%M%p"]


def quote(column: str) -> str:
    """Return the quoted SQL identifier of a source's column, which no name of our own can meet.

    >>> quote("order date")
    '"source:order date"'
    """
    return quoted(MARK + column)


def is_number(kind: str) -> bool:
    """Whether a DuckDB type is a number."""
    return _NUMBERS.fullmatch(kind) is not None


def is_time(kind: str) -> bool:
    """Whether a DuckDB type is a date or a time stamp."""
    return kind == "DATE" or kind.startswith("TIMESTAMP")


class Columns:
    """The source's columns and their types, and the SQL that reads each as what it stands for.

    What a whole column says decides how its values are read: which of two numbers is the day, which sign
    is the decimal one, whether `17850.0` is the identifier 17850.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, rules: Rules, table: str = "raw") -> None:
        self.con = con
        self.rules = rules
        self.table = table
        described = con.execute(f"describe {table}").fetchall()
        self.kinds = {
            str(name).removeprefix(MARK): str(kind)
            for name, kind, *_ in described
            if str(name).startswith(MARK)
        }

    def identifier(self, column: str) -> str:
        """Return SQL for a text: blanks trimmed, empty ones null, `17850.0` as 17850."""
        kind, name = self.kinds[column], quote(column)
        if kind in ("DOUBLE", "FLOAT"):
            whole = f"{name} = floor({name}) and abs({name}) < 1e15"
            return (
                f"case when isnan({name}) then null when {whole} then cast(cast({name} as bigint) as varchar) "
                f"else cast({name} as varchar) end"
            )
        if is_number(kind):
            return f"cast({name} as varchar)"
        if kind != "VARCHAR":
            name = f"cast({name} as varchar)"
        blank = f"{name} < '!' or suffix({name}, ' ') or strlen({name}) < 5 and lower({name}) in {_NOTHING}"
        if self._first(f"select 1 from {self.table} where {blank} or suffix({name}, '\t') limit 1"):
            name = f"trim({name}, ' \t\r\n')"
            name = f"case when lower({name}) in {_NOTHING} then null else {name} end"
        few = f"(select {quote(column)} from {self.table} limit 1000) as few({quote(column)})"
        for rows in (few, self.table):
            if not self._first(f"select bool_and(regexp_full_match({name}, '\\d+\\.0')) from {rows}"):
                return name
        return f"left({name}, length({name}) - 2)"

    def number(self, column: str) -> str:
        """Return SQL for a double, null where the value is no number."""
        kind, name = self.kinds[column], quote(column)
        if is_number(kind):
            return f"cast({name} as double)"
        text = _bare_number(f"cast({name} as varchar)")
        plain = f"try_cast({name} as double)"
        if not self._first(f"select count(*) from {self.table} where {name} is not null and {plain} is null"):
            return plain
        thousands, decimal = (".", ",") if self._decimal(column, text) == "," else (",", ".")
        grouped = rf"^[-+]?\d{{1,3}}(\{thousands}\d{{3}})+(\{decimal}\d*)?$"
        ungrouped = (
            f"case when regexp_matches({text}, '{grouped}') then replace({text}, '{thousands}', '') "
            f"when contains({text}, '{thousands}') then null else {text} end"
        )
        return f"try_cast(replace({ungrouped}, '{decimal}', '.') as double)"

    def share(self, column: str) -> str:
        """Return SQL for a share between 0 and 1; a column with values above 1 holds percents."""
        number = self.number(column)
        percent = self._first(f"select 1 from {self.table} where {number} > 1 limit 1")
        return f"(({number}) / {100 if percent else 1})"

    def check_one_currency(self, column: str) -> None:
        """Raise InputError when the amounts of a text column carry different currency signs."""
        if is_number(self.kinds[column]) or is_time(self.kinds[column]):
            return
        text = f"trim(cast({quote(column)} as varchar))"
        signed = rf"^-?({_SIGN})\s*-?[\d.,]+$|^-?[\d.,]+\s*({_SIGN})$"
        signs = self.con.execute(
            f"select distinct regexp_extract({text}, '{_SIGN}') as sign from {self.table} "
            f"where regexp_matches({text}, '{signed}') order by 1 limit 5"
        ).fetchall()
        if len(signs) > 1:
            found = [sign for (sign,) in signs]
            raise InputError(
                f"column {column!r} holds several currencies, {found}; split off a currency column, map it "
                "as currency and give rates."
            )

    def timestamp(self, column: str) -> str:
        """Return SQL for a naive business time, null where the value is no date.

        Raises
        ------
        InputError
            Day and month cannot be told apart; the message shows both readings.
        """
        kind, name = self.kinds[column], quote(column)
        zone = self.rules.timezone or "UTC"
        if kind.startswith("TIMESTAMP WITH"):
            return self._local(f"make_timestamp(epoch_us({name}))", zone)
        if is_time(kind):
            naive = f"cast({name} as timestamp)"
        elif is_number(kind):
            naive = _number_as_time(f"cast({name} as double)")
        else:
            text = f"trim(cast({name} as varchar))"
            zoned = f"regexp_matches({text}, '{_ZONED}')"
            instant = rf"regexp_replace(regexp_replace({text}, ' ?(Z|UTC|GMT)$', '+00'), ' ([+-])', '\1')"
            at = self._local(f"make_timestamp(epoch_us(try_cast({instant} as timestamptz)))", zone)
            return f"case when {zoned} then {at} else {self._from_zone(self._text_time(column, text))} end"
        return self._from_zone(naive)

    def has_zones(self, column: str) -> bool:
        """Whether any time of a column carries a zone."""
        kind = self.kinds[column]
        if is_number(kind) or is_time(kind):
            return kind.startswith("TIMESTAMP WITH")
        text = f"trim(cast({quote(column)} as varchar))"
        zoned = f"regexp_matches({text}, '{_ZONED}')"
        return self._first(f"select 1 from {self.table} where {zoned} limit 1") is not None

    def _from_zone(self, naive: str) -> str:
        if self.rules.source_timezone is None:
            return naive
        utc = _shift(naive, self.rules.source_timezone, to_utc=True)
        return self._local(utc, self.rules.timezone or "UTC")

    def _local(self, utc: str, zone: str) -> str:
        return utc if zone == "UTC" else _shift(utc, zone, to_utc=False)

    def _text_time(self, column: str, text: str) -> str:
        fields = f"regexp_extract({text}, '{_DAY_MONTH}', ['a', 'sign', 'b', 'year', 'time'])"
        slashed = f"regexp_matches({text}, '{_DAY_MONTH}')"
        first = self._day_first(column, fields, slashed)
        iso = (
            "(case when length(f.year) = 2 then '20' else '' end || f.year || '-' || "
            f"case when f.sign = '.' or {str(first).lower()} then f.b || '-' || f.a else f.a || '-' || f.b end "
            "|| ' ' || f.time)"
        )
        rebuilt = _once(
            fields,
            "f",
            _once(iso, "i", f"coalesce({_as_time('rtrim(i)')}, try_strptime(i, {_TWELVE_HOURS}))"),
        )
        number = _number_as_time("try_cast(t as double)")
        other = _once(text, "t", f"coalesce({_as_time('t')}, try_strptime(t, {_WRITTEN_OUT}), {number})")
        # Trying all ways of writing takes long, and most texts that are no date hold no two numbers.
        plausible = rf"regexp_matches({text}, '\d\D+\d|\d{{8}}')"
        return f"case when {slashed} then {rebuilt} when {plausible} then {other} end"

    def _day_first(self, column: str, fields: str, slashed: str) -> bool:
        if self.rules.day_first is not None:
            return self.rules.day_first
        day, month = (f"cast({fields}.{part} as integer)" for part in "ab")
        count, first, second, example = self.con.execute(
            f"select count(*), count(*) filter (where {day} > 12 and {month} <= 12), "
            f"count(*) filter (where {month} > 12 and {day} <= 12), "
            f"min({quote(column)}) filter (where {day} <= 12 and {month} <= 12 and {day} <> {month}) "
            f"from {self.table} where {slashed} and {fields}.sign <> '.'"
        ).fetchall()[0]
        if count and example is not None and bool(first) == bool(second):
            a, b = re.split(r"[/\-.]", example.strip())[:2]
            raise InputError(
                f"column {column!r}: {example!r} may be day {int(a)} of month {int(b)} or day {int(b)} of "
                f"month {int(a)}, and the other dates {'say both' if first else 'do not say'}; "
                "set day_first to true or false (--rule day_first=true)."
            )
        return bool(first)

    def _decimal(self, column: str, text: str) -> str:
        """Return the decimal sign of a text column, from the values that leave no doubt."""
        if self.rules.decimal is not None:
            return self.rules.decimal
        comma = rf"regexp_matches({text}, '^[-+]?[\d.]*,(\d{{1,2}}|\d{{4,}})$|\.\d{{3}},\d*$')"
        dot = rf"regexp_matches({text}, '^[-+]?[\d,]*\.(\d{{1,2}}|\d{{4,}})$|,\d{{3}}\.\d*$')"
        open_ = rf"regexp_matches({text}, '^[-+]?\d{{1,3}},\d{{3}}$')"
        commas, dots, either, one, other, unclear = self.con.execute(
            f"select count(*) filter (where {comma}), count(*) filter (where {dot}), "
            f"count(*) filter (where {open_}), min({text}) filter (where {comma}), "
            f"min({text}) filter (where {dot}), min({text}) filter (where {open_}) from {self.table}"
        ).fetchall()[0]
        if min(commas, dots) > 0.01 * max(commas, dots):
            raise InputError(
                f"column {column!r} holds both {one!r} and {other!r}; set decimal to '.' or ',' (--rule decimal=,), "
                "and the values written the other way are set aside."
            )
        if either and not commas and not dots:
            whole = unclear.replace(",", "")
            raise InputError(
                f"column {column!r}: {unclear!r} may be {whole} or {unclear.replace(',', '.')}; "
                "set decimal to '.' or ',' (--rule decimal=,)."
            )
        return "," if commas > dots else "."

    def _first(self, query: str) -> object:
        rows = self.con.execute(query).fetchall()
        return rows[0][0] if rows else None


def _once(value: str, name: str, expression: str) -> str:
    """Return SQL for an expression in which `name` stands for a value that is computed once."""
    return f"list_transform([{value}], lambda {name}: {expression})[1]"


def _as_time(text: str) -> str:
    """Return SQL for a time written as ISO 8601; the engine's own cast would pass over words behind it."""
    return f"if(regexp_matches({text}, '[A-SU-Za-z]'), null, try_cast({text} as timestamp))"


def _bare_number(text: str) -> str:
    """Return SQL for a number's text without currency, blanks and accountants' brackets."""
    bare = rf"regexp_replace({text}, '^\s*({_SIGN})\s*|\s*({_SIGN})\s*$|%\s*$|[\s\x{{a0}}\x{{202f}}''’]', '', 'g')"
    bare = rf"regexp_replace({bare}, '^\((.*)\)$', '-\1')"
    bare = rf"regexp_replace({bare}, '^([\d.,]+)-$', '-\1')"
    return rf"regexp_replace({bare}, '^-({_SIGN})', '-')"


def _number_as_time(number: str) -> str:
    """Return SQL for a time written as a number: 20240131, or seconds or milliseconds since 1970."""
    return (
        f"case when {number} between 19000101 and 21001231 "
        f"then try_strptime(cast(cast({number} as bigint) as varchar), '%Y%m%d') "
        f"when {number} between 1e8 and 4.2e9 then make_timestamp(cast({number} * 1e6 as bigint)) "
        f"when {number} between 1e11 and 4.2e12 then make_timestamp(cast({number} * 1e3 as bigint)) end"
    )


def _shift(time: str, zone: str, to_utc: bool) -> str:
    """Return SQL that shifts `time` between UTC and `zone` by the zone's offset at that time.

    The engine's own time-zone functions live in an extension that is downloaded at run time, so the
    zone's changes of offset since 1970 are written into the expression.
    """
    changes = [(start + offset if to_utc else start, _seconds(offset)) for start, offset in _offsets(zone)]
    branches = " ".join(
        f"when t >= timestamp '{start}' then {seconds}" for start, seconds in reversed(changes)
    )
    seconds = f"(case {branches} else {changes[0][1]} end)"
    return _once(time, "t", f"t {'-' if to_utc else '+'} to_seconds({seconds})")


def _offsets(zone: str) -> list[tuple[datetime, timedelta]]:
    """Return when, in UTC, each offset of a zone began, from 1970 to 2050, to the hour."""
    info, day = ZoneInfo(zone), timedelta(days=1)
    moment, last = datetime(1970, 1, 1, tzinfo=UTC), None
    found = []
    while moment.year < 2050:
        offset = moment.astimezone(info).utcoffset() or timedelta(0)
        if offset != last:
            change = moment if last is None else _change(moment - day, info, last)
            found.append((change.replace(tzinfo=None), offset))
            last = offset
        moment += day
    return found


def _change(moment: datetime, info: ZoneInfo, offset: timedelta) -> datetime:
    while moment.astimezone(info).utcoffset() == offset:
        moment += timedelta(minutes=15)
    return moment


def _seconds(offset: timedelta) -> int:
    return int(offset.total_seconds())
