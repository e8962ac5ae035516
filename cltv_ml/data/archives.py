"""Compressed files and workbooks, unpacked within a limit."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from cltv_ml.errors import InputError

#: An archive may unpack to this many bytes, or to `RATIO` times its own size if that is more: tables shrink to
#: a fifth or a thirtieth, only what was made to fill a disk to a thousandth.
LIMIT = 256 << 20
RATIO = 100

_BLOCK = 1 << 20
_ROWS = 20_000


def unpack(path: Path, folder: Path) -> Path:
    """Return the one file inside a gz or zip archive, unpacked into `folder`; other files as they are.

    Raises
    ------
    InputError
        The archive is damaged, locked, holds no or several files, or unpacks past the limit.
    """
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as packed:
                return _copy(packed, folder / path.stem, path)
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                member = _only_member(archive, path)
                with archive.open(member) as packed:
                    return _copy(packed, folder / Path(member).name, path)
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, RuntimeError) as error:
        reason = str(error).rstrip(".") or "it ends too early"
        raise InputError(
            f"{path.name!r} cannot be unpacked: {reason}; pack it again, without a password."
        ) from error
    return path


def check_workbook(path: Path) -> None:
    """Raise InputError when a workbook, which is a zip archive, unpacks past the limit."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(sum(entry.file_size for entry in archive.infolist()), path)
    except zipfile.BadZipFile as error:
        raise InputError(f"{path.name!r} is no Excel workbook (xlsx); save it as xlsx or CSV.") from error


def workbook_rows(path: Path, sheet: str | None) -> Iterator[tuple[Any, ...]]:
    """Yield the header and the rows of a workbook's sheet, or of all its sheets if they share one header.

    Raises
    ------
    InputError
        The sheet does not exist, or several sheets have different headers and none was named.
    """
    check_workbook(path)
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, KeyError, InputError) as error:
        raise InputError(f"{path.name!r} cannot be read as a workbook; save it as xlsx or CSV.") from error
    with closing(book):
        headers = {name: _header(book[name].iter_rows(values_only=True)) for name in book.sheetnames}
        filled = [name for name, header in headers.items() if header]
        if sheet is not None:
            if sheet not in headers:
                raise InputError(f"{path.name!r} has no sheet {sheet!r}. Available: {book.sheetnames}.")
            filled = [sheet] if headers[sheet] else []
        if not filled:
            raise InputError(f"{path.name!r} is empty; check that the export is complete.")
        if len({headers[name] for name in filled}) > 1:
            raise InputError(
                f"{path.name!r} has sheets with different headers; name one as table (--query). Available: {filled}."
            )
        yield headers[filled[0]]
        for name in filled:
            rows = book[name].iter_rows(values_only=True)
            _header(rows)
            yield from rows


def text_batches(rows: Iterable[Iterable[Any]], names: list[str]) -> pa.RecordBatchReader:
    """Return rows of Python values as a stream of text columns with `source_row`, empty rows left out."""
    schema = pa.schema([*((name, pa.string()) for name in names), ("source_row", pa.int64())])
    return pa.RecordBatchReader.from_batches(schema, _batches(rows, len(names), schema))


def _batches(rows: Iterable[Iterable[Any]], width: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    gathered: list[tuple[str | int | None, ...]] = []
    for number, row in enumerate(rows):
        values = [None if value is None else str(value) for value in row]
        if any(values):
            values += [None] * (width - len(values))
            gathered.append((*values[:width], number))
        if len(gathered) == _ROWS:
            yield _batch(gathered, schema)
            gathered = []
    if gathered:
        yield _batch(gathered, schema)


def _batch(rows: list[tuple[str | int | None, ...]], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    return pa.record_batch(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema
    )


def _header(rows: Iterator[tuple[Any, ...]]) -> tuple[str, ...]:
    """Return the first row that holds anything, as texts, without the empty columns at its end."""
    for row in rows:
        names = ["" if value is None else str(value) for value in row]
        while names and not names[-1].strip():
            names.pop()
        if names:
            return tuple(names)
    return ()


def _only_member(archive: zipfile.ZipFile, path: Path) -> str:
    members = [
        entry.filename
        for entry in archive.infolist()
        if not entry.is_dir()
        and not entry.filename.startswith("__MACOSX")
        and Path(entry.filename).name[0] != "."
    ]
    if len(members) != 1:
        raise InputError(
            f"{path.name!r} must hold exactly one file, found {members[:5]}; unpack it and name the file."
        )
    return members[0]


def _copy(packed: IO[bytes] | gzip.GzipFile, target: Path, archive: Path) -> Path:
    done = 0
    with target.open("wb") as file:
        while block := packed.read(_BLOCK):
            done += len(block)
            _check_size(done, archive)
            file.write(block)
    return target


def _check_size(size: int, archive: Path) -> None:
    packed = archive.stat().st_size
    if size > max(LIMIT, RATIO * packed):
        raise InputError(
            f"{archive.name!r} unpacks to more than {max(LIMIT, RATIO * packed):,} bytes from {packed:,}, "
            "which is no ordinary table; unpack it yourself if it is to be trusted."
        )
