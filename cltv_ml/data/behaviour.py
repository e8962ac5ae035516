"""Customer behaviour over time: monthly cohorts, order and customer values, days between purchases."""

from __future__ import annotations

import pandas as pd

from cltv_ml.data.quality import PURCHASE_DAYS
from cltv_ml.engine import MONEY_SCALE, frame
from cltv_ml.log import AnyLog, Log

_SUM_OF_AMOUNTS = f"sum(cast(round(amount * {MONEY_SCALE}) as bigint)) / {MONEY_SCALE}.0"


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
        f"(select customer_id, cast(date_trunc('month', timestamp) as date) as seen, {_SUM_OF_AMOUNTS} as revenue "
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
            "count(*) as active, sum(revenue) as revenue from months group by 1, 2) "
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
            f"with orders as (select customer_id, {_SUM_OF_AMOUNTS} as value from log group by customer_id, {order}), "
            "worth as (select 'order' as of, value from orders union all "
            "select 'customer', sum(value) from orders group by customer_id) "
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
