"""Any source becomes one raw table: a file, a frame, a data set's name or a database."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from cltv_ml.data.archives import text_batches, unpack, workbook_rows
from cltv_ml.data.databases import is_url, view_database, without_password
from cltv_ml.data.datasets import DATASETS
from cltv_ml.data.files import view_csv
from cltv_ml.data.mapping import check_mapping, is_complete, propose_mapping, read_mapping
from cltv_ml.data.parse import Columns, is_time, quote
from cltv_ml.data.rules import Rules
from cltv_ml.data.scale import settle_scale
from cltv_ml.data.synthetic import customers_of, simulate
from cltv_ml.engine import connect, frame, literal
from cltv_ml.errors import InputError

_PARQUET = (".parquet", ".pq")

#: Columns that the quarantine adds; a source's column of the same name gets `_source` appended.
RESERVED = ("source_row", "rule", "reason")


class Workspace:
    """A temporary folder that goes when the last who uses it has gone."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="cltv_"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass(frozen=True)
class Raw:
    """A source as it came: the view `raw` of `con`, with its own column names and `source_row`, from 0.

    Parameters
    ----------
    con
        The connection that holds the view `raw` and the table `broken_lines` (source_row, line).
    mapping
        Standard name -> source column.
    source
        What was read, without passwords.
    read_at
        When; later dates are future dates.
    rules
        The cleaning settings that suit this source.
    """

    con: duckdb.DuckDBPyConnection = field(repr=False)
    mapping: Mapping[str, str]
    source: str
    read_at: pd.Timestamp = field(repr=False)
    rules: Rules = field(default_factory=Rules, repr=False)
    workspace: Workspace | None = field(default=None, repr=False)

    def head(self, rows: int = 5) -> pd.DataFrame:
        """Return the first rows under the standard names where mapped, with the values as they came."""
        names = {column: name for name, column in self.mapping.items()}
        return frame(
            self.con.sql(
                "select * replace (source_row + 1 as source_row) from raw "
                f"order by raw.source_row limit {int(rows)}"
            )
        ).rename(columns=names)


def read(
    source: pd.DataFrame | pa.Table | str | Path,
    mapping: Mapping[str, str | None] | str | Path | None = None,
    *,
    table: str | None = None,
    rules: Rules | None = None,
    memory: str = "2GB",
) -> Raw:
    """Return a source's rows as they came, with the mapping of its columns to the standard names.

    Parameters
    ----------
    source
        Path of a CSV file (any delimiter and encoding, also gz or zip), an Excel workbook, a Parquet file, a
        folder or glob of them; a pandas, Arrow or Spark table (the last is collected: write a larger one to
        Parquet); the name of a data set such as `"cdnow"`; or a database's URL, see `table`.
    mapping
        Standard name -> source column, or the path of a TOML file with a table `[mapping]`. None, or one
        that leaves required names open, is completed from the columns' names and types.
    table
        Of a database its table or a SELECT, of a workbook its sheet; not needed when there is only one.
    rules
        Cleaning settings to use instead of the source's own.
    memory
        What the engine may hold in memory; beyond that it spills to a temporary folder.

    Raises
    ------
    InputError
        The source cannot be read, is empty, or its columns cannot be mapped; one sentence says why.

    >>> raw = read(pd.DataFrame({"cust": ["a"], "day": ["2024-01-31"], "paid": ["9.50"]}), {"amount": "paid"})
    >>> dict(raw.mapping)
    {'customer_id': 'cust', 'timestamp': 'day', 'amount': 'paid'}
    """
    workspace = Workspace()
    con = connect(memory, workspace.path)
    con.execute("create table broken_lines (source_row bigint, line varchar)")
    given = read_mapping(mapping) if isinstance(mapping, str | Path) else dict(mapping or {})
    name, ready = str(source), None
    if hasattr(source, "toArrow"):
        source = source.toArrow()
    if isinstance(source, pd.DataFrame | pa.Table):
        name = f"a table of {len(source):,} rows"
        view_frame(con, source)
    elif name.partition(":")[0] in DATASETS:
        ready = DATASETS[name.partition(":")[0]]
        if ready.name == "synthetic":
            view_frame(con, pa.Table.from_pandas(simulate(customers_of(name)).log, preserve_index=False))
        else:
            view_file(con, ready.locate(), workspace.path, table)
            if ready.products:
                join_products(con, ready.locate().with_name(ready.products), ready.product_key)
        given = {**ready.mapping, **given}
    elif is_url(name):
        view_database(con, name, table, unique_names)
        name = without_password(name)
    else:
        view_file(con, Path(name), workspace.path, table)
        name = Path(name).name
    if not con.execute("select 1 from raw limit 1").fetchall():
        raise InputError(f"{name!r} holds no rows; check that the export is complete.")
    return Raw(
        con=con,
        mapping=_complete(con, given),
        source=name,
        read_at=pd.Timestamp.now(),
        rules=rules or (ready.rules if ready else Rules()),
        workspace=workspace,
    )


