"""Scores in a table of a database, given by URL: one row per customer and cutoff, replaced if it exists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy
from sqlalchemy.exc import SQLAlchemyError

from cltv_ml.addresses import hide, sqlite_file, without_secrets
from cltv_ml.errors import InputError
from cltv_ml.serving.batch_lakes import MERGE_KEY

#: Columns that identify a table of scores, to which rows may be written.
_OURS = {"customer_id", "cutoff", "expected_value", "model_version"}

#: The temporary table of the rows to write.
_INCOMING = "cltv_incoming"


def check_table(url: str, table: str, shown: str) -> None:
    """Raise InputError if the database cannot be reached, or if a table of this name does not contain scores.

    `shown` is the table's name without secrets.
    """
    file = _file(url)
    new = file is not None and not file.exists()
    with _explained_driver(shown, url):
        _check_table(url, table)
    if file is not None and new and file.exists():
        file.chmod(0o600)  # like every file that names customers


def upsert_rows(
    url: str, table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], shown: str
) -> None:
    """Write rows in one transaction, in place of those of the same customers and cutoff; create a missing table.

    Columns that the table lacks are added, empty for the rows in it.

    Raises
    ------
    InputError
        The rows cannot be written, with the driver's reason; the table stays as it was.
    """
    with _explained_driver(shown, url):
        if url.startswith("duckdb:"):
            _upsert_in_duckdb(_duckdb_path(url), table, pa.RecordBatchReader.from_batches(schema, batches))
        else:
            _upsert_by_sqlalchemy(url, table, schema, batches)


def _check_table(url: str, table: str) -> None:
    """Raise an error if the database cannot be reached, or if a table of this name does not contain scores."""
    if url.startswith("duckdb:"):
        with duckdb.connect(_duckdb_path(url)) as con:
            query = "select column_name from information_schema.columns where table_name = ?"
            columns = {str(name) for (name,) in con.execute(query, [table]).fetchall()}
    else:
        with _connection(url) as con:
            there = sqlalchemy.inspect(con)
            columns = (
                {str(column["name"]) for column in there.get_columns(table)}
                if there.has_table(table)
                else set()
            )
    if columns and not columns >= _OURS:
        raise InputError(
            f"{without_secrets(url)} has a table {table!r} that does not contain scores; choose another name "
            "with --table."
        )


def _upsert_in_duckdb(path: str, table: str, rows: pa.RecordBatchReader) -> None:
    with duckdb.connect(path) as con:
        con.register(f"{_INCOMING}_rows", rows)
        con.begin()
        con.execute(f"create temp table {_INCOMING} as from {_INCOMING}_rows")
        con.execute(f'create table if not exists "{table}" as from {_INCOMING} limit 0')
        for name, kind, *_ in con.execute(f"describe {_INCOMING}").fetchall():
            con.execute(f'alter table "{table}" add column if not exists "{name}" {kind}')
        con.execute(_delete_known(table))
        con.execute(f'insert into "{table}" by name from {_INCOMING}')
        con.commit()


def _upsert_by_sqlalchemy(url: str, table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    named = ", ".join(f'"{name}"' for name in schema.names)
    with _connection(url) as con:
        there = sqlalchemy.inspect(con)
        if not there.has_table(table):
            schema.empty_table().to_pandas().to_sql(table, con, index=False)
        else:
            known = {str(column["name"]) for column in there.get_columns(table)}
            for field in schema:
                if field.name not in known:
                    kind = _type_of(field.type).compile(con.dialect)
                    con.execute(sqlalchemy.text(f'alter table "{table}" add column "{field.name}" {kind}'))
        con.execute(
            sqlalchemy.text(
                f'create temporary table {_INCOMING} as select {named} from "{table}" where 1 = 0'
            )
        )
        for batch in batches:
            batch.to_pandas().to_sql(_INCOMING, con, index=False, if_exists="append", chunksize=10_000)
        con.execute(sqlalchemy.text(_delete_known(table)))
        con.execute(sqlalchemy.text(f'insert into "{table}" ({named}) select {named} from {_INCOMING}'))
        con.execute(sqlalchemy.text(f"drop table {_INCOMING}"))


def _delete_known(table: str) -> str:
    key = ", ".join(MERGE_KEY)
    return f'delete from "{table}" where ({key}) in (select {key} from {_INCOMING})'


def _type_of(kind: pa.DataType) -> sqlalchemy.types.TypeEngine[Any]:
    """Return the type of a column that is added to a table."""
    if pa.types.is_boolean(kind):
        return sqlalchemy.Boolean()
    if pa.types.is_integer(kind):
        return sqlalchemy.BigInteger()
    if pa.types.is_floating(kind):
        return sqlalchemy.Double()
    return sqlalchemy.DateTime() if pa.types.is_timestamp(kind) else sqlalchemy.Text()


def _file(url: str) -> Path | None:
    """Return the file of a database of SQLite or DuckDB; None for a server."""
    return Path(_duckdb_path(url)) if url.startswith("duckdb:") else sqlite_file(url)


def _duckdb_path(url: str) -> str:
    return re.sub(r"^duckdb:///", "", url)


@contextmanager
def _connection(url: str) -> Iterator[Any]:
    """Yield a connection in one transaction, which is committed if nothing fails."""
    address = sqlalchemy.make_url(url)
    if address.get_backend_name() in ("postgresql", "postgres"):
        address = address.set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool)
    try:
        with engine.begin() as con:
            if address.get_backend_name() == "sqlite":
                con.exec_driver_sql("begin immediate")  # else SQLite commits each change of a table's shape
            yield con
    finally:
        engine.dispose()


@contextmanager
def _explained_driver(shown: str, url: str) -> Iterator[None]:
    """Raise InputError with one sentence, without the URL, in place of a driver's error."""
    try:
        yield
    except ModuleNotFoundError as error:
        hint = "; install cltv-ml[postgres]" if "psycopg" in str(error.name) else ""
        raise InputError(f"{shown}: the driver {error.name!r} is not installed{hint}.") from None
    except (duckdb.Error, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
        raise InputError(
            f"{shown} cannot be written: {hide(reason, url)}; fix that and run the same command again to "
            "continue."
        ) from None
