"""SQL that reads times of day from columns of their own: texts such as 14:30 or 2.30 PM, digits, and typed times."""

from __future__ import annotations

from cltv_ml.columns.zones import once
from cltv_ml.engine import Relation, quoted
from cltv_ml.sources.frames import MARK

#: A time of day as text: hours, minutes and perhaps seconds, perhaps behind the day 0 of a spreadsheet, and AM or PM.
_CLOCK_TEXT = (
    r"^(?:(?:1899-12-3[01]|1900-01-0[01])[ T])?([01]?\d|2[0-3])[:.hH]([0-5]\d)(?:[:.mM]([0-5]\d)(?:[.,]\d+)?)?s?"
    r"(?: ?(?:[Uu][Hh][Rr]|[Hh](?:rs?)?[.]?))?[\s\x{a0}\x{202f}]*(?:([AaPp])[.]?[Mm][.]?)?$"
)

#: Hours, minutes and seconds in digits only, filled up with zeros in front.
_CLOCK_DIGITS = r"^([01]\d|2[0-3])([0-5]\d)?([0-5]\d)?$"


#: A time of day before its day, such as 11:38 PM, September 10 2024.
_CLOCK_FIRST = (
    r"^((?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:\s?[AaPp][.]?[Mm][.]?|\s?Uhr)?)(?:,\s*|\s+)(?:(?:on|am|le|el) )?"
    r"(\S.*\d.*)$"
)


def day_before_clock(table: Relation, text: str) -> str:
    """Return SQL for the times of a text column with the day before the time of day.

    Parameters
    ----------
    text
        SQL of the trimmed text.
    """
    if not table.holds(f"regexp_matches({text}, '{_CLOCK_FIRST}')"):
        return text
    return rf"regexp_replace({text}, '{_CLOCK_FIRST}', '\2 \1')"


def clock_of(table: Relation, column: str) -> tuple[str, str]:
    """Return SQL for the time of day in a source's column, and for its text."""
    text = f"regexp_replace(trim(cast({quoted(MARK + column)} as varchar)), '^(\\d+)\\.0+$', '\\1')"
    [longest] = table.row(
        f"select coalesce(max(length({text})), 0) from {table} where regexp_full_match({text}, '\\d+')"
    )
    digits = 0 if longest > 6 else longest + longest % 2
    return _as_clock(text, digits), text


def _as_clock(text: str, digits: int = 0) -> str:
    """Return SQL for the time of day in a text as an interval since midnight, null where it is none.

    Parameters
    ----------
    text
        SQL of the text.
    digits
        Into how many digits times without signs are filled up: 2 for hours, 4 for minutes, 6 for seconds; 0 for none.

    >>> import duckdb
    >>> def seconds(text, digits=0):
    ...     return duckdb.sql(f"select epoch({_as_clock(repr(text), digits)})").fetchall()[0][0]
    >>> [seconds(text) for text in ("14:30", "2:30 pm", "12:05:09 AM", "09h15", "1899-12-30 08:00:00", "930")]
    [52200.0, 52200.0, 309.0, 33300.0, 28800.0, None]
    >>> seconds("930", 4), seconds("930", 6), seconds("9", 2)
    (34200.0, 570.0, 32400.0)
    """
    hours, minutes, seconds = (f"coalesce(try_cast(f.{part} as integer), 0)" for part in "hms")
    noon = f"case upper(f.half) when 'A' then {hours} % 12 when 'P' then {hours} % 12 + 12 else {hours} end"
    rest = f"* 3600 + {minutes} * 60 + {seconds})"
    written = once(
        f"regexp_extract(c, '{_CLOCK_TEXT}', ['h', 'm', 's', 'half'])", "f", f"to_seconds(({noon}) {rest}"
    )
    branches = f"when regexp_matches(c, '{_CLOCK_TEXT}') then {written}"
    if digits:
        filled = f"lpad(c, {digits}, '0')"
        plain = once(
            f"regexp_extract({filled}, '{_CLOCK_DIGITS}', ['h', 'm', 's'])", "f", f"to_seconds({hours} {rest}"
        )
        fits = f"length(c) <= {digits} and regexp_matches({filled}, '{_CLOCK_DIGITS}')"
        branches += f" when {fits} then {plain}"
    return once(f"trim({text})", "c", f"case {branches} end")