def view_frame(con: duckdb.DuckDBPyConnection, source: pd.DataFrame | pa.Table) -> None:
    """Make a pandas or Arrow table the view `raw`."""
    table = _narrow(source if isinstance(source, pa.Table) else _to_arrow(source))
    table = table.rename_columns(unique_names(table.column_names))
    rows = pa.array(range(len(table)), pa.int64())
    con.register("raw", table.append_column("source_row", rows))


def view_file(con: duckdb.DuckDBPyConnection, path: Path, folder: Path, table: str | None) -> None:
    """Make a file, a folder or a glob the view `raw`, by its ending; archives are unpacked into `folder`."""
    if any(sign in str(path) for sign in "*?["):
        files = [Path(found) for found in sorted(glob(str(path), recursive=True))]
    elif path.is_dir():
        files = sorted(path.rglob("*.parquet"))
    else:
        files = [path] if path.exists() else []
    if not files:
        raise InputError(
            f"{str(path)!r} is neither a file, a folder with Parquet files nor a data set's name; "
            f"check the path. Data sets: {sorted(DATASETS)}."
        )
    if files[0].suffix not in _PARQUET and len(files) > 1:
        raise InputError(
            f"{str(path)!r} matches {len(files)} files, which only Parquet files may be; name one."
        )
    files[0] = unpack(files[0], folder)
    if files[0].suffix in _PARQUET:
        view_parquet(con, *files)
    elif files[0].suffix.lower() in (".xlsx", ".xlsm"):
        rows = workbook_rows(files[0], table)
        con.register("incoming", text_batches(rows, unique_names(list(next(rows)))))
        con.execute("create or replace table raw as from incoming")
        con.unregister("incoming")
    elif files[0].suffix.lower() in (".xls", ".xlsb", ".ods", ".zip", ".gz"):
        raise InputError(f"{files[0].name!r} is of a kind that is not read; save it as xlsx, CSV or Parquet.")
    else:
        view_csv(con, files[0], unique_names)


def view_parquet(con: duckdb.DuckDBPyConnection, *files: Path) -> None:
    """Make Parquet files with one schema the view `raw`, rows numbered through all files."""
    names = "[" + ", ".join(literal(str(file)) for file in files) + "]"
    try:
        described = con.execute(f"describe from read_parquet({names}, union_by_name=true)").fetchall()
        counts = con.execute(f"select num_rows from parquet_file_metadata({names})").fetchall()
    except duckdb.Error as error:
        raise InputError(f"{str(files[0])!r} cannot be read as Parquet: {_first_line(error)}.") from error
    offsets = [0]
    for (count,) in counts:
        offsets.append(offsets[-1] + count)
    before = f"{offsets[:-1]}[cast(file_index as integer) + 1] + " if len(files) > 1 else ""
    columns = [str(column) for column, *_ in described]
    renamed = ", ".join(
        f"{quote(column)} as {quote(name)}"
        for column, name in zip(columns, unique_names(columns), strict=True)
    )
    con.execute(  # the bare file_row_number lets joins on it skip what they do not want while reading
        f"create or replace temp view raw as select {renamed}, {before}file_row_number as source_row "
        f"from read_parquet({names}, union_by_name=true)"
    )


