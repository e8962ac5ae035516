"""Dumps of a database as SQL: which statements it begins with, and copies of its tables."""

from __future__ import annotations

import csv
import re
import shlex
from collections import Counter
from pathlib import Path

from cltv_ml.sources.frames import TablesError
from cltv_ml.sources.layout import number_columns
from cltv_ml.sources.sql_statements import added_rows

#: How a dump begins, after its comments: "Start date,Cost" is the header of a table.
_STATEMENT = re.compile(
    r"(create|drop|alter)\s+(\w+\s+){0,3}(table|database|schema|or|index|view|type|sequence|extension|role|user|domain|"
    r"function|procedure|trigger|session|default)( +\S|\s*$)"
    r"|(insert|replace)\s+(ignore|into|or|all|[`\"\[]|.*\bvalues\b)|(delete\s+from|truncate\s+table)\s+\S"
    r"|copy\s+[^\s,;]+\s*(\(|from\b)|pragma\s|lock\s+table"
    r"|set\s+(@|names\b|(\w+\s+)?\w+\s*(=|to\b)|(character\s+set|sql\s+dialect|time\s+zone)\b|"
    r"(\w+, )*\w+\s+(\S+\s+)?(on|off)\s*;?$)"
    r"|select\s+pg_catalog|use\s+\S+\s*$|(begin|start)(\s+(transaction|work|immediate|exclusive)\b.*)?\s*;?\s*$",
    re.IGNORECASE,
)

_COMMENTS = re.compile(r"(?s:/\*.*?\*/;?)|^--.*$|^#.*$", re.MULTILINE)

#: Invalid bytes reach the copy, whose reader sets their lines aside.
_AS_IT_IS = "surrogateescape"


def is_dump(file: Path) -> bool:
    """Whether a text file consists of SQL statements."""
    with file.open("rb") as opened:
        head = opened.read(1 << 13)
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return are_statements(head.decode(encoding, errors="replace").splitlines())


def are_statements(lines: list[str]) -> bool:
    """Whether the first line of a text without comments is a statement of SQL.

    >>> dumps = ["DROP TABLE IF EXISTS `orders`;", "SET SESSION sql_mode = '';", "CREATE FUNCTION f()", "BEGIN WORK;"]
    >>> [are_statements(["-- MySQL dump", "", statement]) for statement in dumps]
    [True, True, True, True]
    >>> [are_statements([header, "a,1"]) for header in ("set,price", "Start date,Cost", "Create date,Total")]
    [False, False, False]
    """
    text = _COMMENTS.sub("", "\n".join(lines)).strip()
    first = text.splitlines()[0] if text else ""
    return bool(_STATEMENT.match(first)) and (" " in first.strip() or first.rstrip().endswith(";"))


def write_dump(path: Path, encoding: str, folder: Path, table: str | None = None) -> tuple[Path, list[str]]:
    """Return a tab-separated copy, in `folder`, of the rows of a table of a dump, and notes for the user.

    Raises
    ------
    TablesError
        Several tables have rows, and `table` names none of them.
    """
    copies: dict[str, _Copy] = {}
    undone: Counter[str] = Counter()
    for name, columns, values in added_rows(path, encoding, _AS_IT_IS, undone):
        if name not in copies:
            copies[name] = _Copy(folder / f"{path.name}.{len(copies)}.tsv")
        copies[name].add(columns, values)
    for copy in copies.values():
        copy.close()
    if not copies:
        raise TablesError(f"{path.name!r} is a dump of SQL without rows; export the table as CSV.", [])
    if table is None and len(copies) == 1:
        [table] = copies
    if table not in copies:
        largest = max(copies, key=lambda name: copies[name].path.stat().st_size)
        raise TablesError(
            f"{path.name!r} is a dump of SQL with several tables; name one of them, such as --query "
            f"{shlex.quote(largest)}, or load it into a database and pass its URL with a SELECT that joins them. "
            f"Available: {list(copies)}.",
            list(copies),
        )
    return copies[table].path, _tell_of_changes(undone, path.name)


def _tell_of_changes(undone: Counter[str], name: str) -> list[str]:
    """Return a note on statements that change or remove rows, because only those that add rows are carried out."""
    listed = ", ".join(f"{count:,} {kind}" for kind, count in sorted(undone.items()))
    return [
        f"{name!r} changes or removes rows after it added them ({listed}), which was ignored; load it into a database "
        "and pass its URL, or export the table as CSV."
    ] * bool(undone)


class _Copy:
    """A tab-separated file of a table's rows, whose statements may name different columns, in any order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names: list[str] = []
        self._first = 0
        self._file = path.open("w", encoding="utf-8", errors=_AS_IT_IS, newline="")
        self._rows = csv.writer(self._file, delimiter="\t")

    def add(self, columns: tuple[str, ...], values: list[str]) -> None:
        """Write a row; values that do not fit the columns are written as they are, and so set aside later."""
        columns = columns or tuple(self._names[: self._first]) or tuple(number_columns(len(values)))
        if not self._names:
            self._names, self._first = list(columns), len(columns)
            self._rows.writerow(self._names)
        if list(columns) != self._names and len(columns) == len(values):
            given = dict(zip(columns, values, strict=True))
            self._names += [name for name in columns if name not in self._names]
            values = [given.get(name, "") for name in self._names]
        self._rows.writerow(values)

    def close(self) -> None:
        """End the file; if later statements named more columns than the first, write it again with all of them."""
        self._file.close()
        if len(self._names) == self._first:
            return
        whole = self.path.with_suffix(".whole.tsv")
        with (
            self.path.open(encoding="utf-8", errors=_AS_IT_IS, newline="") as file,
            whole.open("w", encoding="utf-8", errors=_AS_IT_IS, newline="") as to,
        ):
            rows = csv.reader(file, delimiter="\t")
            next(rows)
            writer = csv.writer(to, delimiter="\t")
            writer.writerow(self._names)
            writer.writerows(row + [""] * (len(self._names) - len(row)) for row in rows)
        self.path = whole
