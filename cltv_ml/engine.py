"""One DuckDB connection with a memory limit, tables as views in it, and relations that steps pass on."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import duckdb
import pandas as pd
import pyarrow as pa

from cltv_ml.errors import InputError

#: A table that rooms pass on: a pandas or Arrow table or, larger than memory, a Parquet file, a folder or a glob.
Tabular: TypeAlias = pd.DataFrame | pa.Table | str | Path

Key = TypeVar("Key")

#: Money is summed in whole numbers of this fraction of the unit: no order of rows, thread or engine moves a total.
MONEY_SCALE = 10_000

#: The database that `connect` opens catalogs in, and the catalogs it has opened there; and that of each connection.
_shared_database: ContextVar[tuple[duckdb.DuckDBPyConnection, list[str]] | None] = ContextVar(
    "_one", default=None
)
_catalogs: WeakKeyDictionary[duckdb.DuckDBPyConnection, str] = WeakKeyDictionary()
_catalog_numbers = itertools.count()

#: How to drop what was made while `tidy` is open.
_made: ContextVar[list[tuple[duckdb.DuckDBPyConnection, str]] | None] = ContextVar("_made", default=None)


@contextmanager
def within(database: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let `connect` give empty catalogs inside `database` during the block, and drop them at its end.

    A new database costs as much as some twenty small queries: a server that answers one customer keeps one.

    >>> with within(connect()):
    ...     one, other = connect(), connect()
    ...     _ = one.execute("create table rows as select 1 as n")
    ...     [con.execute("show tables").fetchall() for con in (cursor(one), other)]
    [[('rows',)], []]
    """
    catalogs: list[str] = []
    token = _shared_database.set((database, catalogs))
    try:
        yield
    finally:
        _shared_database.reset(token)
        for name in catalogs:
            database.execute(f"detach {name}")


def connect(
    memory: str = "4GB", temp_directory: str | Path | None = None, *, ordered: bool = True
) -> duckdb.DuckDBPyConnection:
    """Return a fresh in-memory DuckDB connection that spills to disk beyond `memory`.

    Unless `ordered`, large results come in any order. `within` a database its settings hold instead.

    >>> connect().sql("select 1 + 1 as two").fetchall()
    [(2,)]
    """
    present = _shared_database.get()
    if present is not None:
        con, name = cursor(present[0]), f"catalog_{next(_catalog_numbers)}"
        con.execute(f"attach ':memory:' as {name}; use {name}")
        present[1].append(name)
        _catalogs[con] = name
        return con
    try:
        con = duckdb.connect(config={"memory_limit": memory})
    except (duckdb.ParserException, duckdb.InvalidInputException):
        raise InputError(f"memory must be a size such as '4GB', got {memory!r}.") from None
    _set_up(con)
    if not ordered:
        con.execute("set preserve_insertion_order = false")
    if temp_directory is not None:
        con.execute(f"set temp_directory = {literal(str(temp_directory))}")
    return con


def _set_up(con: duckdb.DuckDBPyConnection) -> None:
    """Switch DuckDB's progress bar off, as a library never prints, and count times in UTC, not by the machine's zone.

    In Jupyter without ipywidgets there is no bar, and DuckDB refuses to set what is so already.
    """
    if con.execute("select current_setting('enable_progress_bar')").fetchall()[0][0]:
        con.execute("set enable_progress_bar = false")
    with suppress(duckdb.Error):  # a build that knows no zones counts in UTC
        con.execute("set timezone = 'UTC'")


def view(con: duckdb.DuckDBPyConnection, name: str, table: Tabular) -> None:
    """Make a table, as `as_tabular` takes it, readable in `con` under `name`; nothing is copied.

    >>> con = connect()
    >>> view(con, "log", pd.DataFrame({"amount": [1.5, 2.0]}))
    >>> con.sql("select sum(amount) from log").fetchall()
    [(3.5,)]
    """
    table = as_tabular(table)
    if isinstance(table, pd.DataFrame):
        con.register(name, pa.Table.from_pandas(table, preserve_index=False))
    elif isinstance(table, pa.Table):
        con.register(name, table)
    else:
        _view_files(con, f'temp view "{name}"', Path(table))


