"""Text files of any delimiter and encoding, read row by row into the engine."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv
from charset_normalizer import from_bytes

from cltv_ml.errors import InputError

_SAMPLE = 1 << 20
_BLOCK = 1 << 24
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def view_csv(con: duckdb.DuckDBPyConnection, path: Path, unique: Callable[[list[str]], list[str]]) -> None:
    """Make a text file the table `raw`, every column text; lines of another length go to `broken_lines`.

    Rows are numbered from 0 at the first line after the header; a quoted field may span lines.

    Raises
    ------
    InputError
        The file is empty, has no header, or its quotes or encoding cannot be made out.
    """
    encoding = find_encoding(path)
    header, delimiter, skip = _look_at(path, encoding)
    names = unique(header)
    broken: list[tuple[int, str]] = []
    try:
        with pyarrow.csv.open_csv(path, **_options(names, delimiter, encoding, skip, broken)) as reader:
            schema = reader.schema.append(pa.field("source_row", pa.int64()))
            batches = pa.RecordBatchReader.from_batches(schema, _numbered(reader, broken))
            con.register("incoming", batches)
            con.execute("create or replace table raw as from incoming")
    except (pa.ArrowInvalid, UnicodeError, duckdb.Error) as error:
        raise InputError(
            f"{path.name!r} cannot be read as {encoding} text separated by {delimiter!r}: "
            f"{str(error).splitlines()[0].rstrip('.')}; check its quotes and its encoding."
        ) from error
    finally:
        con.unregister("incoming")
    if broken:
        con.executemany("insert into broken_lines values (?, ?)", broken)


def find_encoding(path: Path) -> str:
    """Return a text file's encoding: its byte order mark, else UTF-8 if all of it is, else the likeliest.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.csv").write_bytes("Größe;Straße".encode("cp1252"))
    ...     find_encoding(Path(folder, "a.csv"))
    'cp1252'
    """
    with path.open("rb") as file:
        start = file.read(_SAMPLE)
        for mark, encoding in _MARKS.items():
            if start.startswith(mark):
                return encoding
        if b"\0" in start[:200]:
            return "utf-16-le" if start[1:200:2].count(0) > start[0:200:2].count(0) else "utf-16-be"
        decoder = codecs.getincrementaldecoder("utf-8")()
        block, seen = start, b""
        try:
            while block:
                decoder.decode(block)
                seen, block = block, file.read(_SAMPLE)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return _likely_encoding(block or seen)
    return "utf-8"


def _likely_encoding(block: bytes) -> str:
    """Return the likeliest encoding of a block that is not UTF-8.

    In western languages letters beyond ASCII stand alone; where most come in a row, the alphabet or the
    script is another one.
    """
    beyond = np.frombuffer(block, dtype=np.uint8) >= 128
    if (beyond[1:] & beyond[:-1]).sum() < 0.4 * beyond.sum():
        return "cp1252"
    best = from_bytes(block, cp_isolation=["cp1251", "shift_jis", "gb18030", "euc_kr", "big5"]).best()
    return best.encoding if best else "cp1252"


def _look_at(path: Path, encoding: str) -> tuple[list[str], str, int]:
    """Return the header's names, the delimiter, and how many blank lines come before the header."""
    with path.open("rb") as file:
        text = file.read(_SAMPLE).decode(encoding, errors="replace")
    lines = text.splitlines()
    skip = next((number for number, line in enumerate(lines) if line.strip()), None)
    if skip is None:
        raise InputError(f"{path.name!r} is empty; check that the export is complete.")
    sample = [line for line in lines[skip : skip + 200] if line.strip()]
    delimiter = max(",;\t|", key=lambda sign: _regularity(sample, sign))
    return next(csv.reader(sample, delimiter=delimiter)), delimiter, skip


def _regularity(lines: list[str], delimiter: str) -> tuple[float, int]:
    """Return the share of lines with the usual number of fields, and that number: 1 field is no table."""
    csv.field_size_limit(1 << 24)
    counts = Counter(len(fields) for fields in csv.reader(lines, delimiter=delimiter))
    usual, often = counts.most_common(1)[0]
    header = len(next(csv.reader(lines, delimiter=delimiter)))
    return (often / counts.total() if usual == header and usual > 1 else 0.0, usual)


def _options(
    names: list[str], delimiter: str, encoding: str, skip: int, broken: list[tuple[int, str]]
) -> dict[str, object]:
    def set_aside(row: pyarrow.csv.InvalidRow) -> str:
        broken.append((row.number - skip - 2, row.text))
        return "skip"

    return {
        "read_options": pyarrow.csv.ReadOptions(
            column_names=names,
            skip_rows=skip,
            skip_rows_after_names=1,
            encoding="utf-8" if encoding == "utf-8-sig" else encoding,
            block_size=_BLOCK,
            use_threads=False,
        ),
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=set_aside,
        ),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types={name: pa.string() for name in names},
            strings_can_be_null=True,
            null_values=[""],
        ),
    }


def _numbered(
    reader: pyarrow.csv.CSVStreamingReader, broken: list[tuple[int, str]]
) -> Iterator[pa.RecordBatch]:
    """Yield the batches with `source_row`, blank lines left out; broken lines keep their numbers."""
    done = 0
    for batch in reader:
        before = np.array([row - position for position, (row, _) in enumerate(broken)], dtype=np.int64)
        parsed = np.arange(done, done + len(batch), dtype=np.int64)
        done += len(batch)
        numbered = batch.append_column(
            "source_row", pa.array(parsed + np.searchsorted(before, parsed, "right"))
        )
        filled = np.zeros(len(batch), dtype=bool)
        for column in batch.columns:
            filled |= column.is_valid().to_numpy(zero_copy_only=False)
        yield numbered.filter(pa.array(filled))
