"""The period and the total that a source states about itself, compared with the lines that were read."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from cltv_ml.columns.times import month_of_name
from cltv_ml.data.aside import Aside
from cltv_ml.data.lines import Lines
from cltv_ml.engine import MONEY_SCALE
from cltv_ml.sources.frames import Part

#: Share of lines outside of the period from which the user is told.
_OUTSIDE = 0.01

#: A total in the last lines differs if it is further than this from the sum of the lines; larger files end in one.
_APART, _LEAST_LINES, _LAST_LINES = 0.005, 8, 4

_YEAR_MONTH_DAY = r"(20\d\d|19\d\d)[-/._]?(0[1-9]|1[0-2])[-/._]?([0-2]\d|3[01])"
_DAY_AND_MONTH = r"([0-3]?\d)([./-])([0-3]?\d)\5(20\d\d|\d\d)"
_WHOLE_DAY = rf"(?<!\d)(?:{_YEAR_MONTH_DAY}|{_DAY_AND_MONTH})(?!\d)"
_ANY_MONTH = (
    r"(?<!\d)(20\d\d|19\d\d)[-_. ]?(0[1-9]|1[0-2])(?!\d)|(?<!\d)(0[1-9]|1[0-2])[-_. ](20\d\d|19\d\d)(?!\d)"
)
_ANY_QUARTER = (
    r"(?i)(?<![a-z\d])q([1-4])[-_ /]*(20\d\d|19\d\d)(?!\d)|(?<!\d)(20\d\d|19\d\d)[-_ /]*q([1-4])(?!\d)"
)
_NAMED_MONTH = r"([^\W\d_]{3,})[-_. ]*(20\d\d|19\d\d)(?!\d)"
_NAMED_DAY = (
    r"(?<!\d)([0-3]?\d)[. -]+([^\W\d_]{3,})[. -]+(20\d\d|19\d\d)(?!\d)"
    r"|([^\W\d_]{3,})[. ]+([0-3]?\d),? (20\d\d|19\d\d)(?!\d)"
)
_ANY_YEAR = r"(?<![\dvV])(20\d\d|19\d\d)(?!\d)"  # after a v comes the number of a version


#: Names of months that are short and no other word of a file's name.
_SHORT_MONTHS = frozenset(
    ("jan", "feb", "mar", "apr", "may", "mai", "jun", "jul", "aug", "sep", "oct", "okt", "nov", "dec", "dez")
)


class Period(NamedTuple):
    """The first and the last day that a text names; without a first day, the last is the day of an export."""

    first: date | None
    last: date


def find_period(text: str) -> Period | None:
    """Return the period that a file's name or title names: two days, a month, a quarter, a year, or a day of export.

    >>> find_period("orders_2024-01-05_2024-02-04.csv")
    Period(first=datetime.date(2024, 1, 5), last=datetime.date(2024, 2, 4))
    >>> [str(find_period(name).last) for name in ("Umsatz März 2024", "sales 2023Q4", "orders 2024-05-01")]
    ['2024-03-31', '2023-12-31', '2024-05-01']
    >>> str(find_period("January 2024 - March 2025").last)
    '2025-03-31'
    >>> find_period("Period 01/02/2024 - 03/02/2024"), find_period("export_v2019")
    (None, None)
    >>> str(find_period("From: 01/01/2024 To: 03/31/2025").last)
    '2025-03-31'
    """
    days = [_day(match) for match in re.finditer(_WHOLE_DAY, text)]
    if None in days or len(days) > 2:
        return None
    known = [day for day in days if day is not None]
    if len(known) == 2:
        return Period(*known) if known[0] < known[1] else None
    if known:
        return Period(None, known[0])
    if named := [_named_day(match) for match in re.finditer(_NAMED_DAY, text)]:  # one alone may be any day
        start, end = (named[0], named[-1])
        return Period(start, end) if start and end and start < end else None
    for find, ways in ((_ANY_QUARTER, _quarter), (_ANY_MONTH, _month), (_NAMED_MONTH, _named_month)):
        if periods := [period for match in re.finditer(find, text) if (period := ways(match))]:
            return Period(min(first for first, _ in periods if first), max(last for _, last in periods))
    years = {int(year) for year in re.findall(_ANY_YEAR, text)}
    return Period(date(min(years), 1, 1), date(max(years), 12, 31)) if years else None


def _day(match: re.Match[str]) -> date | None:
    """Return a day whose order of day and month is certain."""
    year, month, day, first, sign, second, last = match.groups()
    if year is None:
        if sign != "." and int(first) <= 12 and int(second) <= 12 and first != second:
            return None
        day, month = (first, second) if sign == "." or int(first) > 12 else (second, first)
        year = last if len(last) == 4 else f"20{last}"
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _named_day(match: re.Match[str]) -> date | None:
    day, word, year, other_word, other_day, other_year = match.groups()
    month = month_of_name((word or other_word).lower())
    try:
        return date(int(year or other_year), month, int(day or other_day)) if month else None
    except ValueError:
        return None


def _whole_months(year: int, month: int, months: int = 1) -> Period:
    last = month + months - 1
    return Period(date(year, month, 1), date(year, last, calendar.monthrange(year, last)[1]))


def _month(match: re.Match[str]) -> Period:
    year, month, other_month, other_year = match.groups()
    return _whole_months(int(year or other_year), int(month or other_month))


def _quarter(match: re.Match[str]) -> Period:
    quarter, year, other_year, other_quarter = match.groups()
    return _whole_months(int(year or other_year), 3 * int(quarter or other_quarter) - 2, 3)


def _named_month(match: re.Match[str]) -> Period | None:
    word = match[1].lower()
    month = (
        month_of_name(word) if len(word) > 3 or word in _SHORT_MONTHS else None
    )  # "set" is a month as well
    return _whole_months(int(match[2]), month) if month else None


def doubt_period(lines: Lines, aside: Aside, said: Sequence[Part]) -> list[str]:
    """Return a note for each text of a source, such as its name, whose period the dates of its lines contradict.

    Parameters
    ----------
    said
        Names and titles of the source's files with the first row of each.
    """
    starts = sorted({part.start for part in said})
    notes = []
    for part in said:
        period = find_period(part.name)
        if period is None:
            continue
        after = next((start for start in starts if start > part.start), None)
        own = f"source_row >= {part.start}" + (f" and source_row < {after}" if after is not None else "")
        notes += _compare_days(lines, aside, part.name, period, own)
    return notes


def _compare_days(lines: Lines, aside: Aside, text: str, period: Period, own: str) -> list[str]:
    late = f"timestamp >= timestamp '{period.last + timedelta(days=2)}'"
    early = f"timestamp < timestamp '{(period.first or date(1900, 1, 2)) - timedelta(days=1)}'"
    number, outside, within, first, last = lines.parsed.row(
        f"select count(*), count(*) filter ({late}), count(*) filter (not ({late}) and not ({early})), min(timestamp), "
        f"max(timestamp) from {lines.parsed} anti join {aside} using (source_row) where {own}"
    )
    if not number or (outside < _OUTSIDE * number and within):
        return []
    named = f"until {period.last}" if period.first is None else f"{period.first} to {period.last}"
    return [
        f"{text.strip()[:60]!r} names the time {named}, but its dates go from {first:%Y-%m-%d} to {last:%Y-%m-%d} "
        f"({number - within:,} of {number:,} lines outside). Check that day, month and year were read in the right "
        "order."
    ]


def doubt_total(lines: Lines, aside: Aside) -> list[str]:
    """Return a note if one of the last lines has a total, as at the end of a report, that other lines do not have."""
    last = lines.tally.last
    if last is None or lines.tally.unbroken < _LEAST_LINES:
        return []
    stated = lines.marks.rows(
        f"select marks.source_row, money from {lines.marks} as marks join {aside} as aside using (source_row) where "
        f"marks.source_row > {last - _LAST_LINES} and aside.rule in ('missing_customer', 'bad_date') and money > 0"
    )
    if not stated:
        return []
    row, total = max(stated, key=lambda entry: entry[1])
    kept, kept_money, own_money, money = lines.marks.row(
        "select count(*) filter (out is null), coalesce(sum(money) filter (out is null), 0), coalesce(sum(money) "
        "filter (out is null or out not in ('missing_customer', 'bad_date')), 0), coalesce(sum(money), 0) from (select "
        f"any_value(money) as money, min(aside.rule) as out from {lines.marks} left join {aside} as aside using "
        f"(source_row) where source_row <> {row} group by source_row)"
    )
    if kept < _LEAST_LINES or 2 * total < kept_money:
        return []
    if any(abs(total - summed) <= _APART * total for summed in (kept_money, own_money, money)):
        return []
    return [
        f"One of the last lines has {total / MONEY_SCALE:,.2f} without a customer or a date, like the total of a "
        f"report, but the lines that were read add up to {int(money) / MONEY_SCALE:,.2f}, and those kept to "
        f"{int(kept_money) / MONEY_SCALE:,.2f}. Check that no line is missing."
    ]
