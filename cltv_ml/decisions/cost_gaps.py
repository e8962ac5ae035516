"""Gaps in a cost column: lines without a cost, counted, and filled from the customer's other lines."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from cltv_ml.decisions.line_costs import check_cost_unit
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.stamps import with_stamps

_NO_COST_AT_ALL = "the cost column is empty; state --margin-rate, or fill it in."


def fill_cost_gaps(log: AnyLog, *, stated: bool) -> tuple[Log, list[str]]:
    """Return the log with the gaps filled for margins, and a sentence on lines without a cost.

    Such lines take the margin rate where one is stated, else the rate of the customer's other lines; customers without
    any cost are left out, since their profit is unknown.

    Raises
    ------
    InputError
        The costs add up to less than 0, or to more than twice the revenue: `check_cost_unit`.
    """
    log = Log.of(log)
    if "cost" not in log.columns:
        return log, []
    lines = log.frame
    has = lines["cost"].notna()
    check_cost_unit(float(lines.loc[has, "amount"].sum()), float(lines["cost"].sum()))
    if stated or has.all():
        return log, describe_stated_rate(log, stated=stated)
    if not has.any():
        raise InputError(_NO_COST_AT_ALL)
    filled, without = _at_own_rates(lines)
    note = (
        f"{_describe_gap(log)}: they get the margin of the customer's other lines, and {without:,} customers "
        "without any cost have no profit; state --margin-rate to give them one."
    )
    return replace(log, table=filled), [note]


def fill_every_gap(log: AnyLog, *, stated: bool) -> tuple[Log, list[str]]:
    """Return the log with a cost on every line, for tables that add up to all of its revenue, and a sentence on gaps.

    Lines without a cost take the margin rate where one is stated, else the rate of the customer's other lines, and the
    rate of all other lines where the customer has no cost at all.

    Raises
    ------
    InputError
        The cost column is empty, or in another unit than the amounts: `check_cost_unit`.

    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "timestamp": pd.Timestamp("2024-01-01"),
    ...                     "amount": [10.0, 20.0, 30.0], "cost": [6.0, None, None]})
    >>> fill_every_gap(log, stated=False)[0].frame["cost"].tolist()
    [6.0, 12.0, 18.0]
    """
    log = Log.of(log)
    gap = "" if stated or "cost" not in log.columns else _describe_gap(log)
    if not gap:
        return log, describe_stated_rate(log, stated=stated)
    con = log.connect()
    [(amount, cost)] = con.sql(
        "select cast(sum(amount) as double), cast(sum(cost) as double) from log where cost is not null"
    ).fetchall()
    if not amount:
        raise InputError(_NO_COST_AT_ALL)
    check_cost_unit(amount, cost)
    filled = con.sql(
        f"select log.* replace (coalesce(cost, amount * coalesce(rate, {cost / amount!r})) as cost) from log left join "
        "(select customer_id, sum(cost) / sum(amount) as rate from log where cost is not null group by 1 "
        "having sum(amount) > 0) using (customer_id)"
    ).to_arrow_table()
    return replace(log, table=with_stamps(filled, log.table)), [
        f"{gap}: they get the margin of the customer's other lines, or, where the customer has no cost at all, of all "
        f"other lines, {1 - cost / amount:.1%}; state --margin-rate to use another."
    ]


def describe_stated_rate(log: AnyLog, *, stated: bool) -> list[str]:
    """Return a sentence on which lines a stated margin rate counts for, where the log has costs of its own.

    >>> log = pd.DataFrame({"customer_id": ["a"], "timestamp": [pd.Timestamp("2024-01-01")], "amount": [9.0],
    ...                     "cost": [6.0]})
    >>> describe_stated_rate(log, stated=True)
    ['Every line has its own cost, so the stated margin rate is not used.']
    """
    log = Log.of(log)
    if not stated or "cost" not in log.columns:
        return []
    gap = _describe_gap(log)
    return (
        [f"{gap}: the stated margin rate is used for them."]
        if gap
        else ["Every line has its own cost, so the stated margin rate is not used."]
    )


def needs_stated_rate(log: AnyLog) -> bool:
    """Return whether some line has no cost of its own, so that a stated margin rate counts for it."""
    log = Log.of(log)
    return "cost" not in log.columns or bool(_describe_gap(log))


def _describe_gap(log: Log) -> str:
    """Return the shares of lines and of revenue without a cost in words, empty where there are none."""
    amount = "cast(amount as double)"
    [(lines, without, revenue, lost)] = (
        log.connect()
        .sql(
            f"select count(*), count(*) filter (cost is null), sum({amount}), sum({amount}) filter (cost is null) "
            "from log"
        )
        .fetchall()
    )
    if not without:
        return ""
    share = lost / revenue if revenue else 0.0
    return f"{without / lines:.1%} of the lines ({share:.1%} of the revenue) have no cost"


def _at_own_rates(lines: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the lines that have a cost, their own or at the customer's rate, and how many customers have none."""
    has = lines["cost"].notna()
    by_customer = lines[has].groupby("customer_id")[["cost", "amount"]].sum()
    rates = by_customer["cost"] / by_customer["amount"].where(by_customer["amount"] > 0)
    filled = lines["cost"].fillna(lines["amount"] * lines["customer_id"].map(rates))
    has_rate = filled.notna()
    without = lines["customer_id"].nunique() - lines.loc[has_rate, "customer_id"].nunique()
    return lines.assign(cost=filled)[has_rate.to_numpy()], without
