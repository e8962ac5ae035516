"""The customer-base audit: how customers differ, how they change, cohorts, and the health of the whole base.

The five lenses of P. Fader, B. Hardie and M. Ross, The Customer-Base Audit (2022), as tables. Every table is computed
from the same cells, one per customer and period, so that all agree with the log and with each other to the cent.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import duckdb
import pandas as pd

from cltv_ml.decisions.audit_periods import Per, longest_period, make_spans
from cltv_ml.decisions.line_costs import Costs, check_costs_known, cost_of_line
from cltv_ml.decisions.lines import currency, make_by_customer, money, order_key
from cltv_ml.decisions.revenue_tree import compute_tree
from cltv_ml.engine import frame, literal
from cltv_ml.log import AnyLog, Log


@dataclass(frozen=True)
class Audit:
    """The tables of an audit; `per` is the length of a period.

    Attributes
    ----------
    periods
        One row per period: `period` (number), `name`, `since`, `until` (first day after it), `complete`, `customers`
        (who bought), `new`, `kept`, `returned`, `lost`, `refunds_only` (lines but no purchase), `orders`, `revenue`,
        where known `margin`, revenue by group of customers, and the branches `orders_per_customer`,
        `revenue_per_order`, `margin_rate`.
    changes
        The causes of the change in revenue from one period to the next: `period`, `name`, `part`, `customers`,
        `change`. The parts of a period sum to the row "total".
    tree
        The same change by branch: `customers`, `orders_per_customer`, `revenue_per_order`, and the margin's with
        `margin_rate`; each set sums to `change`.
    concentration
        `span` ("all" or the latest whole period), `customers`, `revenue`, `gini`, and the revenue's share of the best
        1%, 5% and 20% of customers, at least one.
    deciles
        Customers by revenue, the best tenth first: `span`, `decile`, `customers`, `orders`, `revenue`,
        where known `margin`, `share`, `cumulative_share`, `least` (the revenue of its last customer).
    curve
        `span`, `customers_share` (hundredths that hold a customer), `revenue_share`.
    cohorts
        One row per period of the first purchase and period: `cohort`, `period`, `age` (periods since), `customers`
        (won), `active`, `orders`, `revenue`, where known `margin`, `complete`.
    """

    per: Per
    periods: pd.DataFrame
    changes: pd.DataFrame
    tree: pd.DataFrame
    concentration: pd.DataFrame
    deciles: pd.DataFrame
    curve: pd.DataFrame
    cohorts: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "per"}


def compute_audit(
    log: AnyLog, per: Per | None = None, *, calendar: bool = False, costs: Costs | None = None
) -> Audit:
    """Return the audit of a log.

    Parameters
    ----------
    log
        TRANSACTIONS, refunds taken off.
    per
        One of `audit_periods.MONTHS_IN`; None takes the longest period that the log holds twice in full, else a month.
    calendar
        Whether periods are the calendar's; else they count back from the log's last day, and the latest is complete.
    costs
        Costs that the log does not hold; None without a cost column leaves margins out.

    Raises
    ------
    InputError
        The period is unknown or too short for the log, or the cost of a line is not known.

    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 20.0],
    ...                     "timestamp": pd.to_datetime(["2024-01-05", "2024-02-03", "2024-02-29"])})
    >>> compute_audit(log, "month", calendar=True).changes[["part", "change"]].values.tolist()
    [['new', 20.0], ['returned', 0.0], ['kept, spent more', 0.0], ['kept, spent less', -5.0], ['lost', 0.0],
    ['refunds without a purchase', 0.0], ['total', 15.0]]
    """
    log = Log.of(log)
    con, columns = log.connect(), set(log.columns)
    if costs is not None or "cost" in columns:
        check_costs_known(con, columns, costs or Costs())
    spans = make_spans(log.first, log.last, per, calendar=calendar)
    con.register("spans", spans)
    _make_steps(con, columns, costs)
    measures = ["orders", "revenue"] + (["margin"] if costs is not None or "cost" in columns else [])
    periods = _period_sums(con, measures)
    whole = periods.loc[periods["complete"], "period"]
    latest = int(whole.max()) if len(whole) else int(periods["period"].max())
    _make_ranked(con, latest)
    return Audit(
        per or longest_period(log.first, log.last),
        periods,
        frame(con.sql(_CHANGES)),
        compute_tree(periods),
        _gini_and_shares(con),
        _deciles(con, measures),
        frame(con.sql(_CURVE)),
        _cohort_table(con, measures),
    )


def _make_steps(con: duckdb.DuckDBPyConnection, columns: set[str], costs: Costs | None) -> None:
    """Create the table `step`: a row per customer and period, with the status new, kept, returned or refunds only.

    Money is in integers. An order with lines in two periods is an order of both.
    """
    has_cost = costs is not None or "cost" in columns
    margin = f"{money('amount')} - {cost_of_line(columns, costs or Costs())}" if has_cost else "0"
    con.execute(
        "create temp table days as select period, cast(unnest(generate_series(since, until - interval 1 day, "
        "interval 1 day)) as date) as day from spans"
    )
    make_by_customer(
        con,
        "step",
        lambda some: (
            f"with orders as (select customer_id, period, {order_key(columns)} as order_key, "
            f"sum({money('amount')}) as revenue, sum({margin}) as margin, bool_or(amount >= 0) as bought "
            f"from log join days on cast(timestamp as date) = day where {some} group by all), cell as ("
            "select customer_id, period, count(*) filter (bought) as orders, cast(sum(revenue) as bigint) as revenue, "
            "cast(sum(margin) as bigint) as margin, bool_or(bought) as bought from orders group by 1, 2) "
            "select *, case when not bought then 'refunds only' "
            "when period = cohort then 'new' when before = period - 1 then 'kept' else 'returned' end as status from ("
            "select *, min(period) filter (bought) over (partition by customer_id) as cohort, "
            "lag(period) over (partition by customer_id, bought order by period) as before, "
            "lead(period) over (partition by customer_id, bought order by period) as after, "
            "lag(revenue) over (partition by customer_id, bought order by period) as revenue_before from cell)"
        ),
    )


def _period_sums(con: duckdb.DuckDBPyConnection, measures: list[str]) -> pd.DataFrame:
    summed = ", ".join(f"{currency(f'sum({name})')} as {name}" for name in measures[1:])
    groups = ("new", "kept", "returned")
    counts = ", ".join(f"count(*) filter (status = {literal(group)}) as {group}" for group in groups)
    sums_of = {group: f"sum(revenue) filter (status = {literal(group)})" for group in groups}
    split = ", ".join(f"{currency(sql)} as revenue_{group}" for group, sql in sums_of.items())
    table = frame(
        con.sql(
            f"with seen as (select period, count(*) filter (bought) as customers, {counts}, "
            f"count(*) filter (not bought) as refunds_only, sum(orders) as orders, {summed}, {split} "
            "from step group by 1), gone as (select period + 1 as period, count(*) as lost from step "
            "where bought and after is distinct from period + 1 group by 1) "
            "select spans.period, name, since, until, complete, customers, new, kept, returned, lost, refunds_only, "
            f"orders, {', '.join(measures[1:])}, revenue_new, revenue_kept, revenue_returned "
            "from spans left join seen using (period) left join gone using (period) order by 1"
        )
    )
    whole = ["customers", "new", "kept", "returned", "lost", "refunds_only", "orders"]
    table[whole] = table[whole].fillna(0).astype("int64")
    sums = [*measures[1:], *(f"revenue_{group}" for group in groups)]
    table[sums] = table[sums].fillna(0.0)
    table["orders_per_customer"] = table["orders"] / table["customers"].where(table["customers"] > 0)
    table["revenue_per_order"] = table["revenue"] / table["orders"].where(table["orders"] > 0)
    if "margin" in table:
        table["margin_rate"] = table["margin"] / table["revenue"].where(table["revenue"] != 0)
    return table


#: Refunds without a purchase are a part of their own: a customer who only got money back is neither kept nor lost.
_CHANGES = f"""
with part as (
    select period, 1 as place, 'new' as part, 1 as customers, revenue as change from step where status = 'new'
    union all select period, 2, 'returned', 1, revenue from step where status = 'returned'
    union all select period, if(revenue >= revenue_before, 3, 4),
        if(revenue >= revenue_before, 'kept, spent more', 'kept, spent less'), 1, revenue - revenue_before
        from step where status = 'kept'
    union all select period + 1, 5, 'lost', 1, -revenue from step
        where bought and after is distinct from period + 1
    union all select period, 6, 'refunds without a purchase', 1, revenue from step where not bought
    union all select period + 1, 6, 'refunds without a purchase', 1, -revenue from step where not bought
), parts(place, part) as (
    values (1, 'new'), (2, 'returned'), (3, 'kept, spent more'), (4, 'kept, spent less'), (5, 'lost'),
        (6, 'refunds without a purchase'), (7, 'total')
), summed as (
    select period, place, sum(customers) as customers, sum(change) as change from part group by all
    union all select period, 7, sum(customers), sum(change) from part group by 1
)
select spans.period, name, parts.part, cast(coalesce(customers, 0) as bigint) as customers,
    {currency("change")} as change
