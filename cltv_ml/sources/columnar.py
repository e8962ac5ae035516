"""Parquet, Arrow, Stata and SAS files, whose columns have types."""

from __future__ import annotations

import struct
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.feather

from cltv_ml.engine import Relation, keep, literal, pattern, quoted, show
from cltv_ml.errors import InputError
from cltv_ml.sources.frames import MARK, SourceRows, inner_names, read_frame
from cltv_ml.sources.records import flatten_records


def show_parquet(con: duckdb.DuckDBPyConnection, *files: Path) -> Relation:
    """Return a view of Parquet files with one schema, with rows numbered across all files."""
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
    rows = f"read_parquet({names}, union_by_name=true)"
    return show(con, "rows", f"select {renamed}, {number} as source_row from {rows}")


def read_arrow(con: duckdb.DuckDBPyConnection, file: Path) -> SourceRows:
    """Return the rows of an Arrow file, such as Feather."""
    try:
        table = pyarrow.feather.read_table(file, memory_map=False)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{file.name!r} cannot be read as Feather: {first_line(error)}.") from error
    return flatten_records(con, read_frame(con, table).table)


def read_statistics(con: duckdb.DuckDBPyConnection, file: Path) -> SourceRows:
    """Return the rows of a file of Stata or SAS."""
    import pandas as pd  # imported late: other files do not need it

    try:
        if file.suffix.lower() == ".dta":
            frame = pd.read_stata(file)
        else:
            frame = pd.read_sas(file, encoding="infer" if file.suffix.lower() == ".sas7bdat" else "latin-1")
    except (ValueError, OSError, KeyError, struct.error) as error:
        raise InputError(
            f"{file.name!r} cannot be read as a file of Stata or SAS: {first_line(error)}."
        ) from error
    return SourceRows(read_frame(con, frame).table)


def first_line(error: Exception) -> str:
    """Return the first line of an error's message without its full stop; a trace that follows is dropped."""
    return str(error).splitlines()[0].partition(" Detail:")[0].rstrip(".")


def join_products(lines: Relation, products: Path, key: str) -> Relation:
    """Return lines with the columns of a products file, one row per product; other lines get nulls."""
    if not products.is_file():
        raise InputError(f"{products.name!r} is missing; put it into the same folder as the lines.")
    rows = f"from read_parquet({literal(pattern(products))})"
    columns = [str(column) for column, *_ in lines.rows(f"describe {rows}")]
    renamed = ", ".join(
        f"{quoted(column)} as {quoted(name)}"
        for column, name in zip(columns, inner_names(columns), strict=True)
    )
    table = keep(lines.con, "products", f"select {renamed} {rows}")
    return show(
        lines.con,
        "rows",
        f"select lines.*, products.* exclude ({quoted(MARK + key)}) from {lines} as lines "
        f"left join {table} as products using ({quoted(MARK + key)})",
    )
