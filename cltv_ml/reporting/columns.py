"""Columns of a clean log: kind, missing share, number of levels, and distribution of values."""

from __future__ import annotations

import duckdb
import pandas as pd

from cltv_ml.engine import frame, quoted
from cltv_ml.log import AnyLog, Log

#: Number of levels of a text column to name.
LEVELS_NAMED = 3

#: Columns whose values are not shown because they identify people and orders.
IDENTIFIERS = ("customer_id", "order_id")

_KIND_OF_TYPES = (("TIMESTAMP", "time"), ("DATE", "time"), ("VARCHAR", "text"), ("BOOLEAN", "yes or no"))


def profile_columns(log: AnyLog) -> pd.DataFrame:
    """Return one row per column of the log, in its order.

    Columns `column`, `kind` ("time", "text", "number" or "yes or no"), `missing` (share), `levels` (distinct values),
    `lowest`, `quarter`, `middle`, `three_quarters`, `highest` (times and numbers as text)
    and `frequent` (the most frequent levels of a text with their shares, in words; none of `IDENTIFIERS`).

    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b", "c"], "amount": [1.0, 2.0, 4.0, None]})
    >>> profile_columns(log)[["column", "kind", "missing", "levels", "highest"]].to_numpy().tolist()
    [['customer_id', 'text', 0.0, 3, None], ['amount', 'number', 0.25, 3, '4.0']]
    >>> int(profile_columns(pd.DataFrame({"customer_id": [f"c{n}" for n in range(3_000)]})).loc[0, "levels"])
    3000
    """
    con = Log.of(log).connect()
    summary = frame(con.sql("summarize log"))
    counts = ", ".join(f"count(distinct {quoted(name)})" for name in summary["column_name"])
    [levels] = con.sql(f"select {counts} from log").fetchall()
    kinds = summary["column_type"].map(_kind_in_words)
    spread = {"lowest": "min", "quarter": "q25", "middle": "q50", "three_quarters": "q75", "highest": "max"}
    table = pd.DataFrame(
        {
            "column": summary["column_name"],
            "kind": kinds,
            "missing": summary["null_percentage"].astype(float) / 100,
            "levels": levels,
        }
    )
    for name, source in spread.items():
        table[name] = summary[source].astype(object).where(kinds.isin(["time", "number"]), None)
    texts = table.loc[(kinds == "text") & ~table["column"].isin(IDENTIFIERS), "column"]
    frequent = {name: _frequent(con, name) for name in texts}
    table["frequent"] = [frequent.get(name, "") for name in table["column"]]
    return table


def _kind_in_words(type_name: str) -> str:
    return next((kind for start, kind in _KIND_OF_TYPES if type_name.startswith(start)), "number")


def _frequent(con: duckdb.DuckDBPyConnection, name: str) -> str:
    """Return the most frequent levels with their shares; empty if no level reaches 0.1% of the lines."""
    column = quoted(name)
    rows = con.sql(
        f"select {column}, count(*) / (select count(*) from log) as share from log where {column} is not null "
        f"group by 1 having share >= 0.001 order by 2 desc, 1 limit {LEVELS_NAMED}"
    ).fetchall()
    return ", ".join(f"{level} {share:.1%}" for level, share in rows)
