"""Compressed files, unpacked up to a size limit, and batches of Python values as text."""

from __future__ import annotations

import gzip
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any

import pyarrow as pa

from cltv_ml.errors import InputError

#: An archive may unpack to this many bytes, or to `RATIO` times its own size if that is more: tables shrink to
#: a fifth or a thirtieth, only what was made to fill a disk to a thousandth.
LIMIT = 256 << 20
RATIO = 100

_BLOCK_SIZE = 1 << 20
_ROWS = 20_000


def unpack(path: Path, folder: Path) -> list[Path]:
    """Return the files inside a gz or zip archive, unpacked below `folder`; any other file is returned unchanged.

    Archives and their members may share a name, so each has a folder of its own. A pipe can be read only once, so its
    content is copied into `folder`.

    Raises
    ------
    InputError
        The archive is damaged, locked, empty, or unpacks past the limit; or the path is a device, which never ends.
    """
    if path.is_fifo():
        with path.open("rb") as pipe, (folder / f"{path.name}.csv").open("wb") as file:
            shutil.copyfileobj(pipe, file)
        return [folder / f"{path.name}.csv"]
    if not path.is_file():
        raise InputError(f"{str(path)!r} is a device, not a file; name a file, a folder, a pipe or a URL.")
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as packed:
                return [_copy(packed, Path(mkdtemp(dir=folder)) / path.stem, path)]
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                return [_copy_member(archive, entry, folder, path) for entry in _members(archive, path)]
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, RuntimeError) as error:
        reason = str(error).rstrip(".") or "the file is truncated"
        raise InputError(
            f"{path.name!r} cannot be unpacked: {reason}. Pack it again, without a password."
        ) from error
    return [path]


def check_workbook(path: Path) -> None:
    """Raise InputError if a workbook, which is a zip archive, would unpack beyond the limit."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(sum(entry.file_size for entry in archive.infolist()), path)
    except zipfile.BadZipFile as error:
        raise InputError(f"{path.name!r} is not an Excel workbook (xlsx); save it as xlsx or CSV.") from error


def text_batches(rows: Iterable[Iterable[Any]], names: list[str], start: int = 0) -> pa.RecordBatchReader:
    """Return rows of Python values as text columns, with `source_row` counted from `start`; empty rows are dropped."""
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
        raise InputError(f"{path.name!r} contains no file; check that the export is complete.")
    _check_size(sum(entry.file_size for entry in members), path)
    return members


def _copy_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, path: Path) -> Path:
    with archive.open(entry) as packed:
        return _copy(packed, Path(mkdtemp(dir=folder)) / Path(entry.filename).name, path)


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
            f"{archive.name!r} unpacks from {packed:,} to more than {max(LIMIT, RATIO * packed):,} bytes, "
            "which no ordinary table does. If you trust it, unpack it yourself."
        )
