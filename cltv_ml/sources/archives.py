"""Compressed files and workbooks, unpacked within a limit."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from openpyxl import load_workbook
from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE
from openpyxl.utils.exceptions import InvalidFileException

from cltv_ml.errors import InputError
from cltv_ml.sources.layout import check_header_row, find_header, tell_of_thousands

#: An archive may unpack to this many bytes, or to `RATIO` times its own size if that is more: tables shrink to
#: a fifth or a thirtieth, only what was made to fill a disk to a thousandth.
LIMIT = 256 << 20
RATIO = 100

_BLOCK_SIZE = 1 << 20
_ROWS = 20_000

#: The sign or code of a currency in the format of a cell.
_CURRENCY_SIGN = re.compile(r"[$€£¥₹₩₺₽₴₫฿₪]|[A-Z]{3}|kr\.?|zł|Kč|Ft|R\$|(US|CA|A)\$")

#: The header of a sheet is sought in so many rows.
_HEADER_ROWS = 200


def unpack(path: Path, folder: Path) -> list[Path]:
    """Return the files inside a gz or zip archive, unpacked into `folder`; any other file is returned unchanged.

    Raises
    ------
    InputError
        The archive is damaged, locked, empty, or unpacks past the limit.
    """
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as packed:
                return [_copy(packed, folder / path.stem, path)]
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                return [_copy_member(archive, entry, folder, path) for entry in _members(archive, path)]
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, RuntimeError) as error:
        reason = str(error).rstrip(".") or "it ends too early"
        raise InputError(
            f"{path.name!r} cannot be unpacked: {reason}; pack it again, without a password."
        ) from error
    return [path]


def check_workbook(path: Path) -> None:
    """Raise InputError when a workbook, which is a zip archive, unpacks past the limit."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(sum(entry.file_size for entry in archive.infolist()), path)
    except zipfile.BadZipFile as error:
        raise InputError(f"{path.name!r} is not an Excel workbook (xlsx); save it as xlsx or CSV.") from error


