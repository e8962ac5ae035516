"""What a source's columns hold, seen from their first values."""

from __future__ import annotations

import re

import duckdb

from cltv_ml.data.parse import Columns, is_time, quote
from cltv_ml.data.rules import Rules


def look(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return what each column's first values look like: number, rate, timestamp, text or empty."""
    con.execute("create or replace temp table peek as from raw limit 2000")
    readings = [Columns(con, Rules(day_first=True, decimal=decimal), "peek") for decimal in ".,"]
    return {column: _kind(readings, column) for column in readings[0].kinds}


def _kind(readings: list[Columns], column: str) -> str:
    """Return the kind of one column of the peek; three of four values decide."""
    columns = readings[0]
    kind, name = columns.kinds[column], quote(column)
    number = (
        ", ".join(reading.number(column) for reading in readings if not is_time(kind))
        or "cast(null as double)"
    )
    values, numbers, times, low, high, whole, percents = columns.con.execute(
        "select count(value), count(number), count(time), min(number), max(number), "
        "bool_and(number = floor(number)), count(*) filter (where suffix(value, '%')) "
        f"from (select nullif(trim(cast({name} as varchar)), '') as value, coalesce({number}) as number, "
        f"{columns.timestamp(column)} as time from peek)"
    ).fetchall()[0]
    dated = re.search("dat|time|day|when|_at$", column.lower()) is not None
    if not values:
        return "empty"
    if times >= 0.75 * values and (dated or numbers < 0.75 * values or is_time(kind)):
        return "timestamp"
    if numbers >= 0.75 * values:
        share = (low >= 0 and high <= 1 and not whole) or percents >= 0.75 * values
        return "rate" if share else "number"
    return "text"