def publish(con: duckdb.DuckDBPyConnection, name: str, table: pa.Table | str | Path) -> None:
    """Make `table` readable under `name` in `con` and in every `cursor` of it; nothing is copied.

    >>> con = connect()
    >>> publish(con, "log", pa.table({"amount": [1.5, 2.0]}))
    >>> cursor(con).sql("select sum(amount) from log").fetchall()
    [(3.5,)]
    """
    if isinstance(table, pa.Table):
        # The view holds the table; a registered one is seen by `con` only.
        con.from_arrow(table).create_view(name)
    else:
        _view_files(con, f'view "{name}"', Path(table))


def cursor(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return another connection to the same database and catalog, with temporary tables of its own."""
    other = con.cursor()
    _set_up(other)  # settings of each connection
    if con in _catalogs:
        other.execute(f"use {_catalogs[con]}")
        _catalogs[other] = _catalogs[con]
    return other


def _view_files(con: duckdb.DuckDBPyConnection, view_of: str, path: Path) -> None:
    """Create a view of a Parquet file, a folder of them or a glob."""
    files = pattern(path) if path.exists() else str(path)
    rows = f"read_parquet({literal(files + '/**/*.parquet' if path.is_dir() else files)})"
    try:
        con.execute(f"create or replace {view_of} as from {rows}")
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise InputError(
            f"{str(path)!r} cannot be read as a Parquet file or a folder of them; check the path "
            f"({str(error).splitlines()[0]})."
        ) from error


def as_tabular(source: Any) -> Tabular:
    """Return a table of any library as one that the engine reads; a path stays a path.

    pandas and Arrow tables stay as they are. Polars frames (lazy ones are collected), DuckDB relations, Ibis tables,
    Arrow readers and data sets hand over Arrow's stream, a Spark DataFrame is collected; records (a list of mappings,
    a mapping of columns, a NumPy array with names) become a pandas frame.

    Raises
    ------
    InputError
        Something else was given; the message names it.

    >>> as_tabular(connect().sql("select 'a' as customer_id, 2.5 as amount")).column_names
    ['customer_id', 'amount']
    """
    if isinstance(source, pd.DataFrame | pa.Table | str | Path):
        return source
    if hasattr(source, "collect") and hasattr(source, "collect_schema"):
        source = source.collect()
    if hasattr(source, "toArrow"):
        return source.toArrow()
    if hasattr(source, "scanner"):  # Arrow's data sets
        return source.to_table()
    is_column = isinstance(source, pa.ChunkedArray) or hasattr(source, "to_frame")
    if hasattr(source, "__arrow_c_stream__") and not is_column:
        return pa.table(source)
    columns = getattr(getattr(source, "dtype", None), "names", None) or isinstance(source, Mapping)
    if (columns and not hasattr(source, "tocsr")) or is_records(source):  # SciPy has a sparse mapping
        return pd.DataFrame(source)
    raise InputError(
        f"{type(source).__name__} is not a table; give a path, or a frame of pandas, Polars, Arrow, DuckDB or Spark."
    )


def is_records(source: Any) -> bool:
    """Whether this is a list of records, as JSON has them."""
    return isinstance(source, list) and bool(source) and all(isinstance(row, Mapping) for row in source)


def frame(relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """Return a query's result as a pandas frame, strings Arrow-backed and shared rather than copied."""
    return relation.to_arrow_table().to_pandas()


def pattern(path: str | Path) -> str:
    """Return a path for the engine's readers, in which the signs of patterns stand for themselves.

    >>> pattern("orders[1].parquet")
    'orders[[]1].parquet'
    """
    return re.sub(r"([*?[])", r"[\1]", str(path))


