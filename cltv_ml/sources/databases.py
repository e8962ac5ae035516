"""Tables and queries of a database, by connection URL, streamed into the engine."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from cltv_ml.addresses import hide, without_secrets
from cltv_ml.engine import Relation, literal, quoted
from cltv_ml.errors import InputError, among
from cltv_ml.sources.archives import text_batches
from cltv_ml.sources.frames import SourceRows, inner_names, load_batches


def read_database(con: duckdb.DuckDBPyConnection, url: str, table: str | None) -> SourceRows:
    """Return the rows of a table or a SELECT of a database.

    DuckDB keeps its types; values of other databases arrive as text and are parsed like a file's. The
    connection may only read.

    Parameters
    ----------
    con
        Where the rows go, in batches.
    url
        `duckdb:///shop.duckdb`, `sqlite:///shop.db`, `postgresql://user:password@host/shop` or any other
        URL for which SQLAlchemy finds a driver.
    table
        Name of a table or view, with its schema if need be, or a SELECT; not needed when there is one table.

    Raises
    ------
    InputError
        The database cannot be reached or read, or `table` is neither a table nor a SELECT; no password is
        shown.
    """
    shown = without_secrets(url)
    path = Path(re.sub(r"^\w+:///", "", url.partition("?")[0]))
    if url.startswith(("duckdb:", "sqlite:")) and not path.is_file():
        raise InputError(f"{shown}: the database file does not exist; check the path.")
    try:
        if url.startswith("duckdb:"):
            return SourceRows(_from_duckdb(con, path, table))
        return SourceRows(_from_sqlalchemy(con, url, table))
    except NoSuchModuleError:
        raise InputError(
            f"{shown} is not a supported database. Use duckdb:///, sqlite:/// or postgresql://, or s3://, "
            "gs://, abfs:// or https:// for files, and download others first."
        ) from None
    except (duckdb.Error, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
        raise InputError(f"{shown} cannot be read: {hide(reason, url)}.") from None
    except ModuleNotFoundError as error:
        hint = "; install cltv-ml[postgres]" if "psycopg" in str(error.name) else ""
        raise InputError(f"{shown}: the driver {error.name!r} is not installed{hint}.") from None


def _from_duckdb(con: duckdb.DuckDBPyConnection, path: Path, table: str | None) -> Relation:
    # A view may read files, as its owner wanted; a query of the user's reads the database and nothing else.
    config = {"enable_external_access": "false"} if table and re.search(r"\s", table.strip()) else {}
    with duckdb.connect(str(path), read_only=True, config=config) as source:
        names = [
            name if schema == "main" else f"{schema}.{name}"
            for schema, name in source.execute(
                "select table_schema, table_name from information_schema.tables order by 1, 2"
            ).fetchall()
        ]
        query = _query(table, names, quoted)
        batches = source.sql(query).to_arrow_reader()
        columns = [str(name) for name in batches.schema.names]
        renamed = ", ".join(
            f"{quoted(old)} as {quoted(new)}" for old, new in zip(columns, inner_names(columns), strict=True)
        )
        return load_batches(con, batches, f"{renamed}, row_number() over () - 1 as source_row")


def _from_sqlalchemy(con: duckdb.DuckDBPyConnection, url: str, table: str | None) -> Relation:
    address = _connection_url(url)
    engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as source:
        if address.get_backend_name() == "postgresql":
            source.execute(sqlalchemy.text("set transaction read only"))
        if address.get_backend_name() == "sqlite":
            source.execute(sqlalchemy.text("pragma query_only = true"))
        inspected = sqlalchemy.inspect(source)
        names = sorted([*inspected.get_table_names(), *inspected.get_view_names()])
        query = _query(table, names, engine.dialect.identifier_preparer.quote)
        if address.get_backend_name() == "postgresql":
            loaded = _copied(con, source, query)
        else:
            streamed = source.execution_options(stream_results=True, yield_per=20_000)
            # Drivers of these styles take a sign of per cent for the place of a parameter.
            escaped = query.replace("%", "%%") if "format" in engine.dialect.paramstyle else query
            rows = streamed.exec_driver_sql(escaped)
            loaded = load_batches(con, text_batches(rows, inner_names(list(rows.keys()))))
    engine.dispose()
    return loaded


def _connection_url(url: str) -> sqlalchemy.URL:
    """Return the URL with an installed driver, and with SQLite's file opened read-only."""
    try:
        address = sqlalchemy.make_url(url)
    except ArgumentError:
        raise InputError(
            f"{without_secrets(url)!r} is not a connection URL; write dialect://user@host/name."
        ) from None
    if address.get_backend_name() in ("postgresql", "postgres"):
        return address.set(drivername="postgresql+psycopg")
    if address.get_backend_name() == "sqlite":
        return sqlalchemy.make_url(f"sqlite:///file:{address.database}?mode=ro&uri=true")
    return address


