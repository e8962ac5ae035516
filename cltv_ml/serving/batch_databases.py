"""Database tables, given by URL, that a batch replaces."""

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

#: Columns that identify a table of scores, which may be replaced.
_OURS = {"customer_id", "expected_value", "model_version"}


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


def replace_table(
    url: str, table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], shown: str
) -> None:
    """Replace the table with these rows; if that fails, keep it and raise InputError with the driver's reason."""
    with _explained_driver(shown, url):
        _replace_table(url, table, schema, batches)


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


def _replace_table(url: str, table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    if url.startswith("duckdb:"):
        with duckdb.connect(_duckdb_path(url)) as con:
            con.register("incoming", pa.RecordBatchReader.from_batches(schema, batches))
            con.execute(f'create or replace table "{table}" as from incoming')
        return
    with _connection(url) as con:
        # One transaction: readers see the old table until the new one is complete.
        con.execute(sqlalchemy.text(f'drop table if exists "{table}"'))
        schema.empty_table().to_pandas().to_sql(table, con, index=False)
        for batch in batches:
            batch.to_pandas().to_sql(table, con, index=False, if_exists="append", chunksize=10_000)


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