def workbook_rows(
    path: Path,
    sheet: str | None,
    header_row: int | None = None,
    starts: list[tuple[str, int]] | None = None,
    notes: list[str] | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Yield the header and the rows of a workbook's sheet, or of all its sheets if they share one header.

    `starts` takes each sheet's name and how many rows came before its own, `notes` what to tell. Sheets that the
    workbook hides are read only where they are named, or nothing else is there. Where cells are formatted in several
    currencies, numbers keep the sign of theirs.

    Raises
    ------
    InputError
        The sheet does not exist, or several sheets have different headers and none was named.
    """
    check_workbook(path)
    opened = path.open("rb")
    try:
        book = load_workbook(opened, read_only=True, data_only=True)
    except (InvalidFileException, KeyError, InputError) as error:
        opened.close()
        raise InputError(f"{path.name!r} cannot be read as a workbook; save it as xlsx or CSV.") from error
    with closing(opened), closing(book):
        places = {name: _header(book[name], header_row, path.name) for name in book.sheetnames}
        headers = {name: header for name, (header, _) in places.items()}
        filled = [name for name, header in headers.items() if header]
        visible = [name for name in filled if book[name].sheet_state == "visible"] or filled
        if notes is not None and len(visible) < len(filled) and sheet is None:
            hidden = [name for name in filled if name not in visible]
            notes.append(
                f"{path.name!r} hides the sheets {hidden}, which were not read; name one as table (--query)."
            )
        if notes is not None and header_row is None:
            above = [row for name in visible for row in _rows_above(book[name], places[name][1])]
            notes += tell_of_thousands([str(cell) for row in above for cell in row if cell], path.name)
        chosen = visible if sheet is None else _only_sheet(sheet, headers, path.name)
        _check_sheets(chosen, headers, path.name)
        yield headers[chosen[0]]
        count = 0
        for name in chosen:
            if starts is not None:
                starts.append((name, count))
            for row in _sheet_rows(book, book[name], places[name][1] + 1):
                count += 1
                yield row


def _rows_above(sheet: Any, header_row: int) -> Iterator[tuple[Any, ...]]:
    return islice(sheet.iter_rows(values_only=True), header_row)


def _only_sheet(sheet: str, headers: Mapping[str, tuple[Any, ...]], name: str) -> list[str]:
    if sheet not in headers:
        raise InputError(f"{name!r} has no sheet {sheet!r}. Available: {list(headers)}.")
    return [sheet] if headers[sheet] else []


def _check_sheets(sheets: Sequence[str], headers: Mapping[str, tuple[Any, ...]], name: str) -> None:
    """Raise InputError when the workbook has no rows, or its sheets do not share one header."""
    if not sheets:
        raise InputError(f"{name!r} is empty; check that the export is complete.")
    if len({headers[sheet] for sheet in sheets}) > 1:
        raise InputError(
            f"{name!r} has sheets with different headers; name one as table (--query). Available: {list(sheets)}."
        )


def _sheet_rows(book: Any, sheet: Any, start: int) -> Iterator[tuple[Any, ...]]:
    """Yield a sheet's rows from `start`; numbers carry their currency where the formats name several."""
    formats = {style.numFmtId: "" for style in book._cell_styles}
    for number in formats:
        own = number - BUILTIN_FORMATS_MAX_SIZE
        formats[number] = book._number_formats[own] if own >= 0 else BUILTIN_FORMATS.get(number, "")
    signs = {written: _currency_of(written) for written in formats.values()}
    if len(set(filter(None, signs.values()))) < 2:
        yield from islice(sheet.iter_rows(values_only=True), start, None)
        return
    for row in islice(sheet.iter_rows(), start, None):
        yield tuple(
            f"{cell.value} {sign}"
            if isinstance(cell.value, int | float) and (sign := signs.get(cell.number_format))
            else cell.value
            for cell in row
        )


def _currency_of(written: str) -> str:
    """Return the sign or code of the currency in a cell's format.

    >>> [_currency_of(one) for one in ('[$€-407]#,##0.00', '#,##0 "USD"', '[$-409]d-mmm', '0.00 "kg"')]
    ['€', 'USD', '', '']
    """
    found = (one or other for one, other in re.findall(r'\[\$([^\]-]+)|"([^"]+)"', written))
    return next((sign.strip() for sign in found if _CURRENCY_SIGN.fullmatch(sign.strip())), "")


def text_batches(rows: Iterable[Iterable[Any]], names: list[str], start: int = 0) -> pa.RecordBatchReader:
    """Return rows of Python values as text columns with `source_row`, from `start`, empty rows left out."""
    schema = pa.schema([*((name, pa.string()) for name in names), ("source_row", pa.int64())])
    return pa.RecordBatchReader.from_batches(schema, _arrow_batches(rows, len(names), schema, start))


def _arrow_batches(
    rows: Iterable[Iterable[Any]], width: int, schema: pa.Schema, start: int
) -> Iterator[pa.RecordBatch]:
    gathered: list[tuple[str | int | None, ...]] = []
    for number, row in enumerate(rows, start):
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


def _header(sheet: Any, header_row: int | None, name: str) -> tuple[tuple[str, ...], int]:
    """Return the names of a sheet's columns and the index of the row they stand in; nothing for an empty sheet."""
    rows = [
        ["" if value is None else str(value) for value in row]
        for row in islice(sheet.iter_rows(values_only=True), max(_HEADER_ROWS, header_row or 0))
    ]
    if not any(map(any, rows)):
        return (), 0
    if header_row is None:
        place = find_header(rows, name)
    else:
        check_header_row(header_row, len(rows), name)
        place = header_row - 1
    names = rows[place]
    while names and not names[-1].strip():
        names.pop()
    return tuple(names), place


def _members(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    entries = sorted(archive.infolist(), key=lambda entry: entry.filename)
    members = [
        entry
        for entry in entries
        if not entry.is_dir()
        and not entry.filename.startswith("__MACOSX")
        and not Path(entry.filename).name.startswith(".")
    ]
    if not members:
        raise InputError(f"{path.name!r} holds no file; check that the export is complete.")
    _check_size(sum(entry.file_size for entry in members), path)
    return members


def _copy_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, path: Path) -> Path:
    inside = folder / f"{path.stem}_{entry.header_offset}"  # members of several folders may share a name
    inside.mkdir(exist_ok=True)
    with archive.open(entry) as packed:
        return _copy(packed, inside / Path(entry.filename).name, path)


def _copy(packed: IO[bytes] | gzip.GzipFile, target: Path, archive: Path) -> Path:
    done = 0
    with target.open("wb") as file:
        while block := packed.read(_BLOCK_SIZE):
            done += len(block)
            _check_size(done, archive)
            file.write(block)
    return target


def _check_size(size: int, archive: Path) -> None:
    packed = archive.stat().st_size
    if size > max(LIMIT, RATIO * packed):
        raise InputError(
            f"{archive.name!r} unpacks to more than {max(LIMIT, RATIO * packed):,} bytes from {packed:,}, "
            "which no ordinary table does; if you trust it, unpack it yourself."
        )
