"""Lines that equal an earlier one in every column: copies, or further units and purchases."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from cltv_ml.data.rules import Rules
from cltv_ml.engine import MONEY_SCALE

#: So many lines' hashes are sorted at a time when duplicates are sought: 400 MB.
_HASHES_AT_ONCE = 50_000_000


def treat_duplicates(con: duckdb.DuckDBPyConnection, rules: Rules) -> list[str]:
    """Set aside the lines that are copies of an earlier one; keep, and tell, those that may be sales of their own.

    A till that scans each unit writes equal lines into one receipt; a copy repeats a whole receipt, or stands
    elsewhere in the source than the receipt does. Without an order id the customer and the time of day make
    the receipt; where there is neither, equal lines may be purchases of one day.
    """
    if not rules.applies("exact_duplicate"):
        return []
    _find_duplicates(con)
    if not con.execute("select 1 from duplicates limit 1").fetchall():
        return []
    if "exact_duplicate" in rules.on:
        con.execute("insert into aside select source_row, 'exact_duplicate' from duplicates")
        return []
    receipt = _receipt(con)
    if receipt:
        _set_copies_aside(con, *receipt)
    lines, money = con.execute(
        "select count(*), coalesce(sum(money), 0) from duplicates anti join aside using (source_row) "
        "join marks using (source_row)"
    ).fetchall()[0]
    if not lines:
        return []
    why = (
        "their receipt may hold the same thing more than once"
        if receipt
        else "without an order id or a time of day they may be further purchases of that day"
    )
    return [
        f"{lines:,} lines equal an earlier one and were kept, with {int(money) / MONEY_SCALE:,.2f}: {why}; "
        "--rule on=exact_duplicate sets them aside."
    ]


def _receipt(con: duckdb.DuckDBPyConnection) -> tuple[str, str] | None:
    """Return the SQL that tells receipts apart, and its table; None where neither an order nor a time of day does."""
    columns = {str(name) for name, *_ in con.execute("describe lines").fetchall()}
    if "order_id" in columns:
        return "by_order", "marks"
    timed = "select 1 from lines where timestamp <> date_trunc('day', timestamp) limit 1"
    return ("hash(customer_id, timestamp)", "lines") if con.execute(timed).fetchall() else None


def _set_copies_aside(con: duckdb.DuckDBPyConnection, receipt: str, table: str) -> None:
    """Set aside the duplicates that the place or the completeness of their receipt shows to be copies."""
    con.execute(
        "create or replace temp table receipts as with repeating as ("
        f"    select {receipt} as receipt from {table} semi join duplicates using (source_row)"
        "), placed as ("
        f"    select {receipt} as receipt, source_row, line_hash, source_row - lag(source_row) over "
        f"        (partition by {receipt} order by source_row) > 1 as gap "
        f"    from {table} where {receipt} in (from repeating)"
        "), blocks as ("
        "    select *, sum(cast(coalesce(gap, false) as integer)) over (partition by receipt order by source_row) "
        "        as block from placed"
        ") select *, count(*) over (partition by receipt, line_hash) as times, "
        "    min(block) over (partition by receipt, line_hash) as first_block from blocks"
    )
    if _are_whole_receipts(con, receipt, table):
        copied = "true"
    else:  # elsewhere in the source than the receipt, whose own lines stand together
        copied = "block > 0 and receipt not in (select receipt from receipts where first_block > 0)"
    con.execute(
        "insert into aside select source_row, 'exact_duplicate' from duplicates join receipts using (source_row) "
        f"where {copied}"
    )


def _are_whole_receipts(con: duckdb.DuckDBPyConnection, receipt: str, table: str) -> bool:
    """Whether equal lines come from receipts that were written twice as a whole."""
    whole, several = con.execute(
        "select count(*) filter (where least = most), count(*) from ("
        "select min(times) as least, max(times) as most from receipts group by receipt "
        "having most > 1 and count(distinct line_hash) > 1)"
    ).fetchall()[0]
    if several:
        return several >= 3 and whole >= 0.8 * several
    if "product_id" in {str(name) for name, *_ in con.execute("describe lines").fetchall()}:
        return False
    [(alone,)] = con.execute(
        "select avg(cast(n = 1 as integer)) from (select count(distinct line_hash) as n "
        f"from (from {table} limit 100000) group by {receipt})"
    ).fetchall()
    return alone >= 0.9


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
        "from marks where rule is null and line_hash in (from repeated)) where number > 1 "
        "and source_row not in (select source_row from aside)"
    )
