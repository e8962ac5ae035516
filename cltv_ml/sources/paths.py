"""Files, folders and glob patterns read as one table, according to the file extension."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import duckdb

from cltv_ml.engine import Relation
from cltv_ml.errors import InputError, among
from cltv_ml.sources.archives import text_batches, unpack
from cltv_ml.sources.columnar import first_line, read_arrow, read_statistics, show_parquet
from cltv_ml.sources.delimiters import is_regular
from cltv_ml.sources.encodings import find_encoding
from cltv_ml.sources.files import read_csv
from cltv_ml.sources.folders import ending, find, some_names, tell_of_other_files
from cltv_ml.sources.frames import Part, SourceRows, TablesError, inner_names, load_batches
from cltv_ml.sources.joined_files import is_statement, join_files
from cltv_ml.sources.markup import copy_records, copy_table, is_markup
from cltv_ml.sources.parts import (
    fit_columns,
    holds_no_sales,
    name_parts,
    take_headers_out,
    tell_of_lacking,
)
from cltv_ml.sources.records import flatten_records, read_json
from cltv_ml.sources.signs import make_plain
from cltv_ml.sources.sql_dump import is_dump, write_dump

#: Endings by the way they are read; any other file is read as text.
_READ_BY = {
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".feather", ".arrow", ".ipc"), "arrow"),
    **dict.fromkeys((".xlsx", ".xlsm"), "workbook"),
    **dict.fromkeys((".html", ".htm", ".xml", ".ods"), "markup"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
    **dict.fromkeys((".dta", ".sas7bdat", ".xpt"), "statistics"),
    **dict.fromkeys((".sav", ".rds", ".rdata", ".mdb", ".accdb", ".dbf", ".avro", ".orc"), "unread"),
    **dict.fromkeys((".xls", ".xlsb", ".7z", ".rar", ".pdf", ".zip", ".gz"), "unread"),
}

#: What content that is no table begins with: Arrow, Feather, zip, gz, older Office files, PDF, EDIFACT and X12.
_NO_TEXT = tuple(b"ARROW1\0 FEA1 PK\3\4 \x1f\x8b \xd0\xcf\x11\xe0 %PDF- UNA:+ UNB+UNO ISA*00".split())

#: Archives that are not unpacked: bzip2, xz, zstd, 7z and rar by their first bytes; tar bears its name further on.
_PACKED = (b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07")
_TAR, _TAR_AT = b"ustar", 257


def read_file(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    folder: Path,
    table: str | None = None,
    header_row: int | None = None,
) -> SourceRows:
    """Return the rows of a file, a folder or a glob pattern; archives are unpacked into `folder`.

    A path that exists is that file, even if its name contains pattern signs. Several files are read as one table if
    they have the same columns.
    """
    return _read_files(con, path, _files_of(path, folder), folder, table, header_row)


def _files_of(path: Path, folder: Path) -> list[Path]:
    members = [member for file in find(path) for member in unpack(file, folder)]
    return [inner for member in members for inner in unpack(member, folder)]  # an archive may hold others


def _read_files(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    files: list[Path],
    folder: Path,
    table: str | None,
    header_row: int | None,
) -> SourceRows:
    """Return the rows of the files of a path, or of those that `table` names."""
    if table is not None and is_statement(table) and len(files) > 1:
        each = {file.name: _read_files(con, path, [file], folder, None, header_row) for file in files}
        return join_files(con, table, each)
    if table is not None:
        files, table = _files_named(path, files, table)
    files, notes = _pass_over(files)
    notes += tell_of_other_files(path)
    ways = {_way(file): file for file in files}
    if len(ways) > 1:
        _ask_for_file(path, files)
    [(way, file)] = ways.items()
    if way == "unread" and (engine := _database_engine(file)):
        from cltv_ml.sources.databases import read_database  # imported late: SQLAlchemy is slow to import

        return read_database(con, f"{engine}:///{file}", table)
    if way == "unread" and _is_packed(file):
        raise InputError(f"{file.name!r} is an archive of another kind than gz and zip; unpack it first.")
    if way == "unread":
        raise InputError(f"{file.name!r} is not in a supported format; save it as xlsx, CSV or Parquet.")
    if way == "parquet":
        rows = flatten_records(con, show_parquet(con, *files))
    elif way == "arrow":
        rows = read_arrow(con, file)
    elif way == "statistics":
        rows = read_statistics(con, file)
    else:
        rows = _read_texts(con, files, folder, table, header_row)
    return replace(rows, notes=(*notes, *rows.notes))


def _files_named(path: Path, files: list[Path], table: str) -> tuple[list[Path], str | None]:
    """Return the files of this name and None, else all files and the name, of a table that one of them may hold."""
    if named := [file for file in files if file.name == table]:
        return named, None
    if any(_way(file) in ("json", "workbook", "unread") or is_dump(file) for file in files):
        return files, table
    if len(files) == 1:
        raise InputError(
            f"{files[0].name!r} is one table, in which --query {table!r} names nothing; leave it out."
        )
    raise InputError(f"{path.name!r} contains no file {table!r}{among(table, [file.name for file in files])}")


def read_with_refunds(
    con: duckdb.DuckDBPyConnection, path: Path, folder: Path, header_row: int | None = None
) -> tuple[SourceRows, dict[str, Relation]]:
    """Return the rows of a file or folder, and by its name each table next to them that is called refunds.

    Raises
    ------
    InputError
        As `read_file`; other tables have columns of their own as well.
    """
    files = _files_of(path, folder)
    try:
        return _read_files(con, path, files, folder, None, header_row), {}
    except TablesError as error:
        sales = [name for name in error.tables if not holds_no_sales(name)]
        refunds = [name for name in error.tables if name not in sales]
        if not sales or not refunds or (len(sales) > 1 and len(files) == 1):
            raise
        chosen = [file for file in files if file.name not in refunds]
        rows = _read_files(con, path, chosen, folder, sales[0] if len(files) == 1 else None, header_row)
        tables = {name: _read_files(con, path, files, folder, name, header_row).table for name in refunds}
        return rows, tables


def _pass_over(files: list[Path]) -> tuple[list[Path], list[str]]:
    """Return the files that may be tables, or all if none may be, and a note on the others."""
    if len(files) == 1:
        return files, []
    unread = [file for file in files if _way(file) == "unread"]
    prose = [file for file in files if _way(file) == "text" and _is_prose(file)]
    if len(unread) + len(prose) in (0, len(files)):
        return files, []
    reasons = {"are not in a supported format": unread, "do not contain a table": prose}
    notes = [
        f"{some_names(skipped)} next to the tables were skipped, because they {reason}."
        for reason, skipped in reasons.items()
        if skipped
    ]
    return [file for file in files if file not in unread + prose], notes


def _ask_for_file(path: Path, files: list[Path]) -> NoReturn:
    """Raise InputError for files that are not one table, with the option that selects the largest."""
    largest = max(files, key=lambda file: file.stat().st_size)
    raise InputError(
        f"{str(path)!r} contains files of several kinds, {sorted(file.name for file in files)[:8]}; name "
        f"one of them, such as --query {shlex.quote(largest.name)}."
    )


def _way(file: Path) -> str:
    """Return a file's kind: by its extension, or by its content if that is of another kind."""
    way = _READ_BY.get(ending(file), "text")
    called = ending(file) in (".xls", ".xlsx", ".xlsm")
    if way in ("text", "workbook", "unread") and is_markup(file):
        return "markup"
    if called and _begins(file, b"PK"):
        return "workbook"
    if way == "text" and _begins(file, b"PAR1\x15"):
        return "parquet"
    if way == "text" and _begins(file, b"ARROW1\0"):
        return "arrow"
    if way == "text" and (_begins(file, *_NO_TEXT) or _is_packed(file) or _database_engine(file)):
        return "unread"
    return "text" if called and not _begins(file, b"\xd0\xcf\x11\xe0") and _is_table(file) else way


