"""Text files whose rows are columns: each line is a field, such as the date, and each column an order."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from cltv_ml.sources.delimiters import split_lines

#: Most lines, and fewest columns, of a file that is looked at, and the share of filled cells that are alike in a row.
_MOST_LINES, _FEWEST_COLUMNS, _ALIKE = 60, 6, 0.9

_DAY = re.compile(r"\d{4}[-/.]\d\d?[-/.]\d\d?([T ].*)?|\d\d?[-/.]\d\d?[-/.]\d{2,4}( .*)?")
_MONEY_CELL = re.compile(r"\D{0,4}-?\d[\d.,' ]*\D{0,4}")


def write_turned(path: Path, encoding: str, folder: Path, lines: Sequence[str]) -> Path | None:
    """Return a copy, in `folder`, of a file whose rows are columns, with one line per column; None for any other.

    Parameters
    ----------
    lines
        The first lines of the file.
    """
    if not 3 <= len(lines) <= _MOST_LINES:
        return None
    try:
        _, rows, _, _ = split_lines(list(lines), "")
    except csv.Error:  # reading the file says what is wrong with it
        return None
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not are_turned(rows):
        return None
    copy = folder / f"{path.name}.turned"
    with copy.open("w", encoding="utf-8", newline="") as to:
        csv.writer(to).writerows(zip(*rows, strict=True))
    return copy


def are_turned(rows: Sequence[Sequence[str]]) -> bool:
    """Whether each row names a field first, and one row has only days and another only amounts.

    >>> days = ["Date", *["2025-01-05"] * 6]
    >>> are_turned([["Customer", *"abcdef"], days, ["Paid", *["9.50"] * 6]]), are_turned([days, days])
    (True, False)
    """
    width = len(rows[0]) if rows else 0
    if width <= _FEWEST_COLUMNS or any(len(row) != width for row in rows):
        return False
    names = [row[0].strip() for row in rows]
    if len(set(names)) < len(names) or not all(names) or any(re.search(r"\d", name) for name in names):
        return False
    dated = [_are_alike(row[1:], _DAY) for row in rows]
    paid = [_are_alike(row[1:], _MONEY_CELL) and not day for row, day in zip(rows, dated, strict=True)]
    columns = list(zip(*rows, strict=True))[1:]
    return any(dated) and any(paid) and not any(_are_alike(column[1:], _DAY) for column in columns)


def _are_alike(cells: Sequence[str], form: re.Pattern[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    return len(filled) >= _ALIKE * len(cells) and sum(
        form.fullmatch(cell) is not None for cell in filled
    ) >= _ALIKE * max(1, len(filled))
