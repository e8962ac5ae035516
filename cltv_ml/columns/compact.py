"""Dates written in digits only: 31012024, 310124, 240131, and ordinal dates such as 2024031."""

from __future__ import annotations

from cltv_ml.columns.order import allowed, choose_date_order
from cltv_ml.columns.source_columns import SourceColumns
from cltv_ml.columns.times import is_serial
from cltv_ml.columns.zones import once
from cltv_ml.engine import Relation, keep

#: Formats of such dates by number of digits; a numeric column has lost a leading zero.
_FORMS = {
    8: {"dmy": "%d%m%Y", "mdy": "%m%d%Y"},
    6: {"dmy": "%d%m%y", "mdy": "%m%d%y", "ymd": "%y%m%d"},
}

#: Read without further checks: year first, and year with month.
_USUAL = {8: r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", 6: r"(19|20)\d\d(0[1-9]|1[0-2])"}

#: Ordinal dates (year and day of the year), by number of digits. Ordinal dates of five digits up to 2027 cannot be
#: a shop's spreadsheet serials, which would end in 1974.
_DAYS_OF_YEAR = {
    7: (r"(19|20)\d\d(00[1-9]|0[1-9]\d|[12]\d\d|3[0-5]\d|36[0-6])", "%Y%j"),
    5: (r"[012]\d(00[1-9]|0[1-9]\d|[12]\d\d|3[0-5]\d|36[0-6])", "%y%j"),
}

#: With fewer distinct months than this, the digits may also be days.
_ENDS = 3

#: Earlier years suggest that the order is wrong.
_FIRST_YEAR = 1980


def with_signs(columns: SourceColumns, column: str, text: str) -> str:
    """Return SQL for a column's times, with dates of digits only as ISO dates.

    The whole column decides the order of day, month and year.

    Raises
    ------
    QuestionsError
        Several orders are possible; the message shows the resulting dates.
    """
    if not columns.ask:
        return text
    of_years = "|".join(form for form, _ in _DAYS_OF_YEAR.values())
    longest, shortest, serial, days = columns.row(
        f"select max(length(t)), min(length(t)), bool_and({is_serial('cast(t as integer)')}), "
        f"bool_and(regexp_full_match(t, '{of_years}')) "
        f"from (select {text} as t from {columns.table}) "
        r"where regexp_full_match(t, '\d{5,8}')"
    )
    if longest == shortest and longest in _DAYS_OF_YEAR and days:
        form = _DAYS_OF_YEAR[longest][1]
        columns.notes.append(f"Column {column!r} was read as ordinal dates (year and day of the year).")
        return once(
            text, "t", f"coalesce(strftime(try_strptime(lpad(t, {longest}, '0'), '{form}'), '%Y-%m-%d'), t)"
        )
    width = 8 if longest in (7, 8) else 6
    if longest is None or serial:  # spreadsheet serials
        return text
    digits = rf"regexp_full_match(t, '\d{{{width - 1},{width}}}')"
    digit_dates = keep(
        columns.table.con,
        "compact_dates",
        f"select lpad(t, {width}, '0') as t, count(*) as n from (select {text} as t from {columns.table}) "
        f"where {digits} group by all",
    )
    [usual] = digit_dates.row(
        f"select coalesce(sum(n) filter (where regexp_full_match(t, '{_USUAL[width]}')), 0) >= 0.99 * sum(n) "
        f"from {digit_dates}"
    )
    if usual:
        return _month_times(columns, column, text, digit_dates) if width == 6 else text
    forms = _FORMS[width]
    day = {order: f"try_cast(try_strptime(t, '{form}') as date)" for order, form in forms.items()}
    dates = {
        order: f"if(year({date}) between {_FIRST_YEAR} and {columns.last_year}, {date}, null)"
        for order, date in day.items()
        if order in allowed(columns.rules, points=False)
    }
    order = choose_date_order(digit_dates, dates, column) if dates else None
    if order is None:
        return text
    [example, read] = digit_dates.row(
        f"select t, {dates[order]} from {digit_dates} where {dates[order]} is not null order by t desc limit 1"
    )
    columns.notes.append(f"Column {column!r} contains dates of {width} digits: {example} was read as {read}.")
    iso = f"strftime(try_strptime(lpad(t, {width}, '0'), '{forms[order]}'), '%Y-%m-%d')"
    return once(text, "t", f"if({digits}, coalesce({iso}, t), t)")


def _month_times(columns: SourceColumns, column: str, text: str, digit_dates: Relation) -> str:
    """Return SQL for a column's times in which each year and month is the month's first day; add a note.

    The digits may also be a day of 2001 to 2012 with a two-digit year, but such days have few different endings.
    """
    example, days, ends = digit_dates.row(
        "select min(t), bool_and(try_strptime(t, '%y%m%d') is not null), count(distinct right(t, 2)) "
        f"from {digit_dates} where regexp_full_match(t, '{_USUAL[6]}')"
    )
    if days and ends < _ENDS:
        return text
    columns.notes.append(
        f"Column {column!r} contains months without a day, such as {example}. Each was read as the month's "
        "first day, so a customer's purchases within a month count as one day."
    )
    month = f"regexp_full_match(t, '{_USUAL[6]}')"
    return once(text, "t", f"if({month}, left(t, 4) || '-' || right(t, 2) || '-01', t)")
