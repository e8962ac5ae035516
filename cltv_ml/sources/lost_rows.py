"""Fields of lines that are no rows of their table: what each line may have meant, for an estimate of its money."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

#: Signs that separate fields.
_FIELD_SIGNS = ",;\t|^~\x01"

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
