"""Spark as an engine of features: the cluster brings each customer's rows together, DuckDB works on every part."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from cltv_ml.engine import as_tabular
from cltv_ml.features.engines import DuckDB, EngineKind, kind_of_type, local_day

#: Rows in a partition: large enough that the start of its task costs little.
_ROWS_PER_PARTITION = 250_000

_TIMES = {"timestamp": "timestamp with time zone", "timestamp_ntz": "timestamp"}


class Spark:
    """An existing SparkSession: classic, Connect or Databricks. The cluster divides the work, not shards.

    A table may be a Spark DataFrame, a path that Spark can read, or a table of pandas, Polars, Arrow, DuckDB or Ibis.
    The workers' Python needs `duckdb` and `pyarrow`, not this package.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._registered: set[str] = set()
        self._base: Any = None  # a row per row of a base table, the rows of a customer together
        self._empty: dict[str, pa.Table] = {}  # the base tables without rows
        self._ledgers: dict[str, str] = {}

    def register(self, name: str, table: Any) -> dict[str, EngineKind]:
        """Make a Spark DataFrame, a Parquet path or a table of another library readable under `name`."""
        if isinstance(table, (str, Path)):
            table = self._session.read.parquet(_whole_path(table))
        elif not hasattr(table, "createOrReplaceTempView"):
            table = as_tabular(table)
        if isinstance(table, pd.DataFrame):
            table = pa.Table.from_pandas(table, preserve_index=False)
        if isinstance(table, pa.Table):
            table = self._session.createDataFrame(table, _spark_schema(table.schema))
        table.createOrReplaceTempView(name)
        self._registered.add(name)
        return {column: kind_of_type(_TIMES.get(kind, kind)) for column, kind in table.dtypes}

    def day(self, column: str, kind: EngineKind, zone: Mapping[int, int]) -> tuple[str, str]:
        """Return SQL of the day number and of the second of the day, in the zone where there is one."""
        if kind == "zoned time":
            return local_day(f"unix_seconds({column})", zone)
        clock = f"hour({column}) * 3600 + minute({column}) * 60 + cast(floor(second({column})) as integer)"
        return f"datediff(cast({column} as date), date '1970-01-01')", clock

    def split(self, rows: int) -> int:
        """Return 1, because Spark divides its work itself."""
        return 1

    def base(self, tables: Mapping[str, str], rows: int, *, keep: bool) -> None:
        """Bring all rows of a customer into one partition: a column of structs for each table."""
        self._empty = {name: self.query(f"select * from ({sql}) limit 0") for name, sql in tables.items()}
        each = [self._session.sql(f"select struct(*) as {name} from ({sql})") for name, sql in tables.items()]
        customer = f"coalesce({', '.join(f'{name}.customer_id' for name in tables)})"
        every = reduce(lambda some, more: some.unionByName(more, allowMissingColumns=True), each)
        every.createOrReplaceTempView("cltv_base")
        self._registered.add("cltv_base")
        parts = math.ceil(rows / _ROWS_PER_PARTITION)
        hint = f"/*+ repartition({parts}, customer) */"
        columns = ", ".join(tables)
        keyed = f"select {hint} {columns} from (select *, {customer} as customer from cltv_base)"
        self._base = self._session.sql(keyed)
        if keep:
            self._base.persist()

    def spread(self, folder: Path, shards: int) -> None:
        """Do nothing: there is one shard."""

    def take(self, folder: Path, shard: int, shards: int, extra: Mapping[str, str]) -> None:
        """Do nothing: the base tables hold all customers."""

    def ledger(self, name: str, sql: str) -> None:
        """Keep the statement: every worker runs it on its customers."""
        self._ledgers[name] = sql

    def query(self, sql: str) -> pa.Table:
        """Return the rows of a query as an Arrow table."""
        return self._session.sql(sql).toArrow()

    def answer(self, sql: str) -> pa.Table:
        """Return the rows that the workers computed as an Arrow table."""
        return self._computed(sql).toArrow()

    def write(self, sql: str, target: Path, metadata: Mapping[str, str]) -> None:
        """Write a folder of Parquet files, which Spark renames when complete."""
        self._computed(sql).write.mode("overwrite").parquet(_whole_path(target))

    def clear(self) -> None:
        """Drop the views and cached rows; the session stays open."""
        if self._base is not None:
            self._base.unpersist()
            self._base = None
        for name in self._registered:
            self._session.catalog.dropTempView(name)
        for state in (self._registered, self._empty, self._ledgers):
            state.clear()

    def _computed(self, sql: str) -> Any:
        """A Spark DataFrame of the rows of a query, which every worker computes for its customers."""
        columns = self._columns(sql)
        work = _work(list(self._empty), self._ledgers, sql, columns)
        return self._base.mapInArrow(work, _spark_schema(columns))

    def _columns(self, sql: str) -> pa.Schema:
        """The columns of an answer, which DuckDB tells from tables without rows."""
        engine = DuckDB(few=True)
        for name, table in self._empty.items():
            engine.register(name, table)
        for name, ledger in self._ledgers.items():
            engine.ledger(name, ledger)
        answer = engine.answer(sql).schema
        engine.clear()
        return pa.schema([(field.name, _arrow_type(field.type)) for field in answer])


def _work(
    tables: Sequence[str], ledgers: Mapping[str, str], sql: str, columns: pa.Schema
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return the work of one task; as an inner function it travels whole, so workers need no package of ours."""

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the answer for the customers of one partition."""
        import duckdb
        import pyarrow

        rows = list(batches)
        if not rows:
            return
        part = pyarrow.Table.from_batches(rows)
        with duckdb.connect(config={"threads": 1}) as con:  # Spark runs a task on every core
            for name in tables:
                own = part if len(tables) == 1 else part.filter(part[name].is_valid())
                con.register(name, pyarrow.Table.from_struct_array(own[name]))
            for name, ledger in ledgers.items():
                con.execute(f"create temp table {name} as {ledger}")
            yield from con.sql(sql).to_arrow_table().cast(columns).to_batches()

    return work


def _whole_path(place: str | Path) -> str:
    """Return an absolute path, because a cluster or Connect server works in another folder.

    >>> _whole_path("s3a://shop/log.parquet"), _whole_path("dbfs:/log"), _whole_path("/data/log.parquet")
    ('s3a://shop/log.parquet', 'dbfs:/log', '/data/log.parquet')
    """
    return str(place) if re.match(r"[A-Za-z][\w+.-]+:/", str(place)) else os.path.abspath(place)


def _arrow_type(kind: pa.DataType) -> pa.DataType:
    """The type of a column of an answer that Spark has too."""
    if pa.types.is_integer(kind):
        return pa.int64()
    return pa.float64() if pa.types.is_floating(kind) else kind


def _spark_schema(schema: pa.Schema) -> str:
    """The columns of an Arrow table as Spark names them; by itself Spark would give naive times a zone."""
    return ", ".join(f"`{field.name.replace('`', '``')}` {_spark_type(field.type)}" for field in schema)


def _spark_type(kind: pa.DataType) -> str:
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
