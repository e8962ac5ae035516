"""Unchanged rows of a source, as every reader returns them, and tables in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pandas as pd
import pyarrow as pa

from cltv_ml.engine import Relation, keep, lend, quoted, show
from cltv_ml.errors import InputError

#: Columns that a table may have, as many as a worksheet; the engine needs minutes for many more.
_MOST_COLUMNS = 16_384

#: Stands before every column of a source inside the engine: names of our own hold no colon.
MARK = "source:"


class TablesError(InputError):
    """A source holds several tables that are not one, and none was named; `tables` are their names."""

    def __init__(self, message: str, tables: Sequence[str]) -> None:
        super().__init__(message)
        self.tables = tuple(tables)


@dataclass(frozen=True)
class Part:
    """One of several files or sheets that are read as one table: its name and the `source_row` of its first row."""

    name: str
    start: int


@dataclass(frozen=True)
class SourceRows:
    """The unchanged rows of a source."""

    #: The source's columns under `inner_names`, and `source_row`, from 0.
    table: Relation
    #: Lines that are no row of the table: their number and text.
    broken: tuple[tuple[int, str], ...] = ()
    #: What a reader should know, one sentence each.
    notes: tuple[str, ...] = ()
    #: The files or sheets that were read as one table.
    parts: tuple[Part, ...] = ()
    #: Lines above the columns' names, with the first row below.
    titles: tuple[Part, ...] = ()


def read_frame(con: duckdb.DuckDBPyConnection, source: pd.DataFrame | pa.Table) -> SourceRows:
    """Return the rows of a pandas or Arrow table; nothing is copied."""
    table = _narrow(source if isinstance(source, pa.Table) else _to_arrow(source))
    table = table.rename_columns(inner_names(table.column_names))
    rows = pa.array(range(len(table)), pa.int64())
    return SourceRows(lend(con, "rows", table.append_column("source_row", rows)))


def without_nan(table: Relation) -> Relation:
    """Return a table in which numbers that are not a number, as some libraries write missing ones, are missing.

    >>> from cltv_ml.engine import connect
    >>> rows = keep(connect(), "rows", "select unnest([1.5, 'nan'::double]) as amount")
    >>> without_nan(rows).rows(f"from {without_nan(rows)}")
    [(1.5,), (None,)]
    """
    floats = [quoted(name) for name, kind in table.kinds.items() if kind in ("DOUBLE", "FLOAT")]
    tests = ", ".join(f"bool_or(isnan({name}))" for name in floats)
    found = table.row(f"select {tests} from {table}") if floats else ()
    changed = [
        f"if(isnan({name}), null, {name}) as {name}" for name, some in zip(floats, found, strict=True) if some
    ]
    return (
        show(table.con, "rows", f"select * replace ({', '.join(changed)}) from {table}") if changed else table
    )


def load_batches(
    con: duckdb.DuckDBPyConnection,
    source: pa.RecordBatchReader | duckdb.DuckDBPyRelation,
    select: str = "*",
) -> Relation:
    """Return a table loaded from Arrow batches, one batch at a time."""
    con.register("incoming", source)
    try:
        return keep(con, "rows", f"select {select} from incoming")
    finally:
        con.unregister("incoming")


def inner_names(columns: list[str]) -> list[str]:
    """Return the engine's names for a source's columns.

    Raises
    ------
    InputError
        There are too many columns.

    >>> inner_names(["a", "A"])
    ['source:a', 'source:A_2']
    """
    if len(columns) > _MOST_COLUMNS:
        raise InputError(
            f"the table has at least {len(columns):,} columns, but at most {_MOST_COLUMNS:,} can be read; keep only "
            "the columns that are needed, and check that its lines end where its rows do."
        )
    return [MARK + name for name in unique_names(columns)]


def unique_names(columns: list[str]) -> list[str]:
    """Return column names that are unique regardless of case.

    >>> unique_names(["a", "A", ""])
    ['a', 'A_2', 'column_3']
    """
    taken: set[str] = set()
    names = []
    for position, column in enumerate(columns, start=1):
        name = base = str(column).strip() or f"column_{position}"
        number = 2
        while name.lower() in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name.lower())
        names.append(name)
    return names


def _narrow(table: pa.Table) -> pa.Table:
    """Return the table with decimals of more than 38 digits, which DuckDB cannot read, as text."""
    for position, column in enumerate(table.schema):
        if pa.types.is_decimal256(column.type):
            texts = table.column(position).cast(pa.string())
            table = table.set_column(position, column.name, texts)
    return table


def _to_arrow(source: pd.DataFrame) -> pa.Table:
    """Return a frame as an Arrow table, named levels of its index first; a column of mixed types becomes text."""
    named = [level for level, name in enumerate(source.index.names) if name not in (None, *source.columns)]
    if named:
        source = source.reset_index(level=named, allow_duplicates=True)
    arrays = [_array(source.iloc[:, position]) for position in range(source.shape[1])]
    return pa.table(arrays, names=[str(column) for column in source.columns])


def _array(values: pd.Series) -> pa.Array:
    # Of a period Arrow would hold a number; a week is written first day/last day.
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.astype("str").str.split("/").str[0].where(values.notna(), None)
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        utc = values.dt.tz_convert("UTC").dt.tz_localize(None)
        return (
            pa.array(utc, from_pandas=True)
            .cast(pa.timestamp("us"), safe=False)
            .cast(pa.timestamp("us", "UTC"))
        )
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, InputError, ArithmeticError, UnicodeError):
        texts = (  # half a character, as two bytes of UTF-16 leave it, is spelled out: ids stay different
            None if value is None else str(value).encode("utf-8", "backslashreplace").decode()
            for value in values
        )
        return pa.array(texts, pa.string())


def first_rows(table: Relation, rows: int) -> str:
    """Return SQL for at most this many rows; a limit copies each column, so there is none without need."""
    return table.name if table.count() <= rows else f"(from {table} limit {rows})"
