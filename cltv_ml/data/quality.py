"""Quality of a clean log, and whether customer lifetime value can be learned from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import duckdb
import pandas as pd

from cltv_ml.data.account import Report
from cltv_ml.engine import MONEY_SCALE, frame
from cltv_ml.log import AnyLog, Log

_MONEY = f"sum(cast(round(amount * {MONEY_SCALE}) as bigint)) / {MONEY_SCALE}.0"

#: Purchase days with the days since the customer's previous one; `{log}` is a table's name.
PURCHASE_DAYS = """
select customer_id, day, date_diff('day', lag(day) over (partition by customer_id order by day), day) as gap
from (select distinct customer_id, cast(timestamp as date) as day from {log})
"""

#: The customers who first bought within one median gap of the log's first day: they may be older than it.
OPENING_CUSTOMERS = (
    "with days as (" + PURCHASE_DAYS + ") select customer_id from days group by 1 "
    "having min(day) < (select min(day) + cast(ceil(coalesce(median(gap), 0)) as integer) from days)"
)

_QUANTILES = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999]

#: From so many customers on it is told which have a large share of the revenue.
_MANY = 20

#: Level, criterion: the bound beyond which a log gets it. All are rules of thumb, stated in the reasons.
NO_GO = {
    "customers": 100,
    "days": 90,
    "repeat_rate": 0.03,
    "horizon_share": 0.5,
    "regular": 0.5,
    "aside": 0.6,
    "unreadable": 0.2,
    "largest": 0.9,
}
CAUTION = {
    "customers": 500,
    "days": 180,
    "repeat_rate": 0.1,
    "horizon_share": 1 / 3,
    "regular": 0.2,
    "aside": 0.2,
    "unreadable": 0.01,
    "largest": 0.1,
    "unmatched": 0.01,
}


@dataclass(frozen=True)
class Verdict:
    """Whether to train on a log: `"go"`, `"caution"` or `"no-go"`, and a sentence per doubt."""

    level: Literal["go", "caution", "no-go"]
    reasons: tuple[str, ...]

    @property
    def text(self) -> str:
        """The level and its reasons without the last full stop, to stand in a sentence.

        >>> Verdict("caution", ("few customers.", "a short log.")).text
        'caution: few customers; a short log'
        """
        return ": ".join(filter(None, [self.level, "; ".join(reason.rstrip(".") for reason in self.reasons)]))


def compute_summary(log: AnyLog) -> pd.DataFrame:
    """Return what a log holds, one row.

    `rows`, `customers`, `orders` (by order_id, else customer and day), `revenue`, `first` and `last` (time),
    `days` (the span, both ends included), `repeat_rate` (share of customers with two purchase days),
    `days_without_orders`, `longest_gap` (days in a row without an order), `median_gap` (days between a
    customer's purchase days), `regular` (share of customers with four purchase days or more whose gaps vary
    by less than 15%), `opening_customers` (who first bought within one median gap of the first day and may
    be older than the log) and `zero_customers` (whose purchases were all for nothing).
    """
    con = Log.of(log).connect()
    return frame(
        con.sql(f"""
            with days as ({PURCHASE_DAYS.format(log="log")}), customer as (
                select customer_id, count(*) as purchase_days, stddev_pop(gap) / avg(gap) as variation
                from days group by 1
            ), closed as (
                select date_diff('day', lag(day) over (order by day), day) - 1 as length
                from (select distinct day from days)
            )
            select count(*) as rows,
                (select count(*) from customer) as customers,
                count(distinct {_order(con)}) as orders,
                {_MONEY} as revenue,
                min(timestamp) as first,
                max(timestamp) as last,
                date_diff('day', min(timestamp), max(timestamp)) + 1 as days,
                (select avg(cast(purchase_days > 1 as integer)) from customer) as repeat_rate,
                (select coalesce(sum(length), 0) from closed) as days_without_orders,
                (select coalesce(max(length), 0) from closed) as longest_gap,
                (select median(gap) from days) as median_gap,
                (select avg(cast(variation < 0.15 as integer)) from customer where purchase_days >= 4) as regular,
                (select count(*) from ({OPENING_CUSTOMERS.format(log="log")})) as opening_customers,
                (select count(*) from (select 1 from log group by customer_id having {_MONEY} = 0)) as zero_customers
            from log
        """)
    )


def compute_cohorts(log: AnyLog) -> pd.DataFrame:
    """Return per month of first purchase: `cohort`, `customers`, `revenue`, and `repeat_rate` to the log's end."""
    return frame(
        Log.of(log)
        .connect()
        .sql(f"""
            with customer as (
                select customer_id, date_trunc('month', min(timestamp)) as cohort, {_MONEY} as revenue,
                    count(distinct cast(timestamp as date)) > 1 as repeated
                from log group by 1
            )
            select cohort, count(*) as customers, sum(revenue) as revenue,
                avg(cast(repeated as integer)) as repeat_rate
            from customer group by 1 order by 1
        """)
    )