def _is_packed(file: Path) -> bool:
    """Whether a file is an archive of a kind that is not unpacked."""
    with file.open("rb") as opened:
        head = opened.read(_TAR_AT + len(_TAR))
    return head.startswith(_PACKED) or head.endswith(_TAR)


def _database_engine(file: Path) -> str:
    """Return the engine that wrote a file, `sqlite` or `duckdb`, by its first bytes; an empty text for other files."""
    with file.open("rb") as opened:
        head = opened.read(16)
    if head == b"SQLite format 3\0":
        return "sqlite"
    return "duckdb" if head[8:12] == b"DUCK" else ""


def _is_table(file: Path) -> bool:
    """Whether a file has at least two lines and a delimiter in the first, as a table's header has."""
    with file.open("rb") as opened:
        first, *next_lines = opened.read(4096).splitlines()[:2] or [b""]
    return bool(next_lines) and any(sign in first for sign in (b",", b";", b"\t", b"|"))


def _is_prose(file: Path) -> bool:
    """Whether a file next to tables is another kind of text, such as a description."""
    encoding, _, _ = find_encoding(file)
    with file.open(encoding=encoding, errors="replace") as opened:
        lines = opened.read(1 << 14).splitlines()
    return not is_regular(lines)


def _begins(file: Path, *starts: bytes) -> bool:
    """Whether a file begins with one of these prefixes, ignoring whitespace and a byte order mark."""
    with file.open("rb") as opened:
        head = opened.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(starts)


