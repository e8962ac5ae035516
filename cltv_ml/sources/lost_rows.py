"""Lines that are no rows of their table: those that open quotes swallowed, and what a line may have meant."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

from cltv_ml.engine import Relation, quoted

#: Signs that separate fields.
_FIELD_SIGNS = ",;\t|^~\x01"

#: Repetitions that DuckDB's regular expressions take.
_MOST_REPETITIONS = 1000

#: A number that its thousands sign or its decimal sign divided: the part before and the part behind.
_GROUPED_PARTS = (re.compile(r"\D{0,3}\d{1,3}"), re.compile(r"\d{3}([.,]\d+)?"))
_FRACTION_PARTS = (re.compile(r"\D{0,3}\d+"), re.compile(r"\d{1,2}"))


def possible_rows(lines: Sequence[str], width: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the place of each line with the rows of so many fields that it may have been.

    A separator divides a value of a line with too many fields; one with too few lacks its beginning or its end.

    >>> [row for _, row in possible_rows(["C1,2024-01-31,1,050.00"], 3)]
    [['C1,2024-01-31', '1', '050.00'], ['C1', '2024-01-31,1', '050.00'], ['C1', '2024-01-31', '1050.00']]
    >>> [row for _, row in possible_rows(["C1,2024-01-31"], 3)]
    [['C1', '2024-01-31', ''], ['', 'C1', '2024-01-31']]
    """
    text = "".join(lines[:50])
    separator = max(_FIELD_SIGNS, key=text.count)
    for place, line in enumerate(lines):
        fields = _fields_of(line, separator)
        if len(fields) == width:
            yield place, fields
        elif len(fields) < width:
            blank = [""] * (width - len(fields))
            yield from ((place, row) for row in ([*fields, *blank], [*blank, *fields]))
        else:
            span = len(fields) - width + 1
            for start in range(width):
                value = _put_together(fields[start : start + span], separator)
                yield place, [*fields[:start], value, *fields[start + span :]]


def _fields_of(line: str, separator: str) -> list[str]:
    """Return the fields of a line."""
    if line.count('"') % 2:
        return [field.strip('"') for field in line.split(separator)]
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def _put_together(parts: Sequence[str], separator: str) -> str:
    """Return a value of which a separator made several parts.

    >>> [_put_together(parts, ",") for parts in (["1", "050.00"], ["9", "5"], ["Doe", " Ann"])]
    ['1050.00', '9.5', 'Doe, Ann']
    """
    first, *others = (part.strip() for part in parts)
    if _GROUPED_PARTS[0].fullmatch(first) and all(_GROUPED_PARTS[1].fullmatch(part) for part in others):
        return first + "".join(others)
    if len(others) == 1 and _FRACTION_PARTS[0].fullmatch(first) and _FRACTION_PARTS[1].fullmatch(others[0]):
        return f"{first}.{others[0]}"
    return separator.join(parts)


def tell_of_open_quotes(broken: Sequence[tuple[int, str]], name: str) -> list[str]:
    """Return a note if a broken row spans many lines, as after a quote that is never closed."""
    long = [(number, text.count("\n")) for number, text in broken if text.count("\n") > 2]
    if not long:
        return []
    lines = sum(count + 1 for _, count in long)
    return [
        f"{len(long):,} rows of {name!r} that do not fit the header span {lines:,} lines, the first starting "
        f"at row {long[0][0] + 1}. A quote is not closed there, so these lines were not read; correct it in "
        "the file."
    ]


def take_swallowed_lines(
    table: Relation, delimiter: str, name: str, broken: list[tuple[int, str]]
) -> list[str]:
    """Take rows out of the table whose fields contain whole lines of it, as between quotes that were never closed.

    They are added to the broken lines; returns a note.
    """
    names = [column for column, kind in table.kinds.items() if kind == "VARCHAR"]
    whole_row = ", ".join(map(quoted, names))
    if not names or not table.row(f"select bool_or(contains(concat({whole_row}), chr(10))) from {table}")[0]:
        return []
    breaks = table.row(
        "select " + ", ".join(f"bool_or(contains({quoted(c)}, chr(10)))" for c in names) + f" from {table}"
    )
    with_breaks = ", ".join(quoted(column) for column, some in zip(names, breaks, strict=True) if some)
    if not with_breaks:
        return []
    sign, fields = re.escape(delimiter), min(max(len(names) - 1, 1), _MOST_REPETITIONS)
    # A list of the fields, because DuckDB refuses a sum or a disjunction of a thousand.
    whole = f"contains(v, chr(10)) and regexp_matches(v, '\\n(?:[^\\n{sign}]*{sign}){{{fields}}}')"
    ends = "length(v) - length(replace(v, chr(10), ''))"
    swallowing = f"len(list_filter([{with_breaks}], lambda v: {whole})) > 0"
    [inside] = table.row(
        f"select sum(list_sum(list_transform([{with_breaks}], lambda v: {ends}))) from {table} where {swallowing}"
    )
    if not inside:
        return []
    cells = ", ".join(f"coalesce({quoted(column)}, '')" for column in names)
    rows = table.rows(
        f"select source_row, concat_ws('{delimiter}', {cells}) from {table} where {swallowing} order by 1"
    )
    table.change(f"delete from {table} where {swallowing}")
    broken += [(int(number), str(text)) for number, text in rows]
    return [
        f"Fields of {name!r} contain {int(inside):,} whole lines of the table, the first in row {rows[0][0] + 1}. A "
        "quote is not closed there, so these lines were not read; correct it in the file."
    ]
