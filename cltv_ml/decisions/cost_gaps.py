"""Lines without a cost in a log that has a cost column: counted, and filled where the customer's own lines tell it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log


def fill_cost_gaps(log: AnyLog, *, stated: bool) -> tuple[Log, list[str]]:
    """Return the log as margins need it, and what a reader must know of lines without a cost.

    Where a margin rate is stated it counts for such lines. Else they take the rate of the customer's other lines, and
    customers without any cost are left out: their profit is not known.

    Raises
    ------
    InputError
        The costs add up to more than twice the revenue: a margin below -100% is a cost in another unit.
    """
    log = Log.of(log)
    if "cost" not in log.columns:
        return log, []
    lines = log.frame
    has = lines["cost"].notna()
    revenue, costs = float(lines.loc[has, "amount"].sum()), float(lines["cost"].sum())
    if costs > 2 * revenue > 0:
        raise InputError(
            f"the costs are {costs / revenue:.0%} of the revenue, a margin below -100%; map what each whole line cost, "
            "in the currency of the amounts, or map no cost and state --margin-rate."
        )
    if has.all():
        return log, []
    if not has.any() and not stated:
        raise InputError("the cost column is empty; state --margin-rate, or fill it in.")
    share = 1 - revenue / (float(lines["amount"].sum()) or 1.0)
    sentence = f"{1 - has.mean():.1%} of the lines ({share:.1%} of the revenue) have no cost"
    if stated:
        return log, [f"{sentence}: the stated margin rate counts for them."]
    filled, without = _at_own_rates(lines)
    note = (
        f"{sentence}: they count at the margin of the customer's other lines, and {without:,} customers without any "
        "cost have no profit; state --margin-rate to give them one."
    )
    return replace(log, table=filled), [note]


def _at_own_rates(lines: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the lines that have a cost, their own or at the customer's rate, and how many customers have none."""
    has = lines["cost"].notna()
    by_customer = lines[has].groupby("customer_id")[["cost", "amount"]].sum()
    rates = by_customer["cost"] / by_customer["amount"].where(by_customer["amount"] > 0)
    filled = lines["cost"].fillna(lines["amount"] * lines["customer_id"].map(rates))
    has_rate = filled.notna()
    without = lines["customer_id"].nunique() - lines.loc[has_rate, "customer_id"].nunique()
    return lines.assign(cost=filled)[has_rate.to_numpy()], without
