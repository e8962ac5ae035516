"""A transaction log and cutoffs in, one row of features per customer and cutoff out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypeAlias

import duckdb
import pandas as pd
import pyarrow as pa

from cltv_ml.engine import Tabular, connect, view
from cltv_ml.features.catalogue import CATALOGUE, available, default_features
from cltv_ml.features.compile import Plan, needs, summary_first
from cltv_ml.features.engines import WIDE, lines
from cltv_ml.windows import to_cutoff

Cutoff: TypeAlias = str | date | pd.Timestamp


def build_features(
    log: Tabular,
    cutoffs: Cutoff | Sequence[Cutoff],
    names: Sequence[str] | str | None = None,
    *,
    memory: str = "4GB",
) -> pd.DataFrame:
    """Return one row of features per customer with a purchase before the cutoff, and per cutoff.

    Nothing that happened at or after a cutoff can change its rows, nor can any other customer.

    Parameters
    ----------
    log
        A clean transaction log: customer_id, timestamp (naive, in the business time zone), amount, and
        any of the optional columns.
    cutoffs
        One cutoff or several, built in one pass. A cutoff is the first instant that is not seen.
    names
        Names from `CATALOGUE`, `"all"` for every feature that the log's columns allow, or None for the
        numeric ones that stay comparable as customers age (`default_features`).
    memory
        Limit beyond which DuckDB spills to disk.

    Returns
    -------
    DataFrame
        Indexed and sorted by `customer_id`, or by `cutoff` and `customer_id` where several cutoffs are
        given. First the summary columns frequency, recency, T (days) and monetary_value (currency), then
        the named features: float64, missing as NaN; text features as strings.

    Raises
    ------
    ValueError
        A cutoff is not a midnight or lies outside the log, a feature is unknown or needs a column that
        the log has not, or the log lacks a required column.

    >>> log = pd.DataFrame({
    ...     "customer_id": ["a", "a", "a", "b"],
    ...     "timestamp": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-15", "2024-01-03"]),
    ...     "amount": [10.0, 20.0, 40.0, 5.0],
    ... })
    >>> build_features(log, "2024-01-12", ["days_since_last"])
                 frequency  recency     T  monetary_value  days_since_last
    customer_id
    a                  1.0     10.0  10.0            20.0              1.0
    b                  0.0      0.0   8.0             0.0              9.0
    """
    days = [cutoffs] if isinstance(cutoffs, (str, date)) else cutoffs
    moments = sorted({to_cutoff(day) for day in days})
    table = _build(log, moments, names, memory)
    frame = table.to_pandas()
    keys = ["cutoff", "customer_id"] if days is cutoffs else ["customer_id"]
    return frame.set_index(keys)[list(frame.columns[2:])]


def _build(
    log: Tabular, cutoffs: Sequence[pd.Timestamp], names: Sequence[str] | str | None, memory: str
) -> pa.Table:
    con = connect(memory)
    view(con, "log", log)
    schema = con.sql("select * from log limit 0").to_arrow_table().schema
    _check_log(con, schema, cutoffs)
    plan = Plan(_choose(names, schema.names), CATALOGUE, has_orders="order_id" in schema.names)
    con.execute(f"create temp view lines as {lines(schema.names, max(cutoffs))}")
    for ledger, sql in plan.ledgers().items():
        con.execute(f"create temp table {ledger} as {sql}")
    parts = []
    for cutoff in cutoffs:
        query = (
            f"select timestamp '{cutoff}' as cutoff, * from ({plan.query(cutoff, WIDE)}) order by customer_id"
        )
        parts.append(con.sql(query).to_arrow_table())
    con.close()
    return pa.concat_tables(parts)


def _choose(names: Sequence[str] | str | None, columns: Sequence[str]) -> tuple[str, ...]:
    """The names to build, the summary first, all of them possible with these columns."""
    if names is None or isinstance(names, str):
        if names not in (None, "all"):
            raise ValueError(f"names must be a list of feature names, 'all' or None, got {names!r}.")
        return summary_first(available(columns) if names == "all" else default_features(columns))
    chosen = summary_first(names)
    missing = sorted(needs(chosen, CATALOGUE) - set(columns))
    if missing:
        blocked = [name for name in chosen if missing[0] in needs([name], CATALOGUE)]
        raise ValueError(
            f"feature {blocked[0]!r} needs the column {missing[0]!r}, which the log has not. "
            f"Found {sorted(columns)}; add the column or leave the feature out."
        )
    return chosen


def _check_log(con: duckdb.DuckDBPyConnection, schema: pa.Schema, cutoffs: Sequence[pd.Timestamp]) -> None:
    missing = [name for name in ("customer_id", "timestamp", "amount") if name not in schema.names]
    if missing:
        raise ValueError(f"log: missing columns {missing}. Found {schema.names}.")
    kind = schema.field("timestamp").type
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)) or getattr(kind, "tz", None):
        raise ValueError(
            f"log: column 'timestamp' must hold dates or times without time zone, in the shop's own time; "
            f"found {kind}. Convert it when reading the log."
        )
    if not cutoffs:
        raise ValueError("cutoffs must name at least one calendar day, got none.")
    first, last = (
        pd.Timestamp(day) for day in con.sql("select min(timestamp), max(timestamp) from log").fetchall()[0]
    )
    for cutoff in cutoffs:
        if not first.normalize() < cutoff <= last.normalize() + pd.Timedelta(days=1):
            raise ValueError(
                f"cutoff {cutoff:%Y-%m-%d} lies outside the log, which runs from {first:%Y-%m-%d} to "
                f"{last:%Y-%m-%d}; choose a day after the first and at most one day after the last."
            )
