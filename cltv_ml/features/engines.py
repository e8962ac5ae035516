"""The interface of the engines that run the SQL of features, and DuckDB in this process."""

from __future__ import annotations

import math
import os
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


class Engine(Protocol):
    """The interface that the builder needs of an engine."""

    def register(self, name: str, table: Any) -> dict[str, EngineKind]:
        """Make `table` readable under `name`; return its columns and their kinds."""
        ...

    def day(self, column: str, kind: EngineKind, zone: Mapping[int, int]) -> tuple[str, str]:
        """Return SQL of the day number and of the second of the day of a time column."""
        ...

    def split(self, rows: int) -> int:
        """Return the number of shards for a log of this many rows."""
        ...

    def base(self, tables: Mapping[str, str], rows: int, *, keep: bool) -> None:
        """Make base tables, given as SQL over registered ones, readable by name; `keep` them for several answers."""
        ...

    def spread(self, folder: Path, shards: int) -> None:
        """Write `cltv_lines` into `folder/shard=<number>`, by hash of the customer, in one pass."""
        ...

    def take(self, folder: Path, shard: int, shards: int, extra: Mapping[str, str]) -> None:
        """Restrict `cltv_lines` and the `extra` tables, given as SQL, to the customers of one shard."""
        ...

    def ledger(self, name: str, sql: str) -> None:
        """Make a ledger over the base tables and earlier ledgers readable under `name`."""
        ...

    def query(self, sql: str) -> pa.Table:
        """Return the rows of a query over registered tables."""
        ...

    def answer(self, sql: str) -> pa.Table:
        """Return the rows, per customer, of a query over base tables and ledgers."""
        ...

    def write(self, sql: str, target: Path, metadata: Mapping[str, str]) -> None:
        """Store the rows of an answer as Parquet, all of them or none."""
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
            row[0]: kind_of_type(row[1].lower()) for row in self._con.execute(f"describe {name}").fetchall()
        }

    def day(self, column: str, kind: EngineKind, zone: Mapping[int, int]) -> tuple[str, str]:
        """Return SQL of the day number and of the second of the day, in the zone where there is one."""
        if kind == "zoned time":
            return local_day(f"(epoch_us({column}) // 1000000)", zone)
        day = f"cast(date_diff('day', date '1970-01-01', cast({column} as date)) as integer)"
        return day, f"cast(date_diff('second', date_trunc('day', {column}), {column}) as integer)"

    def split(self, rows: int) -> int:
        """Return the requested number of shards, or the number that keeps a shard within the memory limit."""
        if self._shards is not None:
            return self._shards
        limit = self._con.sql("select current_setting('memory_limit')").fetchall()[0][0]
        return max(1, math.ceil(rows * _BYTES_PER_ROW / _to_bytes(limit)))

    def base(self, tables: Mapping[str, str], rows: int, *, keep: bool) -> None:
        """Make views of the base tables, which read the log in place."""
        for name, sql in tables.items():
            self._create(name, sql)

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
        self._create("cltv_lines", lines)
        for name, sql in extra.items():
            self._create(name, f"select * from ({sql}) as every where hash(customer_id) % {shards} = {shard}")

    def ledger(self, name: str, sql: str) -> None:
        """Make a temporary table."""
        self._create(name, sql, keep=True)

    def query(self, sql: str) -> pa.Table:
        """Return the rows of a query as an Arrow table."""
        if self._few:  # DuckDB reads the text of a relation twice, that of a table once
            self._create("cltv_found", sql, keep=True)
            sql = "from cltv_found"
        with self._sentences():
            return self._con.sql(sql).to_arrow_table()

    def answer(self, sql: str) -> pa.Table:
        """Return the rows of a query as an Arrow table."""
        return self.query(sql)

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

    def _create(self, name: str, sql: str, *, keep: bool = False) -> None:
        """Make a temporary view, or with `keep` a temporary table."""
        self._made[name] = "table" if keep else "view"
        with self._sentences():
            self._con.execute(f"create or replace temp {self._made[name]} {name} as {sql}")

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


def kind_of_type(dtype: str) -> EngineKind:
    """Return the kind of a column from the name of its type, in DuckDB's words."""
    if "time zone" in dtype:
        return "zoned time"
    if dtype == "date" or dtype.startswith("timestamp"):
        return "time"
    return "text" if dtype in ("varchar", "string") else "number"


def _to_bytes(size: str) -> float:
    """Return the bytes of a memory limit as DuckDB writes it, such as `3.7 GiB`."""
    number, unit = size.split()
    return float(number) * 1024.0 ** ["bytes", "KiB", "MiB", "GiB", "TiB"].index(unit)


def local_day(epoch: str, zone: Mapping[int, int]) -> tuple[str, str]:
    """Return SQL of the local day number and second of the day, given SQL of the seconds since 1970 in UTC."""
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
