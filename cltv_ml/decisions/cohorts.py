"""Cohorts: customers grouped by their first purchase, followed by the time since then."""

from __future__ import annotations

import duckdb
import pandas as pd

from cltv_ml.decisions.line_costs import UNKNOWN_GROUP, Costs, check_costs_known, cost_of_line
from cltv_ml.decisions.lines import currency, money, order_key
from cltv_ml.engine import frame, literal
from cltv_ml.errors import InputError, unknown_name
from cltv_ml.log import AnyLog, Log
from cltv_ml.tables import pandas_only

#: Days in a period of the time since the first purchase; months, quarters and years are average lengths.
PERIODS = {"week": 7.0, "month": 365.25 / 12, "quarter": 365.25 / 4, "year": 365.25}

#: Cohorts below this size are too small to interpret: their rows are marked `small`.
SMALL_COHORT = 30

#: Most cohorts.
MOST_COHORTS = 1_000

_FIRST_TEXT = {"first_product": "product_id", "first_category": "category", "first_channel": "channel"}

#: Groupings of customers, besides their attributes.
GROUPS = ("first_month", "first_quarter", *_FIRST_TEXT, "first_discount", "first_order_fifth")


@pandas_only
def compute_cohorts(
    log: AnyLog,
    by: str | pd.Series = "first_month",
    per: str = "month",
    *,
    costs: Costs | None = None,
) -> pd.DataFrame:
    """Return the customers, orders and revenue of each cohort by period since its customers' first purchase.

    Each customer has a clock of their own: period 0 begins with the first purchase. The sums over all rows equal the
    log's to the cent.

    Parameters
    ----------
    log
        TRANSACTIONS, refunds taken off.
    by
        One of `GROUPS`, or a series of any attribute by `customer_id`; customers without one are "unknown". The first
        product, category or channel is that of the most expensive line of the first order.
    per
        One of `PERIODS`.
    costs
        Costs that the log does not hold, for the column `margin`.

    Returns
    -------
    DataFrame
        Columns `cohort`, `period`, `customers` (of the cohort), `active` (who bought in the period), `retention`,
        `orders`, `revenue`, where known `discount` and `margin` (currency), `complete` (every customer of the cohort
        has been observed to the period's end), `cumulative_orders_per_customer` (and that of revenue, discount and
        margin: means of the customers observed, summed up to the period) and `small` (fewer than 30 customers).

    Raises
    ------
    InputError
        `by` or `per` is unknown, or the log lacks a column that they need.

    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 20.0],
    ...                     "timestamp": pd.to_datetime(["2024-01-05", "2024-03-01", "2024-01-20"])})
    >>> compute_cohorts(log)[["cohort", "period", "customers", "active", "revenue"]].values.tolist()
    [['2024-01', 0, 2, 2, 30.0], ['2024-01', 1, 2, 1, 5.0]]
    """
    if per not in PERIODS:
        raise unknown_name("period", per, PERIODS)
    log = Log.of(log)
    con, columns = _open_log(log, by)
    if costs is not None or "cost" in columns:
        check_costs_known(con, columns, costs or Costs())
    _make_members(con, by, columns)
    [(groups,)] = con.sql("select count(distinct cohort) from member").fetchall()
    if groups > MOST_COHORTS:
        raise InputError(
            f"{by if isinstance(by, str) else by.name} splits the customers into {groups:,} cohorts, but at "
            f"most {MOST_COHORTS:,} can be followed; use a coarser grouping."
        )
    _count_cells(con, columns, costs, PERIODS[per], log.end)
    shown = _measures(columns, costs)[1]
    return _per_customer(frame(con.sql(_COHORTS_SQL.format(columns=shown, days=PERIODS[per], end=log.end))))


