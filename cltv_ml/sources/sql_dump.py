"""Dumps of a database as SQL: the rows of its INSERT and COPY statements."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from cltv_ml.sources.frames import TablesError

#: How a dump begins, after its comments: "Start date,Cost" is the header of a table.
_STATEMENT = re.compile(
    r"(create|drop|alter)\s+(\w+\s+){0,3}(table|database|schema|or|index|view|type|sequence|extension|role|user|domain|"
    r"function|procedure|trigger|session|default)( +\S|\s*$)"
    r"|insert\s+(ignore|into|[`\"\[]|.*\bvalues\b)|copy\s+[^\s,;]+\s*(\(|from\b)|pragma\s|lock\s+table"
    r"|set\s+(@|names\b|(\w+\s+)?\w+\s*(=|to\b)|(character\s+set|sql\s+dialect|time\s+zone)\b|"
    r"(\w+, )*\w+\s+(\S+\s+)?(on|off)\s*;?$)"
    r"|select\s+pg_catalog|use\s+\S+\s*$|(begin|start)(\s+(transaction|work|immediate|exclusive)\b.*)?\s*;?\s*$",
    re.IGNORECASE,
)

#: The statement before rows; a name may be quoted and have a schema.
_TABLE_NAME = r"((?:[`\"\[]?\w+[`\"\]]?\.)*(?:[\w$]+|[`\"\[][^`\"\]]+[`\"\]]))"
_INSERT = re.compile(
    rf"\s*insert\s+(?:ignore\s+)?(?:into\s+)?{_TABLE_NAME}\s*(?:\(([^()]*)\))?\s*(?:values|\()", re.IGNORECASE
)
_COPY = re.compile(rf"\s*copy\s+{_TABLE_NAME}\s*\(([^()]*)\)\s+from\s+stdin", re.IGNORECASE)
_CREATE = re.compile(
    rf"\s*create\s+(?:temp\w*\s+)?table\s+(?:if\s+not\s+exists\s+)?{_TABLE_NAME}\s*\(", re.IGNORECASE
)

#: A column of CREATE TABLE, and what else stands among the columns.
_COLUMN = re.compile(r"\s*(?:([`\"\[])(.+?)[`\"\]]|(\w+))\s+\w")
_NO_COLUMN = re.compile(r"(primary|unique|foreign|constraint|key|index|check|fulltext)\b", re.IGNORECASE)

_COMMENTS = re.compile(r"(?s:/\*.*?\*/;?)|^--.*$|^#.*$", re.MULTILINE)

#: A text in quotes, an opening or closing bracket, a comma, the end of a statement, or anything else.
_QUOTED_TEXT = re.compile(r"'(?:[^'\\]|\\.|'')*'", re.DOTALL)
_SQL_TOKEN = re.compile(r"'(?:[^'\\]|\\.|'')*'|[(),;]|[^'(),;]+", re.DOTALL)

#: Invalid bytes reach the copy, whose reader sets their lines aside.
_AS_IT_IS = "surrogateescape"

_ESCAPED = re.compile(r"\\(.)|''", re.DOTALL)
_UNESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "", "N": ""}


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


def write_dump(path: Path, encoding: str, folder: Path, table: str | None = None) -> Path:
    """Return a tab-separated copy, in `folder`, of the rows of a table of a dump.

    Raises
    ------
    TablesError
        Several tables have rows, and `table` names none of them.
    """
    copies: dict[str, Path] = {}
    files: dict[str, TextIO] = {}
    try:
        for name, columns, row in _rows_of_dump(path, encoding):
            if name not in files:
                copies[name] = folder / f"{path.name}.{len(files)}.tsv"
                files[name] = copies[name].open("w", encoding="utf-8", errors=_AS_IT_IS, newline="")
                csv.writer(files[name], delimiter="\t").writerow(
                    columns or [f"column_{n + 1}" for n in range(len(row))]
                )
            csv.writer(files[name], delimiter="\t").writerow(row)
    finally:
        for file in files.values():
            file.close()
    if not copies:
        raise TablesError(f"{path.name!r} is a dump of SQL without rows; export the table as CSV.", [])
    if len(copies) == 1 and table is None:
        return next(iter(copies.values()))
    if table not in copies:
        largest = max(copies, key=lambda name: copies[name].stat().st_size)
        raise TablesError(
            f"{path.name!r} is a dump of SQL with several tables; name one of them, such as --query "
            f"{shlex.quote(largest)}, or load it into a database and pass its URL with a SELECT that joins them. "
            f"Available: {list(copies)}.",
            list(copies),
        )
    return copies[table]


def _rows_of_dump(path: Path, encoding: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield the table, its columns and the values of each row; a null is empty."""
    declared: dict[str, list[str]] = {}
    with path.open(encoding=encoding, errors=_AS_IT_IS, newline="") as file:
        for line in file:
            if created := _CREATE.match(line):
                declared[_plain(created[1])] = _columns_of(line, file)
            elif copied := _COPY.match(line):
                for row in iter(lambda: next(file, "\\.").rstrip("\r\n"), "\\."):
                    yield (
                        _plain(copied[1]),
                        _names_in(copied[2]),
                        [_unescape(cell) for cell in row.split("\t")],
                    )
            elif inserted := _INSERT.match(line):
                name = _plain(inserted[1])
                columns = _names_in(inserted[2] or "") or declared.get(name, [])
                start = inserted.end() - line[: inserted.end()].endswith("(")
                yield from ((name, columns, row) for row in _tuples(line[start:], file))


