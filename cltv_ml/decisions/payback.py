"""Payback: the months until the customers won in one month have returned their acquisition cost."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cltv_ml.decisions.line_costs import Costs, check_costs_known, cost_of_line
from cltv_ml.decisions.lines import currency, money
from cltv_ml.engine import frame
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.tables import pandas_only


@pandas_only
def compute_payback(
    log: AnyLog,
    acquisition_cost: float | pd.Series,
    *,
    margin_rate: float | Mapping[str, float] | None = None,
    months: int = 24,
) -> pd.DataFrame:
    """Return the cumulative margin per customer of each monthly cohort, month by month since it was won.

    Columns `cohort` (first day of the month of the first purchase), `month` (1 is the month of the first purchase),
    `customers`, `cumulative_margin` (currency per customer of the cohort), `paid_back`. A month is listed only if the
    log covers it completely for every cohort; the last calendar month counts as complete only if the log reaches its
    last day.

    Parameters
    ----------
    log
        TRANSACTIONS with `cost`, or a margin rate.
    acquisition_cost
        Currency per customer won: one figure, or one for each `cohort`.
    margin_rate
        Share of the amount that is margin, for lines without a cost: one rate, or one per category.
    months
        Number of months to follow.

    Raises
    ------
    InputError
        A line has no cost and no rate covers it, or the acquisition cost is not positive.
    """
    if isinstance(acquisition_cost, float | int) and not acquisition_cost > 0:
        raise InputError(f"acquisition_cost must be positive to be paid back, got {acquisition_cost}.")
    log, costs = Log.of(log), Costs(margin_rate=margin_rate)
    con, columns = log.connect_for("the payback month", [] if margin_rate is not None else ["cost"])
    check_costs_known(con, columns, costs)
    margin = f"{money('amount')} - {cost_of_line(columns, costs)}"
    rows = frame(
        con.sql(_PAYBACK_SQL.format(margin=margin, months=int(months), total=currency("margin"), end=log.end))
    )
    rows["cumulative_margin"] = rows.groupby("cohort")["margin"].cumsum() / rows["customers"]
    rows["cohort"] = pd.to_datetime(rows["cohort"]).astype("datetime64[us]")
    owed = (
        rows["cohort"].map(acquisition_cost) if isinstance(acquisition_cost, pd.Series) else acquisition_cost
    )
    rows["paid_back"] = rows["cumulative_margin"] >= owed
    return rows[["cohort", "month", "customers", "cumulative_margin", "paid_back"]]


@pandas_only
def payback_month(payback: pd.DataFrame) -> pd.DataFrame:
    """Return per cohort `customers`, `payback_month` (missing: not yet) and `months_seen`.

    >>> table = pd.DataFrame({"cohort": ["Jan"] * 3, "month": [1, 2, 3], "customers": 9,
    ...                       "cumulative_margin": [4.0, 11.0, 12.0], "paid_back": [False, True, True]})
    >>> payback_month(table)["payback_month"].tolist()
    [2.0]
    """
    grouped = payback.groupby("cohort")
    first = payback[payback["paid_back"]].groupby("cohort")["month"].min().astype(float)
    return pd.DataFrame(
        {
            "customers": grouped["customers"].first(),
            "payback_month": first.reindex(list(grouped.groups)).rename_axis("cohort"),
            "months_seen": grouped["month"].max(),
        }
    )


#: Every cohort has a row for every complete month, with or without purchases.
_PAYBACK_SQL = """
with won as (
    select customer_id, date_trunc('month', min(timestamp))::date as cohort from log group by 1
), whole as (
    select date_trunc('month', timestamp '{end}')::date as after
), cohorts as (
    select cohort, count(*) as customers from won group by 1
), grid as (
    select cohort, customers, unnest(generate_series(1, least({months}, date_diff('month', cohort, after)))) as month
    from cohorts, whole where cohort < after
), earned as (
    select cohort, date_diff('month', cohort, date_trunc('month', timestamp)::date) + 1 as month,
        sum({margin}) as margin
    from log join won using (customer_id) group by 1, 2
)
select cohort, month, customers, {total} as margin from grid left join earned using (cohort, month) order by 1, 2
"""