@pandas_only
def is_followed(cohorts: pd.DataFrame) -> pd.Series:
    """Return whether a row of `compute_cohorts` rests on enough customers to be shown: `SMALL_COHORT`, or all of them.

    >>> table = pd.DataFrame({"observed": [29, 30, 5], "complete": [False, False, True]})
    >>> is_followed(table).tolist()
    [False, True, True]
    """
    return cohorts["complete"] | (cohorts.get("observed", 0) >= SMALL_COHORT)


@pandas_only
def cohort_members(log: AnyLog, by: str | pd.Series = "first_month") -> pd.DataFrame:
    """Return each customer's `cohort`, first moment `t0` and revenue so far `spent`, by customer_id.

    >>> log = pd.DataFrame({"customer_id": ["a", "a"], "amount": [10.0, 5.0],
    ...                     "timestamp": pd.to_datetime(["2024-01-05", "2024-03-01"])})
    >>> cohort_members(log)[["cohort", "spent"]].to_dict("records")
    [{'cohort': '2024-01', 'spent': 15.0}]
    """
    con, columns = _open_log(log, by)
    _make_members(con, by, columns)
    spent = f"sum({money('amount')})"
    rows = con.sql(
        f"select customer_id, any_value(cohort) as cohort, any_value(t0) as t0, {currency(spent)} as spent "
        "from log join member using (customer_id) group by 1 order by 1"
    )
    return frame(rows).set_index("customer_id")


def _open_log(log: AnyLog, by: str | pd.Series) -> tuple[duckdb.DuckDBPyConnection, set[str]]:
    """Return a connection to the log; InputError where a grouping is unknown or needs a column that is missing."""
    if isinstance(by, str) and by not in GROUPS:
        raise InputError(
            f"Unknown grouping {by!r}. Available: {list(GROUPS)}, or a column of a table of customers, such as region "
            "with --customers people.csv (in Python a Series by customer_id)."
        )
    needs = {"first_discount": ["discount"], **{name: [column] for name, column in _FIRST_TEXT.items()}}
    return Log.of(log).connect_for(
        f"cohorts by {by if isinstance(by, str) else by.name}", needs.get(str(by), [])
    )


def _make_members(con: duckdb.DuckDBPyConnection, by: str | pd.Series, columns: set[str]) -> None:
    """Create the table `member`: each customer's cohort and first moment."""
    order = order_key(columns)
    # Two groupings, of which nothing but the first orders is kept: a window would hold the whole log once more.
    first = "select customer_id, min(timestamp) as t0 from log group by 1"
    con.execute(
        f"create temp table first_orders as select customer_id, t0, min({order}) as first_order "
        f"from log join ({first}) using (customer_id) where timestamp = t0 group by all"
    )
    con.execute(
        f"create temp table opening as from log join first_orders using (customer_id) where {order} = first_order"
    )
    con.execute(
        f"create temp table starts as select customer_id, min(t0) as t0, sum({money('amount')}) as opened"
        f"{', sum(' + money('discount') + ') as taken_off' if 'discount' in columns else ''} "
        "from opening group by 1"
    )
    if isinstance(by, pd.Series):
        named = by.dropna().astype("str").rename("cohort").rename_axis("customer_id").reset_index()
        con.register("named", named)
    elif by in _FIRST_TEXT:
        column = _FIRST_TEXT[by]
        con.execute(
            f"create temp table named as select customer_id, arg_max({column}, (amount, {column})) as cohort "
            f"from opening where {column} is not null group by 1"
        )
    if isinstance(by, str) and by not in _FIRST_TEXT:
        cohort, source = _COHORTS[by], "starts"
    else:
        cohort = f"coalesce(cohort, {literal(UNKNOWN_GROUP)})"
        source = "starts left join named using (customer_id)"
    con.execute(f"create temp table member as select customer_id, {cohort} as cohort, t0 from {source}")
    for table in ("first_orders", "opening", "starts"):  # what follows needs their memory
        con.execute(f"drop table {table}")


