"""Engines that run the SQL of features: DuckDB and Spark, the only place with SQL of one dialect."""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

import duckdb
import pandas as pd
import pyarrow as pa

from cltv_ml.engine import Tabular, connect, literal, view
from cltv_ml.errors import InputError

EngineKind = Literal["time", "zoned time", "text", "number"]

#: Bytes that ledgers and aggregations need per line of the log, for the choice of shards.
_BYTES_PER_ROW = 400

#: Lines of the log in a partition of Spark: large enough that the start of its tasks costs little.
_ROWS_PER_PARTITION = 250_000


class Engine(Protocol):
    """The interface that the builder needs of an engine."""

    #: The engine's name for whole numbers of 38 digits.
    wide: str

    def register(self, name: str, table: Any) -> dict[str, EngineKind]:
        """Make `table` readable under `name`; return its columns and their kinds."""
        ...

    def day(self, column: str, kind: EngineKind, zone: Mapping[int, int]) -> tuple[str, str]:
        """Return SQL of the day number and of the second of the day of a time column."""
        ...

    def split(self, rows: int) -> int:
        """Return the number of shards for a log of this many rows."""
        ...

    def lines(self, sql: str, rows: int, *, keep: bool) -> None:
        """Make the lines of a log of this many rows readable as `cltv_lines`, with `keep` for several cutoffs."""
        ...

    def spread(self, folder: Path, shards: int) -> None:
        """Write `cltv_lines` into `folder/shard=<number>`, by hash of the customer, in one pass."""
        ...

    def take(self, folder: Path, shard: int, shards: int, extra: Mapping[str, str]) -> None:
        """Restrict `cltv_lines` and the `extra` tables, given as SQL, to the customers of one shard."""
        ...

    def create(self, name: str, sql: str, *, keep: bool = False) -> None:
        """Make a query readable under `name`; with `keep` its rows are computed once."""
        ...

    def query(self, sql: str) -> pa.Table:
        """Return the rows of a query."""
        ...

    def write(self, sql: str, target: Path, metadata: Mapping[str, str]) -> None:
        """Store the rows of a query as Parquet, all of them or none."""
        ...

    def clear(self) -> None:
        """Forget all tables and give their memory back; the engine can be used again."""
        ...