def compute_spend(log: AnyLog) -> pd.DataFrame:
    """Return how spend is spread: per `quantile`, the value of an order and of a customer, and the share of
    revenue that the customers above it bring (`share_above`).
    """
    con = Log.of(log).connect()
    return frame(
        con.sql(f"""
            with orders as (select {_MONEY} as value from log group by customer_id, {_order(con)}),
            customers as (select {_MONEY} as value from log group by customer_id),
            quantiles as (
                select unnest({_QUANTILES}) as quantile,
                    unnest((select quantile_disc(value, {_QUANTILES}) from orders)) as order_value,
                    unnest((select quantile_disc(value, {_QUANTILES}) from customers)) as customer_value
            )
            select quantile, order_value, customer_value,
                (select sum(value) from customers where value > customer_value)
                / nullif((select sum(value) from customers), 0) as share_above
            from quantiles order by quantile
        """)
    )


def compute_months(log: AnyLog) -> pd.DataFrame:
    """Return per calendar month: `month`, `customers`, `orders`, `revenue`, and `new_customers` among them."""
    con = Log.of(log).connect()
    return frame(
        con.sql(f"""
            with visit as (select distinct customer_id, date_trunc('month', timestamp) as month from log),
            people as (select month, count(*) as customers from visit group by 1),
            joined as (select month, count(*) as new_customers from
                (select min(month) as month from visit group by customer_id) group by 1),
            sold as (select date_trunc('month', timestamp) as month, count(distinct {_order(con)}) as orders,
                {_MONEY} as revenue from log group by 1)
            select month, customers, orders, revenue, coalesce(new_customers, 0) as new_customers
            from sold join people using (month) left join joined using (month) order by 1
        """)
    )


def compute_seasonality(log: AnyLog) -> pd.DataFrame:
    """Return orders and revenue by `part` ("weekday" or "month") and its `number`: Monday is 1, January is 1.

    `index` is the mean revenue of such a day over the mean of all days in the log's span: 1 is average. A
    log of less than a year shows its trend as much as its season.
    """
    con = Log.of(log).connect()
    return frame(
        con.sql(f"""
            with span as (
                select unnest(generate_series(date_trunc('day', min(timestamp)), max(timestamp), interval 1 day))
                as day from log
            ), sold as (
                select date_trunc('day', timestamp) as day, count(distinct {_order(con)}) as orders, {_MONEY} as revenue
                from log group by 1
            ), filled as (
                select day, coalesce(orders, 0) as orders, coalesce(revenue, 0) as revenue
                from span left join sold using (day)
            ), parts as (
                select 'weekday' as part, isodow(day) as number, * from filled
                union all select 'month', month(day), * from filled
            )
            select part, number, sum(orders) as orders, sum(revenue) as revenue,
                avg(revenue) / nullif((select avg(revenue) from filled), 0) as "index"
            from parts group by 1, 2 order by part desc, number
        """)
    )


def doubt_products(log: AnyLog) -> list[str]:
    """Return a sentence naming product codes without a digit where nearly all others have one, if there are any.

    Postage, fees and corrections often stand among the goods under such codes. Names of products, which have
    no digits either, raise no doubt; nor does a log without the column `product_id`.

    >>> log = pd.DataFrame({"product_id": [*(f"A{n}" for n in range(60)), "POST", "POST", "M"], "amount": 5.0})
    >>> print(doubt_products(log)[0])
    2 of 62 product codes have no digit, unlike the others: POST, M; if they stand for postage, fees or the like, set \
them aside with --rule "non_products=POST|M".
    """
    log = Log.of(log)
    if "product_id" not in log.columns:
        return []
    con = log.connect()
    [(plain, codes)] = con.sql(
        "select count(*) filter (where not regexp_matches(code, '[0-9]')), count(*) from "
        "(select distinct product_id as code from log where product_id is not null)"
    ).fetchall()
    if not 0 < plain <= 0.05 * codes:
        return []
    found = con.sql(
        "select product_id from log where not regexp_matches(product_id, '[0-9]') group by 1 "
        "order by sum(amount) desc, 1 limit 10"
    ).fetchall()
    names = [str(name) for (name,) in found]
    more = ", ..." if plain > len(names) else ""
    rule = "|".join(re.sub(r"([][.^$*+?{}\\|()])", r"\\\1", name) for name in names)
    return [
        f"{plain:,} of {codes:,} product codes have no digit, unlike the others: {', '.join(names)}{more}; if they "
        "stand for postage, fees or the like, set them aside with --rule "
        f'"non_products={rule}".'
    ]