#: SQL over `starts` of the groupings that need nothing else; fifths share a cut point, so equal orders stay together.
_COHORTS = {
    "first_month": "strftime(t0, '%Y-%m')",
    "first_quarter": "strftime(t0, '%Y') || '-Q' || quarter(t0)",
    "first_discount": "if(coalesce(taken_off, 0) > 0, 'with discount', 'without discount')",
    "first_order_fifth": "cast(1 + least(4, cast(floor(5 * (rank() over (order by opened) - 1) / count(*) over ()) "
    "as integer)) as varchar)",
}


def _measures(columns: set[str], costs: Costs | None) -> tuple[str, str]:
    """Return the SQL of the sums per cell, of all customers and of those observed to its end, and of their columns."""
    sums = {"revenue": money("amount")}
    if "discount" in columns:
        sums["discount"] = f"coalesce({money('discount')}, 0)"
    if costs is not None or "cost" in columns:
        sums["margin"] = f"{money('amount')} - {cost_of_line(columns, costs or Costs())}"
    names = [*sums, *(f"seen_{name}" for name in sums)]
    return (
        ", ".join(
            f"sum({sql}) as {name}, sum({sql}) filter (seen) as seen_{name}" for name, sql in sums.items()
        ),
        ", ".join(f"{currency(name)} as {name}" for name in names),
    )


def _count_cells(
    con: duckdb.DuckDBPyConnection, columns: set[str], costs: Costs | None, days: float, end: pd.Timestamp
) -> None:
    """Create the view `aged` and the tables `bought`, `ordered` and `spent`: sums by cohort and period.

    One after another: together the distinct customers and orders of ten million lines fill a gigabyte.
    """
    con.execute(
        "create temp view aged as select *, cast(floor("
        f"date_diff('second', t0, timestamp '{end}') / 86400.0 / {days}) as integer) as whole from member"
    )
    lines = (
        f"(select *, cast(floor(date_diff('second', t0, timestamp) / 86400.0 / {days}) as integer) as period, "
        "whole > period as seen from log join aged using (customer_id))"
    )
    sums, _ = _measures(columns, costs)
    con.execute(f"create temp table spent as select cohort, period, {sums} from {lines} group by 1, 2")
    for table, key in (("bought", "customer_id"), ("ordered", order_key(columns))):
        con.execute(
            f"create temp table {table} as select cohort, period, count(*) as n, count(*) filter (seen) as seen from "
            f"(select distinct cohort, period, seen, {key} from {lines} where {key} is not null) group by 1, 2"
        )


#: Every cohort has a row for every period that any of its customers has entered.
_COHORTS_SQL = """
with size as (
    select cohort, count(*) as customers, min(t0) as eldest from member group by 1
), cell as (
    select cohort, customers, unnest(generate_series(0, cast(floor(
        date_diff('second', eldest, timestamp '{end}' - interval 1 second) / 86400.0 / {days}) as integer))) as period
    from size
), aged_by as (
    select cohort, whole, count(*) as n from aged group by 1, 2
), finished as (
    select cell.cohort, period, sum(n) as observed from cell join aged_by on aged_by.cohort = cell.cohort
    and whole > period group by 1, 2
)
select cohort, period, customers, coalesce(bought.n, 0) as active,
    cast(coalesce(observed, 0) as bigint) as observed, coalesce(bought.seen, 0) / observed as retention,
    coalesce(ordered.n, 0) as orders, coalesce(ordered.seen, 0) as seen_orders, {columns},
    coalesce(observed, 0) = customers as complete
from cell left join finished using (cohort, period) left join bought using (cohort, period)
    left join ordered using (cohort, period) left join spent using (cohort, period) order by 1, 2
"""


def _per_customer(rows: pd.DataFrame) -> pd.DataFrame:
    for name in ("orders", "revenue", "discount", "margin"):
        if name in rows:
            mean = rows.pop(f"seen_{name}") / rows["observed"].where(rows["observed"] > 0)
            rows[f"cumulative_{name}_per_customer"] = mean.groupby(rows["cohort"]).cumsum()
    return rows.assign(small=rows["customers"] < SMALL_COHORT)
