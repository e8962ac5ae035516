"""Text files of any delimiter and encoding, read row by row into the engine."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv

from cltv_ml.engine import Relation, quoted
from cltv_ml.errors import InputError
from cltv_ml.sources.datev import DATEV_LINE, complete_bookings
from cltv_ml.sources.delimiters import split_lines
from cltv_ml.sources.encodings import BROKEN, as_utf8, find_encoding, keep_readable
from cltv_ml.sources.fixed_width import find_dashes, find_fields, split_at_blanks, write_fields, write_words
from cltv_ml.sources.frames import Part, SourceRows, inner_names, load_batches
from cltv_ml.sources.key_values import has_pairs, write_pairs
from cltv_ml.sources.layout import (
    check_header_row,
    find_header,
    fit_names,
    has_no_header,
    join_levels,
    number_columns,
    tell_of_groups,
    tell_of_no_header,
    tell_of_thousands,
)
from cltv_ml.sources.lost_rows import take_swallowed_lines, tell_of_open_quotes
from cltv_ml.sources.parts import (
    take_lone_headings,
    take_padded,
    tell_of_cut_end,
    tell_of_second_table,
)
from cltv_ml.sources.record_types import check_record_types
from cltv_ml.sources.turned import write_turned

_SAMPLE_BYTES = 1 << 20
_BLOCK = 1 << 24

#: Number of lines that are read to find the delimiter and the header.
_PEEK_LINES = 200


class _Heading(NamedTuple):
    """The names of a file's columns and how to read its lines.

    Parameters
    ----------
    names, delimiter
        The names of its columns, and what separates them.
    above
        The number of lines above.
    own_line
        Whether a line contains the names.
    escape
        The sign before quotes inside fields, where they are not doubled.
    notes
        What a reader should know of the names.
    """

    names: list[str]
    delimiter: str
    above: int
    own_line: bool = True
    escape: str = ""
    notes: tuple[str, ...] = ()


def read_csv(
    con: duckdb.DuckDBPyConnection, path: Path, folder: Path, header_row: int | None = None, start: int = 0
) -> SourceRows:
    """Return the rows of a text file, all columns as text; lines with another number of fields are broken.

    Rows are numbered from `start` at the first line after the header; a quoted field may span lines. Lines with bytes
    that are invalid in the file's encoding count as broken.

    Parameters
    ----------
    folder
        Where a file that must be written in another encoding goes.
    header_row
        The line that names the columns, from 1; None finds it.

    Raises
    ------
    InputError
        The file is empty, has no header, or its quotes or encoding cannot be made out.
    """
    encoding, damaged, notes = find_encoding(path)
    readable = keep_readable(path, folder) if damaged else path
    readable, encoding, heading, changes = _find_fields(readable, encoding, folder, header_row, path.name)
    notes += changes
    header, delimiter, skip, named_line, _, _ = heading
    notes += _tell_of_heading(heading, path.name)
    above = _lines_above(readable, encoding, skip)
    if skip and named_line and header_row is None:
        notes.append(
            f"The columns of {path.name!r} are named in line {skip + 1}; the lines above were skipped."
        )
    titled = above if skip and named_line and header_row is None else []
    notes += tell_of_thousands(titled, header, path.name)
    names = inner_names([name.replace(BROKEN, "\ufffd") for name in header])
    broken: list[tuple[int, str]] = []
    try:
        decoded = as_utf8(readable, encoding, folder)
        with pyarrow.csv.open_csv(decoded, **_csv_options(names, heading, broken)) as reader:
            schema = reader.schema.append(pa.field("source_row", pa.int64()))
            batches = pa.RecordBatchReader.from_batches(schema, _numbered(reader, broken, start))
            table = load_batches(con, batches)
    except (pa.ArrowInvalid, UnicodeError, duckdb.Error) as error:
        raise _refusal(error, readable, path.name, f"{encoding} text separated by {delimiter!r}") from error
    broken = [(start + number, line.replace(BROKEN, "\ufffd")) for number, line in broken]
    broken = take_padded(table, names, broken, delimiter) if broken and not heading.escape else broken
    broken = take_lone_headings(table, names[0], broken, delimiter)
    notes += tell_of_second_table(broken, delimiter, path.name)
    notes += tell_of_open_quotes(broken, path.name)
    notes += take_swallowed_lines(table, delimiter, path.name, broken)
    notes += tell_of_cut_end(readable, table, path.name)
    if above and DATEV_LINE.match(above[0]):
        notes += complete_bookings(table, above[0], path.name)
    if damaged:
        broken += _take_damaged(table, names, delimiter)
        notes.append(_name_damaged(path.name, [number for number, line in broken if "\ufffd" in line]))
    titles = tuple(Part(line, start) for line in above if line.strip())
    return SourceRows(table, tuple(broken), tuple(notes), titles=titles)


def _find_fields(
    readable: Path, encoding: str, folder: Path, header_row: int | None, name: str
) -> tuple[Path, str, _Heading, list[str]]:
    """Return a file whose lines divide into fields, rewritten if they did not, its encoding and heading, and notes."""
    first = _lines_above(readable, encoding, _PEEK_LINES)
    if header_row is None and (turned := write_turned(readable, encoding, folder, first)):
        note = f"{name!r} has one column per order or the like and one line per field, and was read so."
        return turned, "utf-8", _look_at(turned, "utf-8", None, name), [note]
    heading, notes = _look_at(readable, encoding, header_row, name), list[str]()
    if len(heading.names) > 1 and all(re.fullmatch("'.+'", column.strip()) for column in heading.names):
        readable, encoding = _double_quotes(readable, encoding, folder, heading.delimiter), "utf-8"
        heading = _look_at(readable, encoding, header_row, name)
        notes.append(f"Single quotes around the fields of {name!r} were removed.")
    first = _lines_above(readable, encoding, _PEEK_LINES)
    if header_row is None and (len(heading.names) == 1 or find_dashes(first)):
        copy, how = _split_otherwise(readable, encoding, folder, heading.names[0])
        if copy is not None:
            readable, encoding = copy, "utf-8"
            heading = _look_at(readable, encoding, header_row, name)
            notes.append(f"{name!r} {how}: {', '.join(map(repr, heading.names))}.")
    return readable, encoding, heading, notes


def _refusal(error: Exception, readable: Path, name: str, form: str) -> InputError:
    """Return the sentence for a file that cannot be read in a form, such as "utf-8 text separated by ';'"."""
    if "straddling object" in str(error) and readable.stat().st_size < _BLOCK:  # a header without a line end
        return InputError(f"{name!r} contains no rows; check that the export is complete.")
    return InputError(
        f"{name!r} cannot be read as {form}: {_why_unreadable(error)}. Check its quotes and its encoding."
    )


def _tell_of_heading(heading: _Heading, name: str) -> list[str]:
    """Return what a reader should know about how the columns of a file are named and its fields quoted."""
    notes = list(heading.notes)
    if heading.escape:
        notes.append(f"Quotes inside the fields of {name!r} stand behind a backslash and were read so.")
    if not heading.own_line:
        notes.append(tell_of_no_header(heading.names, heading.above + 1, name))
    return notes


def _why_unreadable(error: Exception) -> str:
    """Return why text cannot be read as a table; the reader's own message would quote a row too long for memory."""
    if "straddling object" in str(error):
        return f"a row is longer than {_BLOCK >> 20} MB"
    return str(error).splitlines()[0].rstrip(".")


