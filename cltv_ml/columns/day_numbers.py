"""Days and weeks as numbers counted from a start, which only the user may know."""

from __future__ import annotations

import datetime
import re

from cltv_ml.columns.questions import Question, QuestionsError
from cltv_ml.columns.times import SERIAL_START
from cltv_ml.engine import Relation

#: Headings of numbers that count weeks.
_WEEKS = re.compile("week|woche|kw|semaine|semana|settimana|周|週|недел")

#: No shop's file ends before this year, so its numbers of days are not a spreadsheet's.
_EARLIEST_END = 1980

#: The days of number 1 in programs that count from other starts.
_FIRST_DAYS = {
    "1970-01-02": "days since 1970, as in Unix and Parquet",
    "1960-01-02": "days since 1960, as in SAS and Stata",
    "1899-12-31": "days of a spreadsheet",
}

#: Seconds and milliseconds since 1970 up to the year 2000: programs of Apple count from 2001.
_EARLY_SECONDS = ((1e8, 946_684_800, 1), (1e11, 946_684_800_000, 1000))


def counted(number: str, first_day: str, column: str) -> str:
    """Return SQL for the time of a number that counts days, or weeks if the heading says so; 1 is the first day.

    >>> counted("n", "2017-01-01", "WEEK_NO")
    "timestamp '2017-01-01' + to_seconds(round((n - 1) * 604800))"
    """
    step = 604_800 if _WEEKS.search(column.lower()) else 86_400
    return f"timestamp '{first_day}' + to_seconds(round(({number} - 1) * {step}))"


def read_last_serial(column: str, number: float) -> datetime.date:
    """Return the day of the highest spreadsheet serial date of a column.

    Raises
    ------
    QuestionsError
        It would be before 1980, so the days seem to be counted from another start.
    """
    day = SERIAL_START + datetime.timedelta(days=int(number))
    if day.year >= _EARLIEST_END:
        return day
    ways = ", ".join(f"--rule first_day={start} ({program})" for start, program in _FIRST_DAYS.items())
    text = (
        f"column {column!r} counts days, and its last, {int(number)}, would be {day} in a spreadsheet. Give the day of "
        f"number 1: {ways}."
    )
    raise QuestionsError([Question(text, tuple(f"first_day={start}" for start in _FIRST_DAYS))])


def tell_of_early_seconds(column: str, number: float) -> list[str]:
    """Return a note if the highest number of seconds or milliseconds of a column is before the year 2000.

    >>> tell_of_early_seconds("ts", 725_846_400)[0][:72]
    "Column 'ts' was read as seconds since 1970, which end on 1993-01-01; pro"
    """
    for low, high, per_second in _EARLY_SECONDS:
        if low <= number < high:
            last = datetime.datetime.fromtimestamp(number / per_second, datetime.UTC).date()
            return [
                f"Column {column!r} was read as seconds since 1970, which end on {last}; programs of Apple count from "
                "2001. If these do, add 978,307,200 seconds in the export."
            ]
    return []


def tell_of_shortened(table: Relation, column: str, text: str) -> list[str]:
    """Return a note if a spreadsheet shortened times that are numbers, such as milliseconds since 1970."""
    form = r"\d[.,]\d+[eE]\+\d+"
    shortened, example = table.row(
        f"select count(*), min({text}) from {table} where regexp_full_match({text}, '{form}')"
    )
    note = (
        f"Column {column!r}: a spreadsheet shortened {shortened:,} times to forms such as {example}, so their days "
        "may be wrong. Export the column as text."
    )
    return [note] * (shortened > 0)