from spans cross join parts left join summed using (period, place) where spans.period > 0 order by 1, parts.place
"""


def _make_ranked(con: duckdb.DuckDBPyConnection, latest: int) -> None:
    """Create the table `ranked`: customers of the whole log and of one period, the best first, with running sums."""
    con.execute(
        "create temp table ranked as with worth as ("
        "select 'all' as span, customer_id, sum(orders) as orders, sum(revenue) as revenue, sum(margin) as margin "
        "from step group by 2 union all "
        "select name, customer_id, orders, revenue, margin from step join spans using (period) "
        f"where period = {latest} and (select count(*) from spans) > 1) "
        "select *, row_number() over best as place, count(*) over (partition by span) as customers, "
        "sum(revenue) over (partition by span) as total, sum(revenue) over best as running from worth "
        "window best as (partition by span order by revenue desc, orders desc, customer_id rows unbounded preceding)"
    )


def _gini_and_shares(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return Gini's coefficient 2 sum(rank x value) / (n sum(value)) - (n + 1) / n, rank 1 the poorest, and shares."""
    shares = ", ".join(
        f"sum(revenue) filter (place <= greatest(1, floor(customers * {share} / 100.0))) / nullif(any_value(total), 0) "
        f"as top_{share}"
        for share in (1, 5, 20)
    )
    return frame(
        con.sql(
            f"select span, any_value(customers) as customers, {currency('any_value(total)')} as revenue, "
            "2 * sum(cast(customers - place + 1 as double) * revenue) / nullif(any_value(customers) * "
            "cast(any_value(total) as double), 0) - (any_value(customers) + 1) / any_value(customers) as gini, "
            f"{shares}, min(place) filter (running >= 0.8 * total) / any_value(customers) as bring_80 "
            "from ranked group by 1 order by span <> 'all', 1"
        )
    )