def quoted(name: str) -> str:
    """Return a name as a quoted SQL identifier.

    >>> quoted('the "best" column')
    '"the ""best"" column"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as a quoted SQL string.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """Return texts as quoted SQL strings separated by commas."""
    return ", ".join(map(literal, texts))


@dataclass(frozen=True)
class Relation:
    """A table or a view of the engine under a name of its own: only a step that was handed it can read it.

    In a query it stands for its name.

    >>> lines = keep(connect(), "lines", "select unnest([1, 2]) as amount")
    >>> lines.row(f"select sum(amount) from {lines}"), lines.kinds
    ((3,), {'amount': 'INTEGER'})
    """

    con: duckdb.DuckDBPyConnection = field(repr=False)
    name: str
    #: Facts about its rows that were computed before.
    found: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        """Return the name, as a query spells it."""
        return self.name

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The columns and their types."""
        described = self.con.execute(f"describe {self.name}").fetchall()
        return {str(column): str(kind) for column, kind, *_ in described}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query's result."""
        return self.con.execute(query).fetchall()

    def row(self, query: str) -> tuple[Any, ...]:
        """Return the first row that a query finds."""
        return self.rows(query)[0]

    def aggregate(
        self, sought: Mapping[Key, Sequence[str]], where: str = "true"
    ) -> dict[Key, tuple[Any, ...]]:
        """Return the values of each key's aggregates over the rows that pass a test, all in one pass."""
        if not sought:
            return {}
        columns = ", ".join(itertools.chain.from_iterable(sought.values()))
        values = iter(self.row(f"select {columns} from {self.name} where {where}"))
        return {key: tuple(itertools.islice(values, len(aggregates))) for key, aggregates in sought.items()}

    def holds(self, test: str) -> bool:
        """Whether some row passes a test."""
        return bool(self.rows(f"select 1 from {self.name} where {test} limit 1"))

    def change(self, statement: str) -> None:
        """Run a statement that changes the rows, and forget what was found in them."""
        self.con.execute(statement)
        self.found.clear()

    def count(self) -> int:
        """Return the number of rows, which is counted once until they `change`."""
        if "count" not in self.found:
            [self.found["count"]] = self.row(f"select count(*) from {self.name}")
        return int(self.found["count"])


def keep(con: duckdb.DuckDBPyConnection, label: str, query: str) -> Relation:
    """Return the result of a query as a table, which stays as it is whatever happens to what it was read from."""
    name = _name(label)
    [[count]] = con.execute(f"create temp table {name} as {query}").fetchall()
    return _remember(con, name, f"drop table {name}", count=count)


def keep_first(table: Relation, rows: int) -> Relation:
    """Return the first rows of a relation, itself where it has no more: copies of wide tables take long."""
    if table.count() <= rows:
        return table
    return keep(table.con, "first_rows", f"from {table} limit {rows}")


def show(con: duckdb.DuckDBPyConnection, label: str, query: str) -> Relation:
    """Return a query as a view, which is computed each time that it is read."""
    name = _name(label)
    con.execute(f"create temp view {name} as {query}")
    return _remember(con, name, f"drop view {name}")


def lend(con: duckdb.DuckDBPyConnection, label: str, table: pa.Table) -> Relation:
    """Return an Arrow table as a view; nothing is copied."""
    name = _name(label)
    con.register(name, table)
    return _remember(con, name, f"drop view {name}", count=table.num_rows)


def _name(label: str) -> str:
    return f"{label}_{next(_catalog_numbers)}"


def _remember(con: duckdb.DuckDBPyConnection, name: str, drop: str, **found: int) -> Relation:
    relations = _made.get()
    if relations is not None:
        relations.append((con, drop))
    return Relation(con, name, found)


@contextmanager
def tidy() -> Iterator[None]:
    """Drop the relations of `keep`, `show` and `lend` at the end of the block.

    >>> con = connect()
    >>> with tidy():
    ...     _ = keep(con, "lines", "select 1 as amount")
    >>> con.sql("show tables").fetchall()
    []
    """
    relations: list[tuple[duckdb.DuckDBPyConnection, str]] = []
    token = _made.set(relations)
    try:
        yield
    finally:
        _made.reset(token)
        for con, drop in reversed(relations):
            con.execute(drop)
