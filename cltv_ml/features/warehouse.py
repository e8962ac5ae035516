"""SQL of the features for a warehouse: one SELECT statement to run there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from cltv_ml.errors import InputError
from cltv_ml.features.build import Cutoff, choose_features
from cltv_ml.features.catalogue import CATALOGUE
from cltv_ml.features.compile import Plan
from cltv_ml.features.engines import DuckDB
from cltv_ml.features.source import Base, Source, before, check_kinds, lines_sql
from cltv_ml.log import AnyLog, Log
from cltv_ml.windows import to_cutoff

#: Types and functions of time that sqlglot translates into every dialect.
_WIDE = "decimal(38,0)"
_DAY_NUMBER = "date_diff('day', date '1970-01-01', cast(timestamp as date))"
_DAY_SECOND = (
    "extract(hour from timestamp) * 3600 + extract(minute from timestamp) * 60 "
    "+ cast(floor(extract(second from timestamp)) as integer)"
)

Dialect = Literal["bigquery", "snowflake", "databricks"]


def warehouse_sql(
    log: AnyLog, cutoff: Cutoff, names: Sequence[str] | str | None = None, *, table: str, dialect: Dialect
) -> str:
    """Return a SELECT with one row of features per customer with a purchase before the cutoff.

    sqlglot translates the SQL that DuckDB runs. For BigQuery and Snowflake the statement has been parsed and
    translated back, but never run: compare some customers with `build_features` before you rely on it.

    Parameters
    ----------
    log
        A clean log with the columns of `table`; a few rows are enough, because only the names and types of columns
        matter.
    cutoff, names
        As for `build_features`; features of attributes and contacts are left out.
    table
        The table of the warehouse, such as `shop.orders`: a clean log under the same names, `timestamp` in the shop's
        own time without a zone (`DATETIME` in BigQuery, `TIMESTAMP_NTZ` in Snowflake).
    dialect
        SQL dialect of the warehouse.

    Raises
    ------
    InputError
        sqlglot is not installed, `table` is no name of a table, a feature needs a column that the log lacks, or the
        dialect cannot express a feature that is named.
    """
    try:
        import sqlglot
    except ImportError as missing:
        raise InputError(
            "SQL for warehouses needs sqlglot; install it with: pip install 'cltv-ml[warehouse]'."
        ) from missing
    base = _base(log)
    chosen = choose_features(names, base)
    if dialect == "bigquery":
        chosen = _without_medians(chosen, named=names is not None and names != "all")
    if not re.fullmatch(r"[\w$-]+(\.[\w$-]+){0,2}", table):
        raise InputError(f"table must be the name of a table such as 'shop.orders', got {table!r}.")
    place = ".".join(f'"{part}"' if "-" in part else part for part in table.split("."))
    tree = sqlglot.parse_one(_select(Plan(chosen, CATALOGUE), base, cutoff, place), read="duckdb")
    if dialect == "bigquery":
        tree = tree.transform(_as_large_decimal)
    return tree.sql(dialect=dialect, pretty=True, unsupported_level=sqlglot.ErrorLevel.RAISE)


def _base(log: AnyLog) -> Base:
    engine = DuckDB(few=True)
    try:
        table = Log.of(log).readable
        kinds = engine.register("cltv_log", table)
    finally:
        engine.clear()
    check_kinds(kinds, "log", {"customer_id": None, "timestamp": "time", "amount": "number"}, Source(log))
    if kinds["timestamp"] == "zoned time":
        raise InputError(
            "log: times have a time zone; give them in the shop's own time, as `table` must have them."
        )
    first, last = Log.of(log).span
    return Base(lines_sql(_DAY_NUMBER, _DAY_SECOND, kinds), {}, frozenset(kinds), first, last, 0)


def _select(plan: Plan, base: Base, cutoff: Cutoff, table: str) -> str:
    moment = to_cutoff(cutoff)
    steps = {"cltv_log": f"select * from {table}", "cltv_lines": before(base.lines, moment)}
    steps |= plan.ledgers("order_id" in base.columns)
    tables = ", ".join(f"{name} as ({sql})" for name, sql in steps.items())
    return f"with {tables} select * from ({plan.query(moment, wide=_WIDE)}) as features"


def _without_medians(names: Sequence[str], *, named: bool) -> tuple[str, ...]:
    """Return the features without medians, because BigQuery has no exact median of a group."""
    medians = [
        name
        for name in names
        if any("median(" in used.sql for used in Plan((name,), CATALOGUE).used.values())
    ]
    if medians and named:
        raise InputError(f"BigQuery has no exact median: leave out {medians}.")
    return tuple(name for name in names if name not in medians)


def _as_large_decimal(node: Any) -> Any:
    """BigQuery's NUMERIC has 29 digits before the point, its BIGNUMERIC 38."""
    from sqlglot import exp

    if isinstance(node, exp.DataType) and node.this == exp.DataType.Type.DECIMAL:
        return exp.DataType.build("BIGDECIMAL")
    return node
