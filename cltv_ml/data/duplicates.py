"""Lines that equal an earlier one in every column: copies, or further purchases of the same day."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from cltv_ml.data.rules import Rules

#: So many lines' hashes are sorted at a time when duplicates are sought: 400 MB.
_HASHES_AT_ONCE = 50_000_000


def treat_duplicates(con: duckdb.DuckDBPyConnection, rules: Rules) -> list[str]:
    """Set aside lines that equal an earlier one; where they may be purchases of their own, only say so."""
    if not rules.applies("exact_duplicate"):
        return []
    _find_duplicates(con)
    if "exact_duplicate" in rules.on or _tells_purchases_apart(con):
        con.execute("insert into aside select source_row, 'exact_duplicate' from duplicates")
        return []
    [(lines,)] = con.execute("select count(*) from duplicates").fetchall()
    if not lines:
        return []
    return [
        f"{lines:,} lines equal an earlier one and were kept: without an order id or a time of day they may be further "
        "purchases of that day; --rule on=exact_duplicate sets them aside."
    ]


def _tells_purchases_apart(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the lines name their orders, or a time of day, so that equal lines are copies."""
    columns = {str(name) for name, *_ in con.execute("describe lines").fetchall()}
    timed = "select 1 from lines where timestamp <> date_trunc('day', timestamp) limit 1"
    return "order_id" in columns or bool(con.execute(timed).fetchall())


def _find_duplicates(con: duckdb.DuckDBPyConnection) -> None:
    """Make `duplicates` (source_row), the lines that equal an earlier one in every column."""
    con.execute("create or replace temp table repeated (line_hash ubigint)")
    [(rows,)] = con.execute("select count(*) from marks").fetchall()
    parts = rows // _HASHES_AT_ONCE + 1
    for part in range(parts):
        query = f"select line_hash from marks where rule is null and line_hash % {parts} = {part}"
        hashes = np.sort(con.sql(query).to_arrow_table()["line_hash"].to_numpy())
        twice = pa.table({"line_hash": np.unique(hashes[1:][hashes[1:] == hashes[:-1]])})
        con.register("twice", twice)
        con.execute("insert into repeated from twice")
        con.unregister("twice")
    con.execute(
        "create or replace temp table duplicates as select source_row from (select source_row, "
        "row_number() over (partition by line_hash, money order by source_row) as number "
        "from marks where rule is null and line_hash in (from repeated)) where number > 1"
    )
