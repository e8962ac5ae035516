"""The delimiter of a text file: the sign that separates the values of a line."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence

from cltv_ml.sources.layout import FULL, TITLE_ROWS, filled_cells, has_no_header, names_columns

_DELIMITERS = ",;\t|^~\x01"

#: Of the lines of a table from its header on, this share has as many fields as usual.
_REGULAR = 0.6


def split_lines(lines: Sequence[str], delimiter: str = "") -> tuple[str, list[list[str]], list[int], str]:
    """Return the delimiter, the rows of fields, the line on which each row begins, and the sign that escapes quotes.

    If no delimiter is given, it is the one with which a header is found and most rows have the same width.
    """
    csv.field_size_limit(1 << 24)
    best = max(delimiter or _DELIMITERS, key=lambda sign: _regularity(_split_rows(lines, sign)[0]))
    if not delimiter and any('" "' in line for line in lines[:TITLE_ROWS]):
        alone = not _regularity(_split_rows(lines, best)[0])[2]
        best = " " if alone and _regularity(_split_rows(lines, " ")[0])[2] else best
    rows, starts = _split_rows(lines, best)
    if any('\\"' in line for line in lines):
        escaped = _split_rows(lines, best, "\\")
        if _regularity(escaped[0])[1] > _regularity(rows)[1]:
            return best, *escaped, "\\"
    return best, rows, starts, ""


def is_regular(lines: Sequence[str]) -> bool:
    """Whether lines look like a table: one line names the columns, and most others have as many fields.

    >>> is_regular(["Exports", "a,b", "1,2", "3,4"]), is_regular(["Dear Jo,", "this is the export.", "Bye!"])
    (True, False)
    """
    _, rows, *_ = split_lines(lines)
    width = max(map(filled_cells, rows), default=0)
    titles = (number for number, row in enumerate(rows) if len(row) > 1 and names_columns(row, width))
    named, share, _ = _regularity(rows[next(titles, 0) :])
    return (named and share >= _REGULAR) or (share >= FULL and has_no_header(rows, 0))


def _split_rows(
    lines: Sequence[str], delimiter: str, escape: str | None = None
) -> tuple[list[list[str]], list[int]]:
    rows, starts, start = [], [], 0
    reader = csv.reader(lines, delimiter=delimiter, escapechar=escape)
    for row in reader:
        rows.append(row)
        starts.append(start)
        start = reader.line_num
    return rows, starts


def _regularity(rows: Sequence[Sequence[str]]) -> tuple[bool, float, int]:
    """Return whether a row names all columns, the share of rows of the usual width, and that width."""
    counts = Counter(len(row) for row in rows if any(cell.strip() for cell in row))
    usual, often = max(counts.items(), key=lambda entry: (entry[0] > 1, entry[1], entry[0]), default=(0, 0))
    if usual < 2:
        return False, 0.0, 0
    width = max(filled_cells(row) for row in rows)
    named = any(names_columns(row, width) and len(row) > 1 for row in rows[:TITLE_ROWS])
    return named, often / counts.total(), usual
