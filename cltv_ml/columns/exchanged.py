"""Dates whose day and month are swapped."""

from __future__ import annotations

from cltv_ml.columns import times
from cltv_ml.columns.questions import Question, QuestionsError
from cltv_ml.columns.source_columns import SourceColumns
from cltv_ml.errors import InputError

#: Of a column's dates, a larger share with the month behind the day is no slip but another way of writing.
_FEW = 0.01

#: Number of characters in which the day of a date stands: each day is looked at once.
_DAY_LENGTH = 13


def days_in_place(columns: SourceColumns, column: str, text: str) -> str:
    """Return SQL for times, with day and month swapped back if the column has them swapped.

    Year, day, month is recognised by months above 12. A spreadsheet that reads 13/02/2024 with the month first
    leaves it as text, but turns 02/03/2024 into a date: no such date then has a day above 12, and every text has.

    Raises
    ------
    QuestionsError
        A spreadsheet may have swapped day and month; only the user knows.
    """
    if not columns.ask:
        return text
    month, day = (
        f"try_cast(regexp_extract(t, '{times.YEAR_AHEAD}', {group}) as integer)" for group in (3, 4)
    )
    first, second = (
        f"try_cast(regexp_extract(t, '{times.YEAR_BEHIND}', {group}) as integer)" for group in (1, 2)
    )
    tests = (
        f"{month} between 13 and 31",
        f"{day} between 13 and 31",
        f"{month} is not null",
        f"{month} <= 12 and {day} <= 12",
        f"{first} is not null",
        f"greatest({first}, {second}) > 12",
    )
    counts = ", ".join(f"coalesce(sum(n) filter (where {test}), 0)" for test in tests)
    high, low, dates, plain, texts, sure, example, before, behind = columns.row(
        f"select {counts}, min(t) filter (where {month} <> {day}), "
        f"min(t) filter (where {month} between 13 and 31), min(t) filter (where {day} between 13 and 31) "
        f"from (select left({text}, {_DAY_LENGTH}) as t, count(*) as n from {columns.table} group by 1)"
    )
    swapped = f"regexp_replace({text}, '{times.YEAR_AHEAD}', '\\1\\2\\4\\2\\3')"
    if low and high > _FEW * dates:
        raise InputError(
            f"column {column!r}: in {high:,} dates the day comes before the month, in {low:,} after it, such as "
            f"{before!r} and {behind!r}. Export all dates in one form."
        )
    if high and not low:
        columns.notes.append(f"Column {column!r} was read as year, day, month.")
        return swapped
    if texts < 3 or texts != sure or plain != dates or dates < 5 or columns.rules.swapped_dates is False:
        return text
    if columns.rules.swapped_dates:
        return swapped
    question = (
        f"column {column!r}: a spreadsheet seems to have swapped day and month in some dates: every date "
        "left as text has a day above 12, and no other date has. Use --rule swapped_dates=true to swap them "
        f"back, or --rule swapped_dates=false if dates such as {str(example)[:10]} are correct."
    )
    raise QuestionsError([Question(question, ("swapped_dates=true", "swapped_dates=false"))])
