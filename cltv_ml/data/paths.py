"""Files, folders and patterns become one raw table, by their endings."""

from __future__ import annotations

from glob import glob
from pathlib import Path

import duckdb

from cltv_ml.data.archives import text_batches, unpack, workbook_rows
from cltv_ml.data.datasets import DATASETS
from cltv_ml.data.files import view_csv
from cltv_ml.data.frames import inner_names
from cltv_ml.engine import literal, pattern, quoted
from cltv_ml.errors import InputError

_PARQUET = (".parquet", ".pq")
_UNREAD = (".xls", ".xlsb", ".ods", ".zip", ".gz", ".7z", ".rar", ".pdf", ".html", ".xml")


def view_file(con: duckdb.DuckDBPyConnection, path: Path, folder: Path, table: str | None) -> None:
    """Make a file, a folder or a pattern the view `raw`, by its ending; archives are unpacked into `folder`.

    A path that exists is that file, whatever signs of a pattern its name holds.
    """
    files = find(path)
    if not files:
        raise InputError(
            f"{str(path)!r} is neither a file, a folder with Parquet files nor a data set's name; "
            f"check the path. Data sets: {sorted(DATASETS)}."
        )
    if ending(files[0]) not in _PARQUET and len(files) > 1:
        raise InputError(
            f"{str(path)!r} matches {len(files)} files, which only Parquet files may be; name one."
        )
    files[0] = unpack(files[0], folder)
    kind = ending(files[0])
    if kind in _PARQUET:
        view_parquet(con, *files)
    elif kind in (".xlsx", ".xlsm"):
        rows = workbook_rows(files[0], table)
        con.register("incoming", text_batches(rows, inner_names(list(next(rows)))))
        con.execute("create or replace table raw as from incoming")
        con.unregister("incoming")
    elif kind in _UNREAD:
        raise InputError(f"{files[0].name!r} is of a kind that is not read; save it as xlsx, CSV or Parquet.")
    else:
        view_csv(con, files[0], inner_names)


def find(path: Path) -> list[Path]:
    """Return the files that a path names: itself where it exists, else what matches it as a pattern."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if ending(file) in _PARQUET)
    if path.exists():
        return [path]
    return [Path(found) for found in sorted(glob(str(path), recursive=True))]


def ending(path: Path) -> str:
    """Return a file's ending in small letters.

    >>> ending(Path("ORDERS.PARQUET"))
    '.parquet'
    """
    return path.suffix.lower()


def view_parquet(con: duckdb.DuckDBPyConnection, *files: Path) -> None:
    """Make Parquet files with one schema the view `raw`, rows numbered through all files."""
    names = "[" + ", ".join(literal(pattern(file)) for file in files) + "]"
    try:
        described = con.execute(f"describe from read_parquet({names}, union_by_name=true)").fetchall()
        counts = con.execute(f"select num_rows from parquet_file_metadata({names})").fetchall()
    except duckdb.Error as error:
        raise InputError(f"{str(files[0])!r} cannot be read as Parquet: {first_line(error)}.") from error
    offsets = [0]
    for (count,) in counts:
        offsets.append(offsets[-1] + count)
    columns = [str(column) for column, *_ in described]
    # The bare file_row_number lets joins on it skip what they do not want while reading.
    number = f"{offsets[:-1]}[cast(file_index as integer) + 1] + " if len(files) > 1 else ""
    number += "file_row_number"
    if {"file_row_number", "file_index"} & {column.lower() for column in columns}:
        number = "row_number() over () - 1"
    renamed = ", ".join(
        f"{quoted(column)} as {quoted(name)}"
        for column, name in zip(columns, inner_names(columns), strict=True)
    )
    con.execute(
        f"create or replace temp view raw as select {renamed}, {number} as source_row "
        f"from read_parquet({names}, union_by_name=true)"
    )


def first_line(error: Exception) -> str:
    """Return the first line of an error's message without its full stop."""
    return str(error).splitlines()[0].rstrip(".")
