"""Dates and names split over several columns, and item lists in one cell, each combined into one column."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping

from cltv_ml.columns.candidates import find_columns, named
from cltv_ml.columns.clocks import clock_of
from cltv_ml.columns.headings import NOT_THE_PURCHASE, plain_heading
from cltv_ml.columns.items import add_items_up, is_items
from cltv_ml.columns.kinds import first_lines, look
from cltv_ml.columns.mapping import flag, is_complete
from cltv_ml.columns.numbered import join_numbered
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.summed import join_tenders
from cltv_ml.columns.times import month_number
from cltv_ml.engine import Relation, quoted, show
from cltv_ml.sources.frames import MARK

#: Headings of each part.
_DATE_PARTS = {
    "year": "year jahr annee ano anno jaar rok ar vuosi yil год рік 年 orderyear salesyear yr yyyy yy",
    "month": "month monat mois mes mese maand miesiac mesic manad maned kuukausi ay месяц 月 ordermonth salesmonth mth "
    "mon mm",
    "day": "day tag jour dia giorno dag dzien den paiva gun день 日 dayofmonth orderday dy dd",
}

#: What headings call a day and a time of day.
_DAY_WORDS = re.compile("dates?|datum|fecha|datos?|datas?|dt|дата|日期|日|tarihi?|päivä|날짜|일자|day")
_TIME_WORDS = re.compile(
    "times?|uhrzeit|zeit|horas?|heures?|orario|ora|tijdstip|tijd|klokkeslett|klockslag|godzina|saati?|время|时间|時刻|時間|시간|시각|"
    "hour|tm"
)

#: Headings of weeks and quarters, which can replace a month, and the letter for each.
_INSTEAD = {
    "W": "week woche kw semaine semana settimana weeknumber weekno isoweek",
    "Q": "quarter quartal qtr trimestre kwartal",
}

#: Headings of a first and a last name.
_PERSON_NAMES = (
    "firstname forename givenname vorname prenom nombre nome voornaam fornamn fornavn imie jmeno etunimi ad имя 名",
    "lastname surname familyname nachname zuname nomdefamille nom apellido apellidos cognome sobrenome achternaam "
    "efternamn etternavn efternavn nazwisko prijmeni sukunimi soyad фамилия 姓",
)

#: Largest share of lines with a day at which the day of another column is used.
_MOSTLY_BLANK = 0.5

#: Fiscal periods, and headings of columns that contain them.
_FISCAL = re.compile(
    r"(fy|gj)?[ '-]?\d{2,4}[ /.:_-]*p(er(iod)?)?[ .:_-]?\d{1,2}|p(eriod)?[ .:_-]?\d{1,2}|(fy|gj)[ '-]?\d{2}.*"
    r"|q[1-4][ '/-]*(fy|gj)[ '-]?\d{2,4}"
)
_FISCAL_HEADING = re.compile("fiscal|^fy$|period|geschaftsjahr|buchungsperiode|exercice|ejercicio|esercizio")


def is_fiscal(value: str) -> bool:
    """Whether a text is a period of a fiscal year, whose first month only the company knows.

    >>> is_fiscal("FY24 P03"), is_fiscal("P3"), is_fiscal("Q1 FY24"), is_fiscal("2024-03")
    (True, True, True, False)
    """
    return _FISCAL.fullmatch(value.strip().lower()) is not None


def fiscal_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns whose headings mention fiscal years or periods."""
    return [column for column in columns if _FISCAL_HEADING.search(plain_heading(column))]