def _copied(con: duckdb.DuckDBPyConnection, source: sqlalchemy.Connection, query: str) -> Relation:
    """Return the rows of a PostgreSQL query, written by the server as CSV in a sixth of the time of single rows."""
    import psycopg

    driver: Any = source.connection.driver_connection
    with tempfile.TemporaryDirectory(prefix="cltv_") as folder, driver.cursor() as cursor:
        file = Path(folder, "rows.csv")
        try:
            cursor.execute("set client_encoding = 'UTF8'")
            cursor.execute(f"select * from ({query}) as source limit 0")
            columns = [column.name for column in cursor.description]
            places = ", ".join(f"c{place}" for place in range(len(columns)))
            texts = ", ".join(f"cast(c{place} as text)" for place in range(len(columns)))
            copy = f"copy (select {texts} from ({query}) as source({places})) to stdout (format csv)"
            with file.open("wb") as written, cursor.copy(copy) as blocks:
                for block in blocks:
                    written.write(block)
        except psycopg.Error as error:
            raise DBAPIError(query, None, error) from error
        names = inner_names(columns)
        kinds = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
        rows = con.sql(
            f"from read_csv({literal(str(file))}, header = false, auto_detect = false, delim = ',', quote = '\"', "
            f"escape = '\"', new_line = '\\n', nullstr = '', allow_quoted_nulls = false, columns = {{{kinds}}})"
        )
        some = " or ".join(f"{quoted(name)} <> ''" for name in names)
        return load_batches(con, rows.filter(some), "*, row_number() over () - 1 as source_row")


def _query(table: str | None, names: list[str], quoted_: Callable[[str], str]) -> str:
    """Return the query itself if it is a SELECT, else a SELECT over the named table.

    >>> _query("select 1; drop table orders", ["orders"], quoted)
    Traceback (most recent call last):
    cltv_ml.errors.InputError: table must be a single SELECT or the name of a table, got 'select 1; drop table
    orders'...
    """
    if table is None:
        if len(names) != 1:
            raise InputError(f"name the table to read, or a SELECT, as table (--query). Available: {names}.")
        table = names[0]
    if table in names or not re.search(r"\s", table.strip()):
        if table not in names and "." not in table:
            raise InputError(f"there is no table {table!r}{among(table, names)}")
        return "select * from " + ".".join(quoted_(name) for name in table.split("."))
    bare = table.strip().rstrip(";").rstrip()
    if not _is_one_select(bare):
        raise InputError(
            f"table must be a single SELECT or the name of a table, got {table[:60]!r}; nothing else is "
            f"executed. Available tables: {names}."
        )
    return f"select * from ({bare}\n) as source"


def _is_one_select(text: str) -> bool:
    """Whether a text parses as exactly one SELECT, both alone and inside parentheses.

    A text in another database's dialect, which the parser rejects, must begin like a SELECT and contain no semicolon.
    """
    wrapped = f"select * from ({text}\n) as source"
    try:
        kinds = [
            statement.type for query in (text, wrapped) for statement in duckdb.extract_statements(query)
        ]
    except duckdb.Error:
        return re.match(r"\s*(select|with)\b", text, re.IGNORECASE) is not None and not re.search(
            r"[;]", text
        )
    begins = (
        re.match(r"(\s|--[^\n]*\n|/\*.*?\*/)*(select|with|from)\b", text, re.IGNORECASE | re.DOTALL)
        is not None
    )
    return begins and kinds == [duckdb.StatementType.SELECT] * 2