def _sums_sql(measures: list[str]) -> str:
    return ", ".join(f"{currency(f'sum({name})')} as {name}" for name in measures[1:])


def _deciles(con: duckdb.DuckDBPyConnection, measures: list[str]) -> pd.DataFrame:
    sums = _sums_sql(measures)
    return frame(
        con.sql(
            "select span, cast(ceil(10.0 * place / customers) as integer) as decile, count(*) as customers, "
            f"cast(sum(orders) as bigint) as orders, {sums}, sum(revenue) / nullif(any_value(total), 0) as share, "
            "arg_max(running, place) / nullif(any_value(total), 0) as cumulative_share, "
            f"{currency('min(revenue)')} as least from ranked group by 1, 2 order by span <> 'all', 1, 2"
        )
    )


_CURVE = """
select span, cast(hundredth as double) / 100 as customers_share,
    max_by(running, place) / nullif(any_value(total), 0) as revenue_share
from (select *, unnest(generate_series((100 * place + customers - 1) // customers,
    (100 * (place + 1) - 1) // customers)) as hundredth from ranked)
where hundredth between 1 and 100 group by 1, 2 order by span <> 'all', 1, 2
"""


def _cohort_table(con: duckdb.DuckDBPyConnection, measures: list[str]) -> pd.DataFrame:
    sums = _sums_sql(measures)
    other_measures = ", ".join(f"coalesce({name}, 0) as {name}" for name in measures[1:])
    return frame(
        con.sql(
            "with size as (select cohort, count(distinct customer_id) as customers from step group by 1), "
            f"done as (select cohort, period, count(*) filter (bought) as active, sum(orders) as orders, {sums} "
            "from step group by 1, 2) "
            "select coalesce(own.name, 'no purchase') as cohort, spans.name, spans.period, "
            "spans.period - size.cohort as age, customers, coalesce(active, 0) as active, "
            f"cast(coalesce(orders, 0) as bigint) as orders, {other_measures}, spans.complete "
            "from size left join spans own on own.period = size.cohort join spans on spans.period >= "
            "coalesce(size.cohort, 0) left join done on done.cohort is not distinct from size.cohort "
            "and done.period = spans.period order by size.cohort nulls last, spans.period"
        )
    )