class DuckDB:
    """DuckDB in this process, spilling to disk beyond `memory`.

    Parameters
    ----------
    memory
        Limit of DuckDB's own memory, such as `"4GB"`.
    shards
        Number of parts that the customers are split into; by default as many as `memory` requires.
    scratch
        Folder for what does not fit into memory; by default the system's.
    few
        The log has few lines, such as those of one customer: queries run without the optimiser, which would take
        longer than it saves.
    """

    wide = "hugeint"

    def __init__(
        self,
        memory: str = "4GB",
        *,
        shards: int | None = None,
        scratch: str | Path | None = None,
        few: bool = False,
    ) -> None:
        if shards is not None and shards < 1:
            raise InputError(f"shards must be at least 1, got {shards}.")
        self._shards, self._memory, self._few = shards, memory, few
        self._con = connect(memory, scratch or tempfile.gettempdir(), ordered=False)
        if few:
            self._con.execute("pragma disable_optimizer")
        self._made: dict[str, str] = {}

    def register(self, name: str, table: Tabular) -> dict[str, EngineKind]:
        """Make a pandas or Arrow table or a Parquet path readable under `name`; return its columns."""
        view(self._con, name, table)
        self._made[name] = "view"
        return {
            row[0]: _kind_of_type(row[1].lower()) for row in self._con.execute(f"describe {name}").fetchall()
        }

    def day(self, column: str, kind: EngineKind, zone: Mapping[int, int]) -> tuple[str, str]:
        """Return SQL of the day number and of the second of the day, in the zone where there is one."""
        if kind == "zoned time":
            return _local_day(f"(epoch_us({column}) // 1000000)", zone)
        day = f"cast(date_diff('day', date '1970-01-01', cast({column} as date)) as integer)"
        return day, f"cast(date_diff('second', date_trunc('day', {column}), {column}) as integer)"

    def split(self, rows: int) -> int:
        """Return the requested number of shards, or the number that keeps a shard within the memory limit."""
        if self._shards is not None:
            return self._shards
        limit = self._con.sql("select current_setting('memory_limit')").fetchall()[0][0]
        return max(1, math.ceil(rows * _BYTES_PER_ROW / _to_bytes(limit)))

    def lines(self, sql: str, rows: int, *, keep: bool) -> None:
        """Make a view of the lines, which reads the log in place."""
        self.create("cltv_lines", sql)

    def spread(self, folder: Path, shards: int) -> None:
        """Write `cltv_lines` into `folder/shard=<number>/`, by hash of the customer."""
        with self._sentences():
            self._con.execute(
                f"copy (select *, cast(hash(customer_id) % {shards} as integer) as shard from cltv_lines) to "
                f"{literal(str(folder))} (format parquet, partition_by (shard), compression snappy)"
            )

    def take(self, folder: Path, shard: int, shards: int, extra: Mapping[str, str]) -> None:
        """Point `cltv_lines` and the extra tables at the customers of one shard."""
        shard_folder = folder / f"shard={shard}"
        files = literal(str((shard_folder if shard_folder.exists() else folder / "*") / "*.parquet"))
        # A shard without customers has no folder: the other shards give its columns, and the filter leaves no rows.
        lines = f"select * exclude (shard) from read_parquet({files}, hive_partitioning = true) where shard = {shard}"
        self.create("cltv_lines", lines)
        for name, sql in extra.items():
            self.create(name, f"select * from ({sql}) as every where hash(customer_id) % {shards} = {shard}")

    def create(self, name: str, sql: str, *, keep: bool = False) -> None:
        """Make a temporary view, or with `keep` a temporary table."""
        self._made[name] = "table" if keep else "view"
        with self._sentences():
            self._con.execute(f"create or replace temp {self._made[name]} {name} as {sql}")

    def query(self, sql: str) -> pa.Table:
        """Return the rows of a query as an Arrow table."""
        if self._few:  # DuckDB reads the text of a relation twice, that of a table once
            self.create("cltv_found", sql, keep=True)
            sql = "from cltv_found"
        with self._sentences():
            return self._con.sql(sql).to_arrow_table()

    def write(self, sql: str, target: Path, metadata: Mapping[str, str]) -> None:
        """Write one Parquet file, sorted by customer: under a hidden name first, renamed when complete."""
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.unfinished")
        pairs = ", ".join(f"{key}: {literal(value)}" for key, value in metadata.items())
        options = f"format parquet, compression zstd, kv_metadata {{{pairs}}}"
        with self._sentences():
            self._con.execute(
                f"copy (from ({sql}) order by customer_id) to {literal(str(unfinished))} ({options})"
            )
        os.replace(unfinished, target)

    def clear(self) -> None:
        """Drop all tables and views, so that the memory and the user's tables are free again."""
        for name, kind in reversed(self._made.items()):
            self._con.execute(f"drop {kind} if exists {name}")
        self._made.clear()

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """Turn errors that a user can fix into one sentence."""
        try:
            yield
        except duckdb.OutOfMemoryException as error:
            raise InputError(
                f"the engine's memory of {self._memory} is too small; increase it (memory='4GB', --memory "
                "4GB) or use more shards (DuckDB(shards=64), --shards 64)."
            ) from error
        except duckdb.ConversionException as error:
            raise InputError(
                "log: a number is out of range; amounts, discounts, costs and quantities must stay below "
                f"100 trillion ({str(error).splitlines()[0]})."
            ) from error


class Spark:
    """An existing SparkSession: classic, Connect or Databricks. The cluster divides the work, not shards.

    A table may be a Spark DataFrame, a path that Spark can read, or a pandas or Arrow table.
    """

    wide = "decimal(38,0)"

    def __init__(self, session: Any) -> None:
        self._session = session
        self._kept: dict[str, Any] = {}
        self._made: set[str] = set()

    def register(self, name: str, table: Any) -> dict[str, EngineKind]:
        """Make a Spark DataFrame, a Parquet path, an Arrow or a pandas table readable under `name`."""
        if isinstance(table, (str, Path)):
            table = self._session.read.parquet(_whole_path(table))
        elif isinstance(table, pd.DataFrame):
            table = pa.Table.from_pandas(table, preserve_index=False)
        if isinstance(table, pa.Table):
            schema = ", ".join(f"`{field.name}` {_spark_type(field.type)}" for field in table.schema)
            table = self._session.createDataFrame(table, schema)
        table.createOrReplaceTempView(name)
        self._made.add(name)
        return {column: _kind_of_type(_SPARK_TIMES.get(kind, kind)) for column, kind in table.dtypes}

    def day(self, column: str, kind: EngineKind, zone: Mapping[int, int]) -> tuple[str, str]:
        """Return SQL of the day number and of the second of the day, in the zone where there is one."""
        if kind == "zoned time":
            return _local_day(f"unix_seconds({column})", zone)
        clock = f"hour({column}) * 3600 + minute({column}) * 60 + cast(floor(second({column})) as integer)"
        return f"datediff(cast({column} as date), date '1970-01-01')", clock

    def split(self, rows: int) -> int:
        """Return 1, because Spark divides its work itself."""
        return 1

    def lines(self, sql: str, rows: int, *, keep: bool) -> None:
        """Bring the lines of each customer into one partition, so that no later step moves rows."""
        parts = math.ceil(rows / _ROWS_PER_PARTITION)
        together = f"select /*+ repartition({parts}, customer_id) */ * from ({sql}) as log"
        self.create("cltv_lines", together, keep=keep)

    def spread(self, folder: Path, shards: int) -> None:
        """Do nothing: there is one shard."""

    def take(self, folder: Path, shard: int, shards: int, extra: Mapping[str, str]) -> None:
        """Do nothing: the base tables hold all customers."""

    def create(self, name: str, sql: str, *, keep: bool = False) -> None:
        """Make a temporary view; with `keep` Spark caches its rows."""
        rows = self._session.sql(sql)
        if keep:
            if name in self._kept:
                self._kept[name].unpersist()
            rows = self._kept[name] = rows.persist()
        rows.createOrReplaceTempView(name)
        self._made.add(name)

    def query(self, sql: str) -> pa.Table:
        """Return the rows of a query as an Arrow table."""
        return self._session.sql(sql).toArrow()

    def write(self, sql: str, target: Path, metadata: Mapping[str, str]) -> None:
        """Write a folder of Parquet files, which Spark renames when complete."""
        self._session.sql(sql).write.mode("overwrite").parquet(_whole_path(target))

    def clear(self) -> None:
        """Drop the views and cached rows; the session stays open."""
        for rows in self._kept.values():
            rows.unpersist()
        for name in self._made:
            self._session.catalog.dropTempView(name)
        self._kept.clear()
        self._made.clear()