def _read_texts(
    con: duckdb.DuckDBPyConnection, files: list[Path], folder: Path, table: str | None, header_row: int | None
) -> SourceRows:
    """Return the rows of text files, workbooks or JSON files, concatenated and numbered continuously."""
    first = _read_one(con, files[0], folder, table, header_row, 0)
    stacked, broken, notes, titles = first.table, list(first.broken), list(first.notes), list(first.titles)
    parts, kind, lacking = [Part(files[0].name, 0)], "file", dict[str, str]()
    for file in files[1:]:
        [last] = stacked.row(f"select coalesce(max(source_row), -1) from {stacked}")
        start = max(int(last), *(number for number, _ in broken), -1) + 1
        rows = _read_one(con, file, folder, table, header_row, start)
        try:
            lacking |= dict.fromkeys(fit_columns(files[0].name, stacked, file.name, rows.table), file.name)
        except InputError as error:
            raise TablesError(str(error), [one.name for one in files]) from error
        stacked.change(f"insert into {stacked} by name from {rows.table}")
        con.execute(f"drop table {rows.table}")
        broken, notes = [*broken, *rows.broken], [*notes, *rows.notes]
        parts.append(Part(file.name, start))
        titles += rows.titles
    if len(files) == 1:
        parts, kind = list(first.parts), "table" if _way(files[0]) == "markup" else "sheet"
    if len(parts) > 1:
        shown = ", ".join(f"{part.name} (from row {part.start + 1})" for part in parts[:10])
        notes.append(
            f"{len(parts)} {kind}s were read as one table: {shown}{', ...' if len(parts) > 10 else ''}."
        )
        notes += [tell_of_lacking(lacking, files[0].name)] if lacking else []
        notes += name_parts(stacked, parts, kind, titles)
    return SourceRows(stacked, tuple(broken), (*notes, *make_plain(stacked)), tuple(parts), tuple(titles))


def _read_one(
    con: duckdb.DuckDBPyConnection,
    file: Path,
    folder: Path,
    table: str | None,
    header_row: int | None,
    start: int,
) -> SourceRows:
    way = _way(file)
    if way == "json":
        return read_json(con, file, start, table)
    if way == "markup" and ending(file) != ".ods" and (records := copy_records(file, folder)):
        return read_json(con, records, start)
    if way == "markup":
        copy, read_notes, named_parts = copy_table(file, folder)
        rows = read_csv(con, copy, folder, header_row, start)
        parts = tuple(Part(part.name, start + part.start) for part in named_parts)
        return replace(rows, notes=(*read_notes, *rows.notes), parts=parts)
    if way == "workbook":
        from cltv_ml.sources.workbooks import workbook_rows  # late: openpyxl is slow to import

        sheets: list[tuple[str, int]] = []
        notes: list[str] = []
        titles: list[tuple[str, str]] = []
        damage: list[InputError] = []
        values = _noting(workbook_rows(file, table, header_row, sheets, notes, titles), damage)
        try:
            stacked = load_batches(con, text_batches(values, inner_names(list(next(values))), start))
        except duckdb.InvalidInputException as error:
            raise (damage or [error])[0] from error
        parts = tuple(Part(name, start + row) for name, row in sheets)
        places = {part.name: part.start for part in parts}
        named = tuple(Part(title, places[sheet]) for sheet, title in titles if sheet in places)
        rows = SourceRows(stacked, notes=tuple(notes), parts=parts, titles=named)
    elif is_dump(file):
        encoding, _, notes = find_encoding(file)
        copy, told = write_dump(file, encoding, folder, table)
        notes += told
        rows = read_csv(con, copy, folder, None, start)
        rows = replace(rows, notes=(*notes, *rows.notes))
    else:
        rows = read_csv(con, file, folder, header_row, start)
    return replace(rows, notes=(*rows.notes, *take_headers_out(rows.table, rows.broken, file.name)))


def _noting(rows: Iterator[tuple[Any, ...]], damage: list[InputError]) -> Iterator[tuple[Any, ...]]:
    """Yield rows; record an InputError that ends them, because the engine would raise an error of its own instead."""
    try:
        yield from rows
    except InputError as error:
        damage.append(error)
        raise


@contextmanager
def readable(rows: Relation, name: str) -> Iterator[None]:
    """Raise InputError for an error inside the block if these rows cannot be read completely, as in a damaged file.

    Other errors of the engine are not changed. Parquet is decoded only when a column is read.
    """
    try:
        yield
    except duckdb.Error:
        try:
            for _ in rows.con.sql(f"from {rows}").to_arrow_reader():
                pass
        except (duckdb.Error, OSError) as damage:
            raise InputError(
                f"{name!r} cannot be read to its end: {first_line(damage)}. The file is damaged; "
                "export it again."
            ) from damage
        raise
