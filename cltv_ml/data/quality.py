"""Facts about a clean log: contents, activity over time and by customer."""

from __future__ import annotations

import re

import duckdb
import pandas as pd

from cltv_ml.engine import MONEY_SCALE, frame
from cltv_ml.log import AnyLog, Log

#: A whole number: the order of the lines does not change it.
_WHOLE_MONEY = f"sum(cast(round(amount * {MONEY_SCALE}) as bigint))"
MONEY = f"{_WHOLE_MONEY} / {MONEY_SCALE}.0"

#: Purchase days with the days since the customer's previous one; `{log}` is a table's name.
PURCHASE_DAYS = """
select customer_id, day, date_diff('day', lag(day) over (partition by customer_id order by day), day) as gap
from (select distinct customer_id, cast(timestamp as date) as day from {log})
"""

#: Customers who first bought within one median gap of the log's first day: they may have bought before it.
OPENING_CUSTOMERS = (
    "with days as (" + PURCHASE_DAYS + ") select customer_id from days group by 1 "
    "having min(day) < (select min(day) + cast(ceil(coalesce(median(gap), 0)) as integer) from days)"
)


def compute_summary(log: AnyLog) -> pd.DataFrame:
    """Return a summary of a log, one row.

    `rows`, `customers`, `orders` (by order_id, else customer and day), `revenue`, `first` and `last` (time), `days`
    (from the first day to the last, or to the one until which the log is known to be complete), `repeat_rate` (share of
    customers with two purchase days), `days_without_orders`, `longest_gap` (days in a row without an order),
    `median_gap` (days between a customer's purchase days), `regular` (share of customers with four purchase days or
    more whose gaps vary by less than 15%), `opening_customers` (who first bought within one median gap of the first day
    and may be older than the log) and `zero_customers` (whose purchases were all free).
    """
    log = Log.of(log)
    return log.once("summary", lambda: _summarise(log)).copy()


def _summarise(log: Log) -> pd.DataFrame:
    con = log.connect()
    return frame(
        con.sql(f"""
            with days as ({PURCHASE_DAYS.format(log="log")}), customer as (
                select customer_id, count(*) as purchase_days, stddev_pop(gap) / avg(gap) as variation
                from days group by 1
            ), closed as (
                select date_diff('day', lag(day) over (order by day), day) - 1 as length
                from (select distinct day from days union select date '{log.end:%Y-%m-%d}')
            )
            select count(*) as rows,
                (select count(*) from customer) as customers,
                count(distinct {order_of_line(con)}) as orders,
                {MONEY} as revenue,
                min(timestamp) as first,
                max(timestamp) as last,
                date_diff('day', min(timestamp), timestamp '{log.end}') as days,
                (select avg(cast(purchase_days > 1 as integer)) from customer) as repeat_rate,
                (select coalesce(sum(length), 0) from closed) as days_without_orders,
                (select coalesce(max(length), 0) from closed) as longest_gap,
                (select median(gap) from days) as median_gap,
                (select avg(cast(variation < 0.15 as integer)) from customer where purchase_days >= 4) as regular,
                (select count(*) from ({OPENING_CUSTOMERS.format(log="log")})) as opening_customers,
                (select count(*) from (select 1 from log group by customer_id having {MONEY} = 0)) as zero_customers
            from log
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
            sold as (select date_trunc('month', timestamp) as month, count(distinct {order_of_line(con)}) as orders,
                {MONEY} as revenue from log group by 1)
            select month, customers, orders, revenue, coalesce(new_customers, 0) as new_customers
            from sold join people using (month) left join joined using (month) order by 1
        """)
    )


def compute_seasonality(log: AnyLog) -> pd.DataFrame:
    """Return orders and revenue by `part` ("weekday" or "month") and its `number`: Monday is 1, January is 1.

    `index` is the mean revenue of such a day over that of an average day: 1 is average. With two years or more, a
    month's days are compared with the mean of the 365 days around each, so that growth is not taken for a season.
    Until then, months are compared with the log's whole span, and the index shows the trend as much as the season.
    """
    log = Log.of(log)
    con = log.connect()
    return frame(
        con.sql(f"""
            with span as (
                select unnest(generate_series(
                    date_trunc('day', min(timestamp)), timestamp '{log.last}', interval 1 day
                )) as day from log
            ), sold as (
                select date_trunc('day', timestamp) as day, count(distinct {order_of_line(con)}) as orders,
                    {_WHOLE_MONEY} as units
                from log group by 1
            ), filled as (
                select day, coalesce(orders, 0) as orders, coalesce(units, 0) as units,
                    avg(coalesce(units, 0)) over around as level, count(*) over around = 365 as centred
                from span left join sold using (day)
                window around as (order by day rows between 182 preceding and 182 following)
            ), years as (select count(*) filter (where centred) >= 365 as enough from filled
            ), parts as (
                select 'weekday' as part, isodow(day) as number, * from filled
                union all select 'month', month(day), * from filled
            )
            select part, number, sum(orders) as orders, sum(units) / {MONEY_SCALE}.0 as revenue,
                case when part = 'month' and any_value(enough)
                    then sum(units) filter (where centred) / nullif(sum(level) filter (where centred), 0)
                    else sum(units) / count(*) / nullif((select sum(units) / count(*) from filled), 0) end as "index"
            from parts cross join years group by 1, 2 order by part desc, number
        """)
    )