def _lines_above(path: Path, encoding: str, skip: int) -> list[str]:
    with path.open(encoding=encoding, errors="replace") as opened:
        return list(islice(opened, skip))


def _take_quotes_off(path: Path, encoding: str, folder: Path) -> Path:
    """Return a copy, in `folder`, of a file whose lines are quoted as a whole, without those quotes."""
    copy = folder / f"{path.name}.unquoted"
    with (
        path.open(encoding=encoding, errors="replace", newline="") as file,
        copy.open("w", encoding="utf-8") as to,
    ):
        to.writelines(f"{row[0] if row else ''}\n" for row in csv.reader(file))
    return copy


def _double_quotes(path: Path, encoding: str, folder: Path, delimiter: str) -> Path:
    """Return a copy, in `folder`, of a file with single quotes around its fields, with double quotes instead."""
    copy = folder / f"{path.name}.quoted"
    with (
        path.open(encoding=encoding, errors="replace", newline="") as file,
        copy.open("w", encoding="utf-8", newline="") as to,
    ):
        rows = csv.reader(file, delimiter=delimiter, quotechar="'", skipinitialspace=True)
        csv.writer(to, delimiter=delimiter).writerows(rows)
    return copy


def _split_otherwise(path: Path, encoding: str, folder: Path, line: str) -> tuple[Path | None, str]:
    """Return a copy, in `folder`, of a file without a delimiter, and how its columns are separated; None if unclear.

    Parameters
    ----------
    line
        The line taken for the header.
    """
    first = [line.rstrip("\r\n") for line in _lines_above(path, encoding, _PEEK_LINES)]
    if fields := find_fields(first):
        return write_fields(path, encoding, folder, *fields), "has columns of fixed width"
    if re.search("[;,\t|]", line):
        return _take_quotes_off(
            path, encoding, folder
        ), "has a pair of quotes around each line, which were removed"
    if has_pairs(first):
        return write_pairs(path, encoding, folder), "names each value in its lines"
    if split_at_blanks(first):
        return write_words(path, encoding, folder), "has columns separated by spaces"
    return None, ""