def _columns_of(line: str, file: TextIO) -> list[str]:
    """Return the columns of a CREATE TABLE statement."""
    text = line
    while text.count("(") > text.count(")") and (more := next(file, "")):
        text += more
    body = re.sub(r"\([^()]*\)", "", text[text.index("(") + 1 : text.rfind(")")])
    parts = [part.strip() for part in body.split(",")]
    found = [_COLUMN.match(part) for part in parts if not _NO_COLUMN.match(part)]
    return [column[2] or column[3] for column in found if column]


def _tuples(text: str, file: TextIO) -> Iterator[list[str]]:
    """Yield the tuples of values of an INSERT statement, which may go on over many lines."""
    depth, values, cell = 0, list[str](), ""
    while text:
        if "'" in _QUOTED_TEXT.sub("", text) and (more := next(file, "")):  # a text over several lines
            text += more
            continue
        for token in _SQL_TOKEN.findall(text):
            depth += (token == "(") - (token == ")")
            if token == ";" and not depth:
                return
            if token == "(" and depth == 1:
                values, cell = [], ""
            elif (token == "," and depth == 1) or (token == ")" and not depth):
                values.append(_read_literal(cell))
                cell = ""
                if token == ")":
                    yield values
            elif depth:
                cell += token
        if text.rstrip().endswith(")") and not depth:  # without the semicolon, as some programs write it
            return
        text = next(file, "")


def _read_literal(written: str) -> str:
    """Return the text of a literal; of a function such as TO_DATE or CAST, its first text.

    >>> [_read_literal(one) for one in ("'it''s'", "NULL", " 9.50", "TO_DATE('2024-01-31','Y-M-D')", "CAST(2 AS int)")]
    ["it's", '', '9.50', '2024-01-31', '2']
    """
    if cast := re.match(r"\s*cast\s*\((.+)\s+as\s", written, re.IGNORECASE | re.DOTALL):
        return _read_literal(cast[1])
    if text := re.search(r"'((?:[^'\\]|\\.|'')*)'", written, re.DOTALL):
        return _ESCAPED.sub(lambda found: _UNESCAPED.get(found[1], found[1]) if found[1] else "'", text[1])
    return "" if written.strip().lower() == "null" else written.strip()


def _unescape(cell: str) -> str:
    return "" if cell == "\\N" else re.sub(r"\\(.)", lambda found: _UNESCAPED.get(found[1], found[1]), cell)


def _names_in(columns: str) -> list[str]:
    return [_plain(column) for column in columns.split(",") if column.strip()]


def _plain(name: str) -> str:
    """Return a name without quotes and without the usual schemas: tables of other schemas are tables of their own.

    >>> _plain('public."Orders"'), _plain("[dbo].[Sales]"), _plain("archive.orders")
    ('Orders', 'Sales', 'archive.orders')
    """
    return re.sub(r"(?i)^(public|dbo|main)\.", "", re.sub(r'[`"\[\]]', "", name).strip())