def _whole_path(place: str | Path) -> str:
    """Return an absolute path, because a cluster or Connect server works in another folder.

    >>> _whole_path("s3a://shop/log.parquet"), _whole_path("dbfs:/log"), _whole_path("/data/log.parquet")
    ('s3a://shop/log.parquet', 'dbfs:/log', '/data/log.parquet')
    """
    return str(place) if re.match(r"[A-Za-z][\w+.-]+:/", str(place)) else os.path.abspath(place)


_SPARK_TIMES = {"timestamp": "timestamp with time zone", "timestamp_ntz": "timestamp"}


def _spark_type(kind: pa.DataType) -> str:
    """The Spark type of an Arrow column; by itself Spark would give naive times a zone."""
    if pa.types.is_timestamp(kind):
        return "timestamp" if kind.tz else "timestamp_ntz"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_integer(kind):
        return "bigint"
    if pa.types.is_floating(kind):
        return "double"
    if pa.types.is_boolean(kind):
        return "boolean"
    return "date" if pa.types.is_date(kind) else "string"


def _kind_of_type(dtype: str) -> EngineKind:
    if "time zone" in dtype:
        return "zoned time"
    if dtype == "date" or dtype.startswith("timestamp"):
        return "time"
    return "text" if dtype in ("varchar", "string") else "number"


def _to_bytes(size: str) -> float:
    """Return the bytes of a memory limit as DuckDB writes it, such as `3.7 GiB`."""
    number, unit = size.split()
    return float(number) * 1024.0 ** ["bytes", "KiB", "MiB", "GiB", "TiB"].index(unit)


def _local_day(epoch: str, zone: Mapping[int, int]) -> tuple[str, str]:
    local = local_seconds(epoch, zone)
    day = f"floor({local} / 86400)"
    return f"cast({day} as integer)", f"cast({local} - {day} * 86400 as integer)"


def local_seconds(epoch: str, zone: Mapping[int, int]) -> str:
    """Return SQL of local seconds since 1970, given the seconds at which the offset from UTC changes.

    >>> local_seconds("t", {-100: 0, 500: 3600})
    '(t + case when t >= 500 then 3600 else 0 end)'
    """
    *later, (_, first) = sorted(zone.items(), reverse=True)
    cases = " ".join(f"when {epoch} >= {start} then {offset}" for start, offset in later)
    return f"({epoch} + case {cases} else {first} end)" if cases else f"({epoch} + {first})"


def zone_changes(first: pd.Timestamp, last: pd.Timestamp, timezone: str) -> dict[int, int]:
    """Return the UTC second from which each offset of a time zone holds, between two moments in UTC.

    >>> zone_changes(pd.Timestamp("2024-03-01"), pd.Timestamp("2024-04-01"), "Europe/Paris")
    {1709164800: 3600, 1711846800: 7200}
    """
    day = pd.Timedelta(days=1)
    quarters = pd.date_range(first.floor("D") - day, last + day, freq="15min")
    local = quarters.tz_localize("UTC").tz_convert(timezone).tz_localize(None)
    offsets = pd.Series((local - quarters) // pd.Timedelta(seconds=1), index=quarters)
    changes = offsets[offsets.diff() != 0]
    return {int(moment.timestamp()): int(offset) for moment, offset in changes.items()}
