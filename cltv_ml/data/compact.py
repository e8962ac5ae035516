"""Dates of bare digits that do not begin with year and month: 31012024, 310124, 240131, and days of a year, 2024031."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cltv_ml.data.order import allowed, choose_date_order
from cltv_ml.data.times import is_serial
from cltv_ml.data.zones import once
from cltv_ml.engine import Relation, keep

if TYPE_CHECKING:
    from cltv_ml.data.parse import Columns

#: How such dates are written by the number of their digits; a number has lost the zero that it began with.
_FORMS = {
    8: {"dmy": "%d%m%Y", "mdy": "%m%d%Y"},
    6: {"dmy": "%d%m%y", "mdy": "%m%d%y", "ymd": "%y%m%d"},
}

#: What is read as it stands: the year in front, and a year with its month.
_USUAL = {8: r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", 6: r"(19|20)\d\d(0[1-9]|1[0-2])"}

#: Years with the number of their day, by their number of digits: of five, those up to 2027 are no days of a spreadsheet
#: that any shop would hold, because they end in 1974.
_DAYS_OF_YEAR = {
    7: (r"(19|20)\d\d(00[1-9]|0[1-9]\d|[12]\d\d|3[0-5]\d|36[0-6])", "%Y%j"),
    5: (r"[012]\d(00[1-9]|0[1-9]\d|[12]\d\d|3[0-5]\d|36[0-6])", "%y%j"),
}

#: Number of lines that show whether a column may hold such dates.
_LINES_READ = 20_000

#: Fewer different months than this may be days as well.
_ENDS = 3

#: Years before this one are taken for a sign of the wrong order.
_FIRST_YEAR = 1980


def with_signs(columns: Columns, column: str, text: str) -> str:
    """Return SQL for a column's times with such dates written as ISO dates, and tell; the column decides their order.

    Raises
    ------
    QuestionsError
        Several orders are left; the message shows the readings.
    """
    if not columns.ask:
        return text
    of_years = "|".join(form for form, _ in _DAYS_OF_YEAR.values())
    longest, shortest, serial, days = columns.row(
        f"select max(length(t)), min(length(t)), bool_and({is_serial('cast(t as integer)')}), "
        f"bool_and(regexp_full_match(t, '{of_years}')) "
        f"from (select {text} as t from {columns.table} limit {_LINES_READ}) "
        r"where regexp_full_match(t, '\d{5,8}')"
    )
    if longest == shortest and longest in _DAYS_OF_YEAR and days:
        form = _DAYS_OF_YEAR[longest][1]
        columns.notes.append(f"Column {column!r} was read as years with the number of their day.")
        return once(
            text, "t", f"coalesce(strftime(try_strptime(lpad(t, {longest}, '0'), '{form}'), '%Y-%m-%d'), t)"
        )
    width = 8 if longest in (7, 8) else 6
    if longest is None or serial:  # days of a spreadsheet
        return text
    digits = rf"regexp_full_match(t, '\d{{{width - 1},{width}}}')"
    found = keep(
        columns.table.con,
        "compact_dates",
        f"select lpad(t, {width}, '0') as t, count(*) as n from (select {text} as t from {columns.table}) "
        f"where {digits} group by all",
    )
    [usual] = found.row(
        f"select coalesce(sum(n) filter (where regexp_full_match(t, '{_USUAL[width]}')), 0) >= 0.99 * sum(n) "
        f"from {found}"
    )
    if usual:
        return _month_times(columns, column, text, found) if width == 6 else text
    forms = _FORMS[width]
    day = {order: f"try_cast(try_strptime(t, '{form}') as date)" for order, form in forms.items()}
    dates = {
        order: f"if(year({one}) between {_FIRST_YEAR} and {columns.last_year}, {one}, null)"
        for order, one in day.items()
        if order in allowed(columns.rules, points=False)
    }
    order = choose_date_order(found, dates, column) if dates else None
    if order is None:
        return text
    [example, read] = found.row(
        f"select t, {dates[order]} from {found} where {dates[order]} is not null order by t desc limit 1"
    )
    columns.notes.append(f"Column {column!r} holds dates of {width} digits: {example} was read as {read}.")
    iso = f"strftime(try_strptime(lpad(t, {width}, '0'), '{forms[order]}'), '%Y-%m-%d')"
    return once(text, "t", f"if({digits}, coalesce({iso}, t), t)")


def _month_times(columns: Columns, column: str, text: str, found: Relation) -> str:
    """Return SQL for a column's times with years and months written as the first day of each, and tell.

    The same digits may be a day of 2001 to 2012 with its year of two digits, in which case they end alike.
    """
    example, days, ends = found.row(
        "select min(t), bool_and(try_strptime(t, '%y%m%d') is not null), count(distinct right(t, 2)) "
        f"from {found} where regexp_full_match(t, '{_USUAL[6]}')"
    )
    if days and ends < _ENDS:
        return text
    columns.notes.append(
        f"Column {column!r} holds months without a day, such as {example}: each was read as its first day, so that "
        "purchases of one customer in one month count as one day."
    )
    month = f"regexp_full_match(t, '{_USUAL[6]}')"
    return once(text, "t", f"if({month}, left(t, 4) || '-' || right(t, 2) || '-01', t)")
