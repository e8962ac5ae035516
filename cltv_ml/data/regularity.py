"""Customers who buy at regular intervals: like subscribers, or once a year because of a season."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from cltv_ml.log import AnyLog, Log

#: Gaps between purchase days are regular when their standard deviation is below this share of their mean.
STEADY = 0.15

#: A regular gap of at least this many days is yearly and may be due to the calendar alone.
A_YEAR = 300

#: Yearly purchases are seasonal if at least this share of them is in the busiest quarter of the year.
IN_SEASON = 0.5


@dataclass(frozen=True)
class Regularity:
    """Shares of the customers with four purchase days or more."""

    #: Those who buy at regular intervals like subscribers.
    contract: float
    #: Those who buy regularly once a year but unlike subscribers (`compute_regularity`).
    yearly: float


def compute_regularity(log: AnyLog) -> Regularity:
    """Return the shares of frequent customers who buy like subscribers, and once a year for other reasons.

    A yearly contract costs the same each time, and renewals are spread over the year like the customers' first
    days. Gifts, donations and season tickets also recur once a year, but with varying sums, or all in the same
    weeks.
    """
    con = Log.of(log).connect()
    con.execute(f"""
        create or replace temp table frequent as
        with bought as (
            select customer_id, cast(timestamp as date) as day, sum(amount) as amount from log group by all
        ), gaps as (
            select *, date_diff('day', lag(day) over (partition by customer_id order by day), day) as gap from bought
        )
        select customer_id, stddev_pop(gap) < {STEADY} * avg(gap) as regular, avg(gap) >= {A_YEAR} as yearly,
            stddev_pop(amount) >= {STEADY} * avg(amount) as varying
        from gaps group by 1 having count(*) >= 4
    """)
    seasonal = _busiest_quarter(con) >= IN_SEASON
    [(contract, yearly)] = con.execute(f"""
        select avg(cast(regular and not free as integer)), avg(cast(regular and free as integer))
        from (select regular, yearly and (varying or {seasonal}) as free from frequent)
    """).fetchall()
    return Regularity(contract or 0.0, yearly or 0.0)


def _busiest_quarter(con: duckdb.DuckDBPyConnection) -> float:
    """Return the share of the yearly buyers' purchase days in the busiest 13 weeks of the year."""
    counts = con.execute("""
        with bought as (
            select distinct customer_id, cast(timestamp as date) as day from log
            semi join (from frequent where regular and yearly) using (customer_id)
        ), weeks as (select least(dayofyear(day) // 7, 51) as week, count(*) as days from bought group by 1)
        select w.week, sum(near.days) / (select sum(days) from weeks)
        from weeks w, weeks near where (near.week - w.week + 52) % 52 < 13 group by 1
    """).fetchall()
    return max((share for _, share in counts), default=0.0)
