"""Statements of a dump of SQL: the rows that INSERT, REPLACE and COPY add, whatever the layout of their lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

#: A name may be quoted and have a schema.
_TABLE_NAME = r"((?:[`\"\[]?\w+[`\"\]]?\.)*(?:[\w$]+|[`\"\[][^`\"\]]+[`\"\]]))"

#: What ends with the bracket before columns or values, and the most signs of it.
_INTO = re.compile(rf"\b(?:into|insert|replace|copy)\s+{_TABLE_NAME}\s*$", re.IGNORECASE)
_VALUES = re.compile(r"\bvalues?\s*$", re.IGNORECASE)
_CREATE = re.compile(
    rf"\bcreate\s+(?:\w+\s+)?table\s+(?:if\s+not\s+exists\s+)?{_TABLE_NAME}\s*$", re.IGNORECASE
)
_LONGEST_HEAD = 400

_COPY = re.compile(rf"\bcopy\s+{_TABLE_NAME}.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)

#: Statements that change rows added before.
_CHANGE = re.compile(
    rf"(?im)^\s*(update|delete(?=\s+from)|merge(?=\s+into))\s+(?:from\s+|into\s+)?{_TABLE_NAME}"
)

#: A column of CREATE TABLE, and what else stands among the columns.
_COLUMN = re.compile(r"\s*(?:([`\"\[])(.+?)[`\"\]]|(\w+))(?=\s|$)")
_NO_COLUMN = re.compile(r"\s*(primary|unique|foreign|constraint|key|index|check|fulltext)\b", re.IGNORECASE)

#: A text, where a backslash escapes the sign behind it, as in MySQL, and where it does not.
_ESCAPING = r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'(?!')"
_STANDARD = r"'[^']*(?:''[^']*)*'(?!')"

#: A name in quotes, a bracket, a comma, the end of a statement, a comment, or anything else.
_OTHER_TOKENS = (
    r"\"[^\"\n]*\"|`[^`\n]*`|\[[^\]\n'(]*\]|[(),;]|--[^\n]*|/\*.*?\*/|[^'\"`\[(),;/-]+|/(?!\*)|[-\"`\[]"
)

#: What shows that backslashes escape: marks of MySQL, or a quote between a backslash and a letter.
_MYSQL = re.compile(r"`|\b(mysql|mariadb)\b|\\'\w", re.IGNORECASE)
_NO_MYSQL = re.compile(r"standard_conforming_strings\s*=\s*on", re.IGNORECASE)

_ESCAPED = re.compile(r"\\(.)|''", re.DOTALL)
_UNESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "", "N": ""}


class Added(NamedTuple):
    """A row that a statement adds to a table; no columns where neither it nor CREATE TABLE names them."""

    table: str
    columns: tuple[str, ...]
    values: list[str]


def added_rows(path: Path, encoding: str, errors: str, undone: Counter[str]) -> Iterator[Added]:
    """Yield the rows that the statements of a dump add; a null is empty.

    Parameters
    ----------
    undone
        Counts the statements that change or remove rows that were added before.
    """
    escaping = _has_escapes(path, encoding)
    token = re.compile(f"{_ESCAPING if escaping else _STANDARD}|{_OTHER_TOKENS}", re.DOTALL)
    declared: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        for row in _run(file, token, declared, escaping):
            if isinstance(row, Added):
                seen.add(row.table)
                yield row
            else:
                changes = _CHANGE.findall(row)
                undone.update(kind.upper() for kind, table in changes if plain_table_name(table) in seen)


def _run(
    file: TextIO, token: re.Pattern[str], declared: dict[str, tuple[str, ...]], escaping: bool
) -> Iterator[Added | str]:
    """Yield the rows that statements add, and the text of the others."""
    head, target, adding = "", None, False
    tokens = _sql_tokens(file, token)
    for part in tokens:
        if part == "(":
            cells = _value_cells(tokens)
            if not adding and _VALUES.search(head[-_LONGEST_HEAD:]):
                target = target or _without_columns(head[-_LONGEST_HEAD:], declared)
                adding = target is not None
                yield head
            if adding and target:
                yield Added(*target, [_read_literal(cell, escaping) for cell in cells])
            else:
                target = _read_bracket(head[-_LONGEST_HEAD:], cells, declared) or target
                head += "()"
        elif part == ";":
            if not adding:
                yield head
                yield from _rows_of_copy(head, target, declared, file)
            head, target, adding = "", None, False
        elif not adding or part.strip() not in ("", ","):
            head = part if adding else head + part
            target, adding = (None, False) if adding else (target, adding)
    yield head


def _read_bracket(
    head: str, cells: list[str], declared: dict[str, tuple[str, ...]]
) -> tuple[str, tuple[str, ...]] | None:
    """Return the table and the columns that a bracket lists for the rows to come; note those of CREATE TABLE."""
    if into := _INTO.search(head):
        return plain_table_name(into[1]), tuple(map(plain_table_name, cells))
    if created := _CREATE.search(head):
        found = [_COLUMN.match(cell) for cell in cells if not _NO_COLUMN.match(cell)]
        declared[plain_table_name(created[1])] = tuple(column[2] or column[3] for column in found if column)
    return None


def _without_columns(head: str, declared: dict[str, tuple[str, ...]]) -> tuple[str, tuple[str, ...]] | None:
    """Return the table to which a statement adds rows without naming columns, and those that it was created with."""
    into = _INTO.search(_VALUES.sub("", head))
    return (name := plain_table_name(into[1]), declared.get(name, ())) if into else None


def _rows_of_copy(
    head: str, target: tuple[str, tuple[str, ...]] | None, declared: dict[str, tuple[str, ...]], file: TextIO
) -> Iterator[Added]:
    """Yield the rows below a COPY statement; none for another."""
    if copied := _COPY.search(head):
        name = plain_table_name(copied[1])
        columns = target[1] if target else declared.get(name, ())
        for line in file:
            if (row := line.rstrip("\r\n")) == "\\.":
                break
            yield Added(
                name, columns, ["" if cell == "\\N" else _copied_text(cell) for cell in row.split("\t")]
            )


def _sql_tokens(file: TextIO, token: re.Pattern[str]) -> Iterator[str]:
    """Yield the parts of statements without comments; a text may go on over many lines."""
    while text := file.readline():
        at = len(text) if text.startswith("#") else 0
        while at < len(text):
            if found := token.match(text, at):
                at = found.end()
                if not found[0].startswith(("--", "/*")):
                    yield found[0]
            elif more := _read_until("'" if text[at] == "'" else "*/", file):
                text, at = text[at:] + more, 0
            else:
                yield text[at:]
                return


def _read_until(ending: str, file: TextIO) -> str:
    """Return the next lines up to the first that contains an ending."""
    lines = []
    while line := file.readline():
        lines.append(line)
        if ending in line:
            break
    return "".join(lines)


def _value_cells(tokens: Iterator[str]) -> list[str]:
    """Return the parts of a bracket that commas divide, up to its end."""
    cells, cell, depth = [], "", 1
    for part in tokens:
        depth += (part == "(") - (part == ")")
        if not depth:
            break
        if part == "," and depth == 1:
            cells.append(cell)
            cell = ""
        else:
            cell += part
    return [*cells, cell]


def _copied_text(cell: str) -> str:
    return re.sub(r"\\(.)", lambda found: _UNESCAPED.get(found[1], found[1]), cell)


def _has_escapes(path: Path, encoding: str) -> bool:
    """Whether backslashes escape the signs behind them in the texts of a dump."""
    found = False
    with path.open(encoding=encoding, errors="replace") as file:
        while block := file.read(1 << 20):
            if _NO_MYSQL.search(block):
                return False
            found = found or _MYSQL.search(block) is not None
    return found


def _read_literal(written: str, escaping: bool = True) -> str:
    """Return the text of a literal; of a function such as TO_DATE or CAST, its first text.

    >>> [_read_literal(one) for one in ("'it''s'", "NULL", " 9.50", "TO_DATE('2024-01-31','Y-M-D')", "CAST(2 AS int)")]
    ["it's", '', '9.50', '2024-01-31', '2']
    """
    if cast := re.match(r"\s*cast\s*\((.+)\s+as\s", written, re.IGNORECASE | re.DOTALL):
        return _read_literal(cast[1], escaping)
    if text := re.search(_ESCAPING if escaping else _STANDARD, written, re.DOTALL):
        return _unescape(text[0][1:-1]) if escaping else text[0][1:-1].replace("''", "'")
    return "" if written.strip().lower() == "null" else written.strip()


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda found: _UNESCAPED.get(found[1], found[1]) if found[1] else "'", text)


def plain_table_name(name: str) -> str:
    """Return a name without quotes and without the usual schemas: tables of other schemas are tables of their own.

    >>> plain_table_name('public."Orders"'), plain_table_name("[dbo].[Sales]"), plain_table_name("archive.orders")
    ('Orders', 'Sales', 'archive.orders')
    """
    return re.sub(r"(?i)^(public|dbo|main)\.", "", re.sub(r'[`"\[\]]', "", name).strip())