def join_date(table: Relation) -> tuple[Relation, list[str]]:
    """Return the table with an added date column if its only date is split over several columns; and a note.

    >>> import pandas as pd
    >>> from cltv_ml.data import clean
    >>> parts = pd.DataFrame({"customer": ["a"], "Year": [2025], "Month": [2], "Day": [14], "amount": [1.5]})
    >>> clean(parts).log["timestamp"].tolist()
    [Timestamp('2025-02-14 00:00:00')]
    """
    columns, matched = _columns_headed(table, [*_DATE_PARTS.values(), *_INSTEAD.values()])
    *matched, week, quarter = matched
    letter = "" if matched[1] else "W" if week else "Q"
    matched = matched if matched[1] else [matched[0], week or quarter, None]
    parts = [part for part in matched if part is not None]
    if None in matched[:2]:
        return table, []
    kinds = look(first_lines(table))
    dates = [
        column
        for column, kind in kinds.items()
        if kind == "timestamp" and column not in parts and not NOT_THE_PURCHASE.search(plain_heading(column))
    ]
    if dates or named(
        "timestamp", [column for column in columns if column not in parts and kinds[column] != "empty"]
    ):
        return table, []
    name = "-".join(parts)
    joined, valid = _date_sql(table, parts, letter)
    if name in columns or not table.holds(valid):
        return table, []
    view = show(table.con, "rows", f"select *, {joined} as {quoted(MARK + name)} from {table}")
    first = f"; each {'week' if letter == 'W' else 'quarter'} is dated to its first day" if letter else ""
    return view, [f"Columns {parts} were combined into the date {name!r}{first}."]


def _date_sql(table: Relation, parts: list[str], letter: str) -> tuple[str, str]:
    """Return SQL for the ISO date of a year, a month and perhaps a day, and for whether a line has one.

    Parameters
    ----------
    letter
        "W" if the second part is a week, "Q" if it is a quarter.
    """
    year, *values = (f"try_cast(cast({quote(column)} as varchar) as integer)" for column in parts)
    last = datetime.date.today().year + 1  # a two-digit year is at most next year
    year = f"if({year} between 0 and 99, {last} - ({last} - {year}) % 100, {year})"
    if letter:
        values = [f"try_cast(regexp_extract(cast({quote(parts[1])} as varchar), '\\d+') as integer)"]
        values = values if letter == "W" else [f"({values[0]} * 3 - 2)"]
    elif table.kinds[MARK + parts[1]] == "VARCHAR":
        name_of_month = f"rtrim(trim({quote(parts[1])}), '.')"
        values[0] = f"if(length({name_of_month}) > 2, {month_number(name_of_month)}, {values[0]})"
    numbers = " and ".join(f"{number} between 1 and {53 if letter else 31}" for number in values)
    valid = f"{year} between 1900 and 2100 and {numbers}"
    if letter == "W":
        monday = f"cast(date_trunc('week', make_date({year}, 1, 4)) as date)"
        return f"cast({monday} + ({values[0]} - 1) * 7 as varchar)", valid
    padded = " || '-' || ".join(f"lpad(cast({number} as varchar), 2, '0')" for number in values)
    return f"cast({year} as varchar) || '-' || {padded}", valid


def settle_time(
    first: Relation, kinds: Mapping[str, str], mapping: dict[str, str], explicit: Mapping[str, str | None]
) -> list[str]:
    """Add a column with the times of day to the mapping if that of the days has none; return notes.

    Parameters
    ----------
    first
        The first lines of the source.
    """
    date = mapping.get("timestamp", "")
    free = [column for column, kind in kinds.items() if column not in mapping.values() and kind != "empty"]
    candidates = [column for column in _times_of(date, free) if _are_clocks(first, column)]
    if not date or not candidates or "time_of_day" in explicit or not _are_days(first, date):
        return []
    if len(candidates) > 1 or is_complete({name: column for name, column in explicit.items() if column}):
        which = (
            f"Columns {candidates} could each be the time of day"
            if len(candidates) > 1
            else (f"Column {candidates[0]!r} contains times of day")
        )
        return [
            f"{which}, which was not used. To use it, pass --mapping {flag('time_of_day', candidates[0])}."
        ]
    mapping["time_of_day"] = candidates[0]
    return [
        f"The times of day in column {candidates[0]!r} were added to the days in {date!r} (--mapping time_of_day= "
        "leaves them out)."
    ]


def replace_blank_time(
    first: Relation, kinds: Mapping[str, str], mapping: dict[str, str], explicit: Mapping[str, str | None]
) -> list[str]:
    """Replace a day that most of the first lines lack by the only other one that all have; return notes."""
    date = mapping.get("timestamp", "")
    if not date or "timestamp" in explicit:
        return []
    others = [
        column
        for column, kind in kinds.items()
        if kind == "timestamp"
        and column not in mapping.values()
        and not NOT_THE_PURCHASE.search(plain_heading(column))
    ]
    if not others:
        return []
    filled = ", ".join(
        f"avg(cast(coalesce(trim(cast({quote(column)} as varchar)) <> '', false) as integer))"
        for column in (date, *others)
    )
    own, *shares = first.row(f"select {filled} from {first}")
    full = [column for column, share in zip(others, shares, strict=True) if share == 1]
    if own > _MOSTLY_BLANK or len(full) != 1:
        return []
    mapping["timestamp"] = full[0]
    return [
        f"Column {date!r} is blank on {1 - own:.0%} of the first lines, so {full[0]!r} was read as the timestamp "
        f"(--mapping {flag('timestamp', date)} uses the former)."
    ]


