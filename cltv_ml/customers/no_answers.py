"""Non-answers, such as "prefer not to say", and numbers that may stand for one, such as 999."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cltv_ml.columns.headings import plain_heading
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.rules import Rules
from cltv_ml.columns.source_columns import quote
from cltv_ml.columns.words import words
from cltv_ml.customers.column_levels import levels_of, with_levels
from cltv_ml.engine import Relation, keep, literals

#: Non-answers, in small letters.
_NO_ANSWER = words("answers")["no_answer"]

#: Numbers below 0 that surveys write for a missing answer; above 0 such numbers consist of nines.
_BELOW_ZERO = (-1.0, -2.0, -7.0, -8.0, -9.0, -99.0, -999.0, -9999.0)

#: Headings of ages, and the oldest age that counts as one.
_AGE = re.compile(
    "^(customer|kunden)?(age|alter|edad|eta|idade|leeftijd|wiek|alder)(inyears|injahren|years)?$"
)
_OLDEST_AGE = 110

#: A date stands out if so many customers have it, and so many times as many as have the next.
_OFTEN, _FAR_MORE = 20, 3

_LEAVE_BLANK = "If they mean that there is no answer, leave them blank."

#: A number of nines is far from the others where the next one is at most this share of it.
_FAR = 0.5


def blank_no_answers(table: Relation) -> tuple[Relation, list[str]]:
    """Return the table with non-answers replaced by blanks, and a note on each column with some."""
    columns = [column for column, kind in Columns(table, Rules()).kinds.items() if kind == "VARCHAR"]
    is_one = f"{{}} in ({literals(_NO_ANSWER)})"
    some = [column for column in columns if levels_of(table, column).holds(is_one.format(_plain_cell("t")))]
    tests = {column: is_one.format(_plain_cell(quote(column))) for column in some}
    if not tests:
        return table, []
    non_answers = table.aggregate(
        {
            column: (
                f"count(*) filter (where {test})",
                f"mode(trim({quote(column)})) filter (where {test})",
                f"count({quote(column)})",
            )
            for column, test in tests.items()
        }
    )
    blanks = ", ".join(
        f"if({tests[column]}, null, {quote(column)}) as {quote(column)}" for column in non_answers
    )
    notes = [
        (
            f"Column {column!r}: {count:,} of {rows:,} values, such as {example!r}, are non-answers and "
            "count as missing."
        )
        for column, (count, example, rows) in non_answers.items()
    ]
    blanked = keep(table.con, "answers", f"select * replace ({blanks}) from {table}")
    return with_levels(blanked, table, tests), notes


def doubt_numbers(columns: Columns, numbers: Mapping[str, str]) -> list[str]:
    """Return a note on each column whose smallest or largest number may stand for a missing answer.

    No value is changed. `numbers` contains the SQL of each column's number.
    """
    notes = []
    for column, number in numbers.items():
        values = f"select {number} as v from {columns.table}"
        low, high = columns.row(f"select min(v), max(v) from ({values})")
        for code, is_next in ((high, "max"), (low, "min")):
            if not _may_be_code(code):
                continue
            times, following = columns.row(
                f"select count(*) filter (where v = {code}), {is_next}(v) filter (where v <> {code}) from ({values})"
            )
            far = following is not None and (following >= 0 if code < 0 else following <= _FAR * code)
            if times > 1 and far:
                notes.append(
                    f"Column {column!r}: {times:,} values are {code:g}, far from the nearest other value, "
                    f"{following:g}. {_LEAVE_BLANK}"
                )
    return notes


def doubt_ages(columns: Columns, numbers: Mapping[str, str], births: Mapping[str, str]) -> list[str]:
    """Return a note on each column of ages or birth dates with ages that nobody has, or one date far too often.

    No value is changed. `numbers` and `births` contain the SQL of each column's number, and of its days since 1970.
    """
    today = "date_diff('day', date '1970-01-01', current_date)"
    ages = {column: sql for column, sql in numbers.items() if _AGE.search(plain_heading(column))}
    ages |= {column: f"({today} - {sql}) / 365.25" for column, sql in births.items()}
    notes = []
    for column, age in ages.items():
        odd = f"not {age} between {0 if column in births else 1} and {_OLDEST_AGE}"
        times, all_, example = columns.row(
            f"select count(*) filter (where {odd}), count({age}), mode(trim(cast({quote(column)} as varchar))) "
            f"filter (where {odd}) from {columns.table}"
        )
        if times:
            notes.append(
                f"Column {column!r}: {times:,} of {all_:,} values, such as {example!r}, are not an age of up to "
                f"{_OLDEST_AGE} years, and models learn from them as they are. {_LEAVE_BLANK}"
            )
    for column, day in births.items():
        most = columns.table.rows(
            f"select count(*), any_value(trim(cast({quote(column)} as varchar))) from {columns.table} "
            f"where {day} is not null group by {day} order by 1 desc, 2 limit 2"
        )
        if len(most) == 2 and most[0][0] >= max(_OFTEN, _FAR_MORE * most[1][0]):
            notes.append(
                f"Column {column!r}: {most[0][0]:,} values are {most[0][1]!r}, and no other is there more than "
                f"{most[1][0]:,} times. {_LEAVE_BLANK}"
            )
    return notes


def _may_be_code(number: float | None) -> bool:
    """Whether surveys use this number for a missing answer.

    >>> [_may_be_code(number) for number in (-1.0, 99.0, 9999.0, 9.0, 98.0, None)]
    [True, True, True, False, False, False]
    """
    return number is not None and (number in _BELOW_ZERO or (number > 9 and set(f"{number:.15g}") == {"9"}))


def _plain_cell(text: str) -> str:
    return f"replace(lower(trim({text})), '’', '''')"