def _take_damaged(table: Relation, names: list[str], delimiter: str) -> list[tuple[int, str]]:
    """Remove the lines with undecodable bytes from a table and return them."""
    columns = ", ".join(f"coalesce({quoted(name)}, '')" for name in names)
    line = f"concat_ws('{delimiter}', {columns})"
    test = f"contains({line}, '{BROKEN}')"
    rows = table.rows(f"select source_row, {line} from {table} where {test} order by 1")
    table.change(f"delete from {table} where {test}")
    return [(int(number), str(text).replace(BROKEN, "\ufffd")) for number, text in rows]


def _name_damaged(name: str, rows: list[int]) -> str:
    shown = ", ".join(str(row + 1) for row in sorted(rows)[:5]) + (", ..." if len(rows) > 5 else "")
    return (
        (
            f"{name!r} was read as UTF-8; {len(rows):,} lines with bytes that are not UTF-8 were "
            f"quarantined (rows {shown})."
        )
        if rows
        else f"{name!r} was read as UTF-8, although some bytes of its header are not UTF-8."
    )


def _look_at(path: Path, encoding: str, header_row: int | None, name: str) -> _Heading:
    """Return the names of a file's columns and how they are separated."""
    with path.open("rb") as file:
        text = file.read(_SAMPLE_BYTES).decode(encoding, errors="replace")
    lines = _physical_lines(text)
    if len(text.encode(encoding, errors="replace")) >= _SAMPLE_BYTES - 8 and len(lines) > 1:
        lines.pop()  # cut off in the middle
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise InputError(f"{name!r} is empty; check that the export is complete.")
    declared = re.match(r'\ufeff?"?sep=(.)"?[,;\s]*$', lines[first], re.IGNORECASE)
    first = first + 1 if declared or DATEV_LINE.match(lines[first]) else first
    sample = lines[first : max(first, header_row or 0) + _PEEK_LINES]
    delimiter, rows, starts, escape = split_lines(sample, declared[1] if declared else "")
    if header_row is not None:
        check_header_row(header_row, len(lines), name)
        header = next((place for place, line in enumerate(starts) if first + line == header_row - 1), None)
        if header is None:
            raise InputError(
                f"no row of {name!r} begins on line {header_row}; set header_row to a line on which "
                "a row begins."
            )
        names = rows[header]
    else:
        check_record_types(rows, name)
        first_row = find_header(rows, name)
        names, header = join_levels(rows, first_row)
        if has_no_header(rows, header):
            return _Heading(number_columns(len(names)), delimiter, first + starts[header], False, escape)
    joined = tell_of_groups(names, rows[header], name) if header_row is None and header > first_row else []
    named = fit_names(names, rows[header + 1 :])
    return _Heading(named, delimiter, first + starts[header], escape=escape, notes=tuple(joined))


def _physical_lines(text: str) -> list[str]:
    r"""Return the lines as the reader counts them, for which a form feed and other separators are part of a text.

    >>> _physical_lines("Report\x0c\r\ncustomer,amount\n")
    ['Report\x0c', 'customer,amount']
    """
    lines = re.split("\r\n|\r|\n", text)
    return lines if lines[-1] else lines[:-1]


def _csv_options(names: list[str], heading: _Heading, broken: list[tuple[int, str]]) -> dict[str, object]:
    _, delimiter, skip, own_line, escape, _ = heading

    def set_aside(row: pyarrow.csv.InvalidRow) -> str:
        """Keep a line that does not fit the header, and go on."""
        broken.append((row.number - skip - 1 - own_line, row.text))
        return "skip"

    return {
        "read_options": pyarrow.csv.ReadOptions(
            column_names=names,
            skip_rows=skip,
            skip_rows_after_names=int(own_line),
            block_size=_BLOCK,
            use_threads=False,
        ),
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=delimiter,
            escape_char=escape or False,
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
    reader: pyarrow.csv.CSVStreamingReader, broken: list[tuple[int, str]], start: int
) -> Iterator[pa.RecordBatch]:
    """Yield the batches with `source_row`, without blank lines; broken lines keep their numbers."""
    done = 0
    for batch in reader:
        before = np.array([row - position for position, (row, _) in enumerate(broken)], dtype=np.int64)
        parsed = np.arange(done, done + len(batch), dtype=np.int64)
        done += len(batch)
        numbered = batch.append_column(
            "source_row", pa.array(start + parsed + np.searchsorted(before, parsed, "right"))
        )
        filled = np.zeros(len(batch), dtype=bool)
        for column in batch.columns:
            filled |= column.is_valid().to_numpy(zero_copy_only=False)
        yield numbered.filter(pa.array(filled))