def join_products(con: duckdb.DuckDBPyConnection, products: Path, key: str) -> None:
    """Add the columns of a products file, one row per product, to the view `raw`; lines without keep none."""
    if not products.is_file():
        raise InputError(
            f"{products.name!r} is missing beside the lines it describes; put it into their folder."
        )
    con.execute(f"create temp table products as from read_parquet({literal(str(products))})")
    con.execute("alter view raw rename to bare_lines")
    con.execute(
        f"create temp view raw as select bare_lines.*, products.* exclude ({quote(key)}) from bare_lines "
        f"left join products using ({quote(key)})"
    )


def unique_names(columns: list[str]) -> list[str]:
    """Return column names that differ from one another, whatever their case, and from the reserved ones.

    >>> unique_names(["a", "A", "rule", ""])
    ['a', 'A_2', 'rule_source', 'column_4']
    """
    taken: set[str] = set(RESERVED)
    names = []
    for position, column in enumerate(columns, start=1):
        base = str(column).strip() or f"column_{position}"
        name = f"{base}_source" if base.lower() in RESERVED else base
        number = 2
        while name.lower() in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name.lower())
        names.append(name)
    return names


def _narrow(table: pa.Table) -> pa.Table:
    """Return the table with decimals of more than 38 digits, which DuckDB does not read, as text."""
    for position, column in enumerate(table.schema):
        if pa.types.is_decimal256(column.type):
            texts = table.column(position).cast(pa.string())
            table = table.set_column(position, column.name, texts)
    return table


def _to_arrow(source: pd.DataFrame) -> pa.Table:
    """Return a frame as an Arrow table; a column of mixed types becomes text."""
    arrays = [_array(source.iloc[:, position]) for position in range(source.shape[1])]
    return pa.table(arrays, names=[str(column) for column in source.columns])


def _array(values: pd.Series) -> pa.Array:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        utc = values.dt.tz_convert("UTC").dt.tz_localize(None)
        return (
            pa.array(utc, from_pandas=True)
            .cast(pa.timestamp("us"), safe=False)
            .cast(pa.timestamp("us", "UTC"))
        )
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, InputError, ArithmeticError):
        texts = (
            None if value is None else str(value).encode("utf-8", "replace").decode() for value in values
        )
        return pa.array(texts, pa.string())


def _complete(con: duckdb.DuckDBPyConnection, given: Mapping[str, str | None]) -> dict[str, str]:
    kinds = look(con)
    known = check_mapping(given, list(kinds))
    return known if is_complete(known) else settle_scale(con, propose_mapping(kinds, given), given)


def look(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return what each column's first values look like: number, rate, timestamp, text or empty."""
    con.execute("create or replace temp table peek as from raw limit 2000")
    readings = [Columns(con, Rules(day_first=True, decimal=decimal), "peek") for decimal in ".,"]
    return {column: _kind(readings, column) for column in readings[0].kinds if column != "source_row"}


def _kind(readings: list[Columns], column: str) -> str:
    """Return the kind of one column of the peek; three of four values decide."""
    columns = readings[0]
    kind, name = columns.kinds[column], quote(column)
    number = (
        ", ".join(reading.number(column) for reading in readings if not is_time(kind))
        or "cast(null as double)"
    )
    values, numbers, times, low, high, whole, percents = columns.con.execute(
        "select count(value), count(number), count(time), min(number), max(number), "
        "bool_and(number = floor(number)), count(*) filter (where suffix(value, '%')) "
        f"from (select nullif(trim(cast({name} as varchar)), '') as value, coalesce({number}) as number, "
        f"{columns.timestamp(column)} as time from peek)"
    ).fetchall()[0]
    dated = re.search("dat|time|day|when|_at$", column.lower()) is not None
    if not values:
        return "empty"
    if times >= 0.75 * values and (dated or numbers < 0.75 * values or is_time(kind)):
        return "timestamp"
    if numbers >= 0.75 * values:
        share = (low >= 0 and high <= 1 and not whole) or percents >= 0.75 * values
        return "rate" if share else "number"
    return "text"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