def judge(log: AnyLog, horizon: int | None = None, report: Report | None = None) -> Verdict:
    """Return the verdict on a log: whether customer lifetime value can be learned from it.

    Parameters
    ----------
    log
        A clean log.
    horizon
        How many days are to be predicted; None leaves this criterion out.
    report
        The cleaning's report; None leaves out how much was set aside.

    >>> log = pd.DataFrame({"customer_id": ["a"], "timestamp": [pd.Timestamp("2024-01-01")], "amount": [1.0]})
    >>> judge(log).level
    'no-go'
    """
    log = Log.of(log)
    if not len(log):
        return Verdict("no-go", ("no purchase is left after cleaning; see the quarantine.",))
    facts = compute_summary(log).iloc[0]
    customers, days = int(facts["customers"]), int(facts["days"])
    doubts = [
        _below("customers", customers, f"{customers:,} customers have an order", "customers"),
        _below("days", days, f"the log spans {days} days", "days"),
        _below(
            "repeat_rate",
            facts["repeat_rate"],
            f"{100 * facts['repeat_rate']:.1f} of 100 customers bought again",
            "of 100",
            100,
        ),
    ]
    if horizon is not None:
        text = f"the horizon of {horizon} days is {horizon / days:.0%} of the history of {days} days"
        doubts.append(_above("horizon_share", horizon / days, text))
    if pd.notna(facts["regular"]):
        text = (
            f"{facts['regular']:.0%} of the frequent customers buy at regular intervals, like subscribers: "
            "contractual data, which these models are not made for"
        )
        doubts.append(_above("regular", facts["regular"], text))
    if report is not None and report.rows_in:
        aside = 1 - report.rows_kept / report.rows_in
        doubts.append(_above("aside", aside, f"{aside:.0%} of the lines were set aside"))
    if report is not None and report.rows_unreadable:
        share = report.money_unreadable / max(report.money_unreadable + report.money_kept, 1e-9)
        text = (
            f"the amount of {report.rows_unreadable:,} lines cannot be read, about {report.money_unreadable:,.2f} or "
            f"{share:.1%} of the money"
        )
        doubts.append(_above("unreadable", share, text))
    if report is not None:
        doubts.append(_unmatched(report))
    if customers >= _MANY:
        doubts.append(_concentration(log))
    found = [doubt for doubt in doubts if doubt is not None]
    level: Literal["go", "caution", "no-go"] = "go" if not found else "caution"
    if any(severe for severe, _ in found):
        level = "no-go"
    return Verdict(level, tuple(text for _, text in found))


def _unmatched(report: Report) -> tuple[bool, str] | None:
    """Return a doubt where returns worth more than a hundredth of the revenue were taken off nothing."""
    rows = report.rules[report.rules["rule"] == "return_without_order"]
    lines, money = int(rows["rows"].sum()), -float(rows["money"].sum())
    if money <= CAUTION["unmatched"] * report.money_kept:
        return None
    return False, (
        f"{lines:,} returns worth {money:,.2f} match no purchase in these data, so revenue may be "
        f"{money / max(report.money_kept, 1e-9):.1%} too high."
    )


def _concentration(log: Log) -> tuple[bool, str] | None:
    """Return a doubt that names the customers with a tenth of the orders or of the revenue each, if there are any."""
    con = log.connect()
    rows = con.sql(f"""
        with customer as (
            select customer_id, {_MONEY} as revenue, count(distinct {_order(con)}) as orders from log group by 1
        ), shared as (
            select customer_id, coalesce(revenue / nullif(sum(revenue) over (), 0), 0) as money,
                orders / sum(orders) over () as often from customer
        )
        select * from shared where greatest(money, often) > {CAUTION["largest"]} order by 2 desc, 1
    """).fetchall()
    if not rows:
        return None
    names = "; ".join(
        f"{name!r} has {often:.0%} of the orders and {money:.0%} of the revenue"
        for name, money, often in rows
    )
    largest = max(max(money, often) for _, money, often in rows)
    return _above(
        "largest", largest, f"customer {names}: a wholesaler, a till or a placeholder is no usual customer"
    )


def _below(name: str, value: float, text: str, unit: str, scale: float = 1) -> tuple[bool, str] | None:
    for severe, bounds in ((True, NO_GO), (False, CAUTION)):
        if value < bounds[name]:
            word = "too few to learn from" if severe else "a reason for caution"
            return severe, f"{text}; fewer than {bounds[name] * scale:g} {unit} are {word}."
    return None


def _above(name: str, value: float, text: str) -> tuple[bool, str] | None:
    for severe, bounds in ((True, NO_GO), (False, CAUTION)):
        if value > bounds[name] + 1e-9:
            return (
                severe,
                f"{text}; more than {bounds[name]:.0%} is {'too much' if severe else 'a reason for caution'}.",
            )
    return None


def _order(con: duckdb.DuckDBPyConnection) -> str:
    """Return SQL for what tells one order of a customer from another."""
    found = {str(name) for name, *_ in con.execute("describe log").fetchall()}
    day = "customer_id || ' ' || cast(cast(timestamp as date) as varchar)"
    return f"coalesce(order_id, {day})" if "order_id" in found else day
