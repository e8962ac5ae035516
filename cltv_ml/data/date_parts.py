"""Dates that stand in columns of their own: year, month and day are read together as one column."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cltv_ml.data.candidates import named
from cltv_ml.data.headings import NOT_THE_PURCHASE, plain_heading
from cltv_ml.data.kinds import first_lines, look
from cltv_ml.data.parse import quote
from cltv_ml.data.times import month_number
from cltv_ml.engine import Relation, quoted, show
from cltv_ml.sources.frames import MARK

#: Headings of each part.
_PARTS = {
    "year": "year jahr annee ano anno jaar rok ar vuosi yil год рік 年 orderyear salesyear",
    "month": "month monat mois mes mese maand miesiac mesic manad maned kuukausi ay месяц 月 ordermonth salesmonth",
    "day": "day tag jour dia giorno dag dzien den paiva gun день 日 dayofmonth orderday",
}

#: Fiscal periods, and headings of columns that hold them.
_FISCAL = re.compile(
    r"(fy|gj)?[ '-]?\d{2,4}[ /.:_-]*p(er(iod)?)?[ .:_-]?\d{1,2}|p(eriod)?[ .:_-]?\d{1,2}|(fy|gj)[ '-]?\d{2}.*"
)
_FISCAL_HEADING = re.compile("fiscal|^fy$|period|geschaftsjahr|buchungsperiode|exercice|ejercicio|esercizio")


def is_fiscal(value: str) -> bool:
    """Whether a text is a period of a fiscal year, whose months only the company knows.

    >>> is_fiscal("FY24 P03"), is_fiscal("P3"), is_fiscal("2024-P03"), is_fiscal("2024-03")
    (True, True, True, False)
    """
    return _FISCAL.fullmatch(value.strip().lower()) is not None


def fiscal_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns whose headings speak of fiscal years or periods."""
    return [column for column in columns if _FISCAL_HEADING.search(plain_heading(column))]


def join_date(table: Relation) -> tuple[Relation, list[str]]:
    """Return the table with one more column where year and month, perhaps with the day, are its only date; and a note.

    >>> import pandas as pd
    >>> from cltv_ml.data import clean
    >>> parts = pd.DataFrame({"customer": ["a"], "Year": [2025], "Month": [2], "Day": [14], "amount": [1.5]})
    >>> clean(parts).log["timestamp"].tolist()
    [Timestamp('2025-02-14 00:00:00')]
    """
    columns = [name.removeprefix(MARK) for name in table.kinds if name.startswith(MARK)]
    here = {plain_heading(column): column for column in columns}
    found = [next((here[word] for word in words.split() if word in here), None) for words in _PARTS.values()]
    parts = [part for part in found if part is not None]
    if None in found[:2]:
        return table, []
    kinds = look(first_lines(table))
    dates = [
        column
        for column, kind in kinds.items()
        if kind == "timestamp" and column not in parts and not NOT_THE_PURCHASE.search(plain_heading(column))
    ]
    if dates or named("timestamp", [one for one in columns if one not in parts and kinds[one] != "empty"]):
        return table, []
    year, *rest = (f"try_cast(cast({quote(part)} as varchar) as integer)" for part in parts)
    if table.kinds[MARK + parts[1]] == "VARCHAR":
        name_of_month = f"rtrim(trim({quote(parts[1])}), '.')"
        rest[0] = f"if(length({name_of_month}) > 2, {month_number(name_of_month)}, {rest[0]})"
    padded = " || '-' || ".join(f"lpad(cast({part} as varchar), 2, '0')" for part in rest)
    name = "-".join(parts)
    numbers = " and ".join(f"{part} between 1 and 31" for part in rest)
    if name in columns or not table.holds(f"{year} between 1900 and 2100 and {numbers}"):
        return table, []
    joined = f"cast({year} as varchar) || '-' || {padded} as {quoted(MARK + name)}"
    view = show(table.con, "rows", f"select *, {joined} from {table}")
    return view, [f"Columns {parts} were read together as the date, {name!r}."]