def compute_cohort_activity(log: AnyLog) -> pd.DataFrame:
    """Return each cohort's activity by month of first purchase and month since then.

    Columns `cohort` (its month), `month` (0 is the month of the first purchase), `customers` (in the
    cohort), `active` (buyers in that month), `retention` (their share), `revenue` and
    `revenue_per_customer` (currency per customer of the cohort). Calendar months that the log
    covers only in part are left out; months without purchases are rows of zeros.
    """
    log = Log.of(log)
    con = log.connect()
    con.execute(
        "create temp table months as select *, min(seen) over (partition by customer_id) as cohort from "
        f"(select customer_id, cast(date_trunc('month', timestamp) as date) as seen, {_WHOLE_MONEY} as units "
        "from log group by 1, 2)"
    )
    return frame(
        con.sql(
            f"with last as (select date_trunc('month', timestamp '{log.end}')::date as stop), "
            "size as (select cohort, count(distinct customer_id) as customers from months group by 1), "
            "cell as (select cohort, customers, "
            "unnest(generate_series(0, date_diff('month', cohort, stop) - 1)) as month "
            "from size, last where cohort < stop), "
            "done as (select cohort, date_diff('month', cohort, seen) as month, "
            f"count(*) as active, sum(units) / {MONEY_SCALE}.0 as revenue from months group by 1, 2) "
            "select cast(cohort as timestamp) as cohort, month, customers, coalesce(active, 0) as active, "
            "coalesce(active, 0) / customers as retention, coalesce(revenue, 0.0) as revenue, "
            "coalesce(revenue, 0.0) / customers as revenue_per_customer "
            "from cell left join done using (cohort, month) order by 1, 2"
        )
    )


def compute_spend_histogram(log: AnyLog) -> pd.DataFrame:
    """Return the distributions of order and customer value, in ten bins of equal ratio per power of ten.

    Columns `of` ("order" or "customer"), `lower`, `upper` (currency), `count` and `share` of that kind.
    Values of zero cannot be shown on a logarithmic axis and are left out.
    """
    log = Log.of(log)
    con = log.connect()
    day = "cast(timestamp as date)"
    order = f"coalesce(order_id, cast({day} as varchar))" if "order_id" in log.columns else day
    return frame(
        con.sql(
            f"with orders as (select customer_id, {_WHOLE_MONEY} as units from log group by customer_id, {order}), "
            f"worth as (select 'order' as of, units / {MONEY_SCALE}.0 as value from orders union all "
            f"select 'customer', sum(units) / {MONEY_SCALE}.0 from orders group by customer_id) "
            "select of, pow(10, bin / 10.0) as lower, pow(10, (bin + 1) / 10.0) as upper, n as count, "
            "n / sum(n) over (partition by of) as share from "
            "(select of, cast(floor(10 * log10(value)) as integer) as bin, count(*) as n from worth where value > 0 "
            "group by 1, 2) order by of desc, bin"
        )
    )


def compute_gap_histogram(log: AnyLog) -> pd.DataFrame:
    """Return the distribution of days between purchase days, in up to 90 bins.

    Columns `days` (lower end of the bin), `width` (whole days), `gaps`, `share` and `cumulative_share`.
    The longest 1% of the gaps share the last bin.
    """
    con = Log.of(log).connect()
    con.execute(
        f"create temp table gaps as select gap from ({PURCHASE_DAYS.format(log='log')}) where gap is not null"
    )
    [(longest,)] = con.execute("select coalesce(quantile_disc(gap, 0.99), 1) from gaps").fetchall()
    width = max(1, -(-int(longest) // 90))
    return frame(
        con.sql(
            f"select days, {width} as width, n as gaps, n / sum(n) over () as share, "
            "sum(n) over (order by days) / sum(n) over () as cumulative_share from "
            f"(select least(gap, {int(longest)}) // {width} * {width} as days, count(*) as n "
            "from gaps group by 1) order by 1"
        )
    )


def doubt_products(log: AnyLog) -> list[str]:
    """Return a sentence on product codes without a digit if nearly all others have one; empty if there are none.

    Such codes are often postage, fees or corrections. Names of products, which have no digits either, are not reported,
    and neither is a log without the column `product_id`.

    >>> log = pd.DataFrame({"product_id": [*(f"A{n}" for n in range(60)), "POST", "POST", "M"], "amount": 5.0})
    >>> print(doubt_products(log)[0])
    2 of 62 product codes have no digit, unlike the others: POST, M. If they stand for postage, fees or the like, \
quarantine them with --rule "non_products=POST|M".
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
    rows = con.sql(
        "select product_id from log where not regexp_matches(product_id, '[0-9]') group by 1 "
        "order by sum(amount) desc, 1 limit 10"
    ).fetchall()
    names = [str(name) for (name,) in rows]
    ellipsis = ", ..." if plain > len(names) else ""
    rule = "|".join(re.sub(r"([][.^$*+?{}\\|()])", r"\\\1", name) for name in names)
    return [
        f"{plain:,} of {codes:,} product codes have no digit, unlike the others: {', '.join(names)}{ellipsis}. "
        f'If they stand for postage, fees or the like, quarantine them with --rule "non_products={rule}".'
    ]


def order_of_line(con: duckdb.DuckDBPyConnection) -> str:
    """Return SQL that identifies a customer's order."""
    columns = {str(name) for name, *_ in con.execute("describe log").fetchall()}
    day = "customer_id || ' ' || cast(cast(timestamp as date) as varchar)"
    return f"coalesce(order_id, {day})" if "order_id" in columns else day
