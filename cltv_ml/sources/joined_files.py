"""Several files that hold one sale in parts, such as orders and their items, joined by a statement of the user."""

from __future__ import annotations

import re
from collections.abc import Mapping

import duckdb

from cltv_ml.engine import quoted
from cltv_ml.errors import InputError
from cltv_ml.sources.frames import MARK, SourceRows, read_frame


def is_statement(query: str) -> bool:
    """Whether a text is a SELECT statement rather than a name.

    >>> is_statement("select * from orders join items using (order_id)"), is_statement("orders.csv")
    (True, False)
    """
    return re.match(r"\s*(select|with|from)\s", query, re.I) is not None


def stem(name: str) -> str:
    """Return the name of a file's table in a statement, quoted where it must be.

    >>> stem("order_items.csv"), stem("Orders 2025.csv")
    ('order_items', '"Orders 2025"')
    """
    plain = name.partition(".")[0]
    return plain if re.fullmatch(r"[A-Za-z_]\w*", plain) else quoted(plain)


def join_files(con: duckdb.DuckDBPyConnection, statement: str, files: Mapping[str, SourceRows]) -> SourceRows:
    """Return the rows of a statement that reads files by their names without endings.

    It reads nothing else: it runs in a database of its own without access to files.

    Raises
    ------
    InputError
        The statement fails.
    """
    with duckdb.connect(config={"enable_external_access": "false"}) as source:
        for name, rows in files.items():
            columns = [column for column in rows.table.kinds if column.startswith(MARK)]
            shown = ", ".join(
                f"{quoted(column)} as {quoted(column.removeprefix(MARK))}" for column in columns
            )
            table = con.sql(f"select {shown} from {rows.table} order by source_row").to_arrow_table()
            source.register(name.partition(".")[0], table)
        try:
            joined = source.sql(statement).to_arrow_table()
        except duckdb.Error as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise InputError(
                f"the statement of --query cannot be run: {reason}. Its tables are {sorted(map(stem, files))}."
            ) from error
    broken = sum(len(rows.broken) for rows in files.values())
    left = f" {broken:,} lines that do not fit their header were left out." * bool(broken)
    notes = [note for rows in files.values() for note in rows.notes]
    notes.append(f"{len(files)} files were joined by the statement of --query.{left}")
    return SourceRows(read_frame(con, joined).table, notes=tuple(notes))