def _times_of(date: str, columns: Iterable[str]) -> list[str]:
    """Return the columns headed as the time of day of a date: those with its own words, else with a time's name.

    >>> _times_of("Sale date", ["Delivery time", "Sale time", "Time"]), _times_of("Date", ["Delivery time", "Time"])
    (['Sale time'], ['Time'])
    """
    of_what = _DAY_WORDS.sub("", plain_heading(date))
    own = [
        column
        for column in columns
        if of_what
        and _TIME_WORDS.search(plain := plain_heading(column))
        and _TIME_WORDS.sub("", plain) == of_what
    ]
    return own or [
        column
        for column in named("time_of_day", list(columns))
        if not NOT_THE_PURCHASE.search(plain_heading(column))
    ]


def _are_clocks(first: Relation, column: str) -> bool:
    """Whether all first values of a column are times of day."""
    clock, text = clock_of(first, column)
    [values, read] = first.row(f"select count(*), count({clock}) from {first} where trim({text}) <> ''")
    return bool(values and read == values)


def _are_days(first: Relation, date: str) -> bool:
    """Whether the first values of a column are days without a time of day."""
    at = Columns(first, Rules(), ask=False).timestamp(date)
    return not first.holds(f"{at} <> date_trunc('day', {at})")


def join_name(table: Relation) -> tuple[Relation, list[str]]:
    """Return the table with first and last name joined if nothing else identifies customers; and a note."""
    columns, matched = _columns_headed(table, _PERSON_NAMES)
    parts = [part for part in matched if part is not None]
    if len(parts) < 2 or find_columns("customer_id", columns, dict.fromkeys(columns, "text"), {}, {}):
        return table, []
    texts = ", ".join(f"nullif(trim(cast({quote(part)} as varchar)), '')" for part in parts)
    view = show(
        table.con,
        "rows",
        f"select *, nullif(concat_ws(' ', {texts}), '') as {quoted(MARK + 'customer name')} from {table}",
    )
    return view, [
        f"Columns {parts} were combined into 'customer name'; customers with the same name count as one."
    ]


def join_items(table: Relation) -> tuple[Relation, list[str]]:
    """Return the table with an amount summed from item lists if it has no other money; and a note."""
    columns = [name.removeprefix(MARK) for name in table.kinds if name.startswith(MARK)]
    joined, notes = join_numbered(table)
    if notes:
        return joined, notes
    if named("amount", columns) or named("unit_price", columns):
        return table, []
    kinds = look(first_lines(table))
    if any(find_columns(name, list(kinds), kinds, {}, {}) for name in ("amount", "unit_price")):
        return table, []
    for column in (
        text_column for text_column, kind in kinds.items() if kind == "text" and "amount" not in kinds
    ):
        text = f"cast({quote(column)} as varchar)"
        if table.holds(is_items(text)) and not table.holds(f"trim({text}) <> '' and not {is_items(text)}"):
            amount = f"if({is_items(text)}, {add_items_up(text)}, null)"
            return show(table.con, "rows", f"select *, {amount} as {quoted(MARK + 'amount')} from {table}"), [
                f"'amount' was computed from the items in column {column!r} (quantity times price, summed); "
                "postage and discounts that are not listed as items are not included."
            ]
    return join_tenders(table, kinds)


def _columns_headed(table: Relation, headings: Iterable[str]) -> tuple[list[str], list[str | None]]:
    """Return a source's columns, and the column that matches each list of headings."""
    columns = [name.removeprefix(MARK) for name in table.kinds if name.startswith(MARK)]
    here = {plain_heading(column): column for column in columns}
    return columns, [next((here[word] for word in words.split() if word in here), None) for words in headings]
