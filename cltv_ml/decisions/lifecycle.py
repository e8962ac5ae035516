"""Lifecycle stages: new, active, at risk, lapsed or reactivated, by the customer's own rhythm."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.tables import pandas_only

#: Silence, in usual gaps of the customer, from which a customer is at risk and has lapsed.
OVERDUE, LAPSED = 2.0, 4.0


@pandas_only
def fit_lifecycle(customers: pd.DataFrame) -> dict[str, float]:
    """Return the rule as plain numbers: `typical_gap` (days), `overdue` and `lapsed` (multiples of a gap).

    The typical gap is the median over repeat buyers of their mean days between purchase days. For a
    random (Poisson) buyer a gap is twice the mean in 14% of cases and four times in 2%.

    Parameters
    ----------
    customers
        CUSTOMERS: frequency, recency, T.

    Raises
    ------
    InputError
        No customer has a repeat purchase.

    >>> fit_lifecycle(pd.DataFrame({"frequency": [2, 1, 0], "recency": [60.0, 50.0, 0.0]}))
    {'typical_gap': 40.0, 'overdue': 2.0, 'lapsed': 4.0}
    """
    repeat = customers[customers["frequency"] > 0]
    if repeat.empty:
        raise InputError(
            f"the lifecycle needs repeat buyers, but none of {len(customers)} customers bought on two days; "
            "use a longer log."
        )
    gap = float((repeat["recency"] / repeat["frequency"]).median())
    return {"typical_gap": gap, "overdue": OVERDUE, "lapsed": LAPSED}


@pandas_only
def apply_lifecycle(
    customers: pd.DataFrame, rule: Mapping[str, float], p_alive: pd.Series | None = None
) -> pd.DataFrame:
    """Return `lifecycle`, `overdue_ratio` and `usual_gap` (days) per customer, aligned with `customers`.

    A customer's usual gap counts one gap of the typical length besides the customer's own, so that two
    purchases on neighbouring days do not make a daily buyer; a one-time buyer has the typical gap.

    - at risk: silent for `overdue` usual gaps, or P(alive) below one half;
    - lapsed: silent for `lapsed` usual gaps, and P(alive), where known, below one half;
    - reactivated: neither, and the last purchase ended a silence of `lapsed` earlier usual gaps;
    - new: none of these, and no repeat purchase yet;
    - active: everybody else.

    Parameters
    ----------
    customers
        frequency, recency, T; with `gap_last` (days between the last two purchase days) or
        `gap_last_ratio` (over the mean gap) reactivated customers are recognised; without both, nobody is reactivated.
    p_alive
        P(alive) of a model in which one-time buyers can leave (MBG/NBD, Pareto/NBD). It is used only for the customers
        that it covers.

    Raises
    ------
    InputError
        `p_alive` calls every one-time buyer alive (`tells_who_left`): pass another model's, or none.

    >>> people = pd.DataFrame({"frequency": [4, 4, 0], "recency": [80.0, 80.0, 0.0], "T": [90.0, 300.0, 5.0]})
    >>> apply_lifecycle(people, {"typical_gap": 20.0, "overdue": 2.0, "lapsed": 4.0})["lifecycle"].tolist()
    ['active', 'lapsed', 'new']
    """
    typical, frequency = rule["typical_gap"], customers["frequency"]
    usual = (customers["recency"] + typical) / (frequency + 1)
    overdue_ratio = (customers["T"] + 1 - customers["recency"]) / usual
    alive = pd.Series(np.nan, index=customers.index) if p_alive is None else p_alive.reindex(customers.index)
    _check_one_time_buyers(customers, alive)
    doubtful = alive < 0.5
    conditions = [
        (overdue_ratio > rule["lapsed"]) & (doubtful | alive.isna()),
        (overdue_ratio > rule["overdue"]) | doubtful,
        _came_back(customers, rule),
        frequency == 0,
    ]
    states = np.select(conditions, ["lapsed", "at risk", "reactivated", "new"], "active")
    return pd.DataFrame(
        {
            "lifecycle": pd.Series(states, index=customers.index, dtype="str"),
            "overdue_ratio": overdue_ratio,
            "usual_gap": usual,
        }
    )


def _came_back(customers: pd.DataFrame, rule: Mapping[str, float]) -> pd.Series:
    """Return the customers whose last purchase ended a long silence, judged by the rhythm before it."""
    if "gap_last" in customers:
        last = customers["gap_last"]
    elif "gap_last_ratio" in customers:
        last = customers["gap_last_ratio"] * customers["recency"] / customers["frequency"].clip(lower=1)
    else:
        return pd.Series(False, index=customers.index)
    before = (customers["recency"] - last + rule["typical_gap"]) / customers["frequency"].clip(lower=1)
    return (last > rule["lapsed"] * before) & (customers["frequency"] > 0)


@pandas_only
def tells_who_left(customers: pd.DataFrame, p_alive: pd.Series) -> bool:
    """Return whether a P(alive) shows that some one-time buyers have left.

    BG/NBD calls all of them alive by construction, and any model does so in effect when a short log shows nobody
    leaving. Such a P(alive) carries no information about churn.

    >>> people = pd.DataFrame({"frequency": [0, 0], "T": [10.0, 300.0]})
    >>> tells_who_left(people, pd.Series([1.0, 1.0])), tells_who_left(people, pd.Series([0.9, 0.3]))
    (False, True)
    """
    once = p_alive.reindex(customers.index)[(customers["frequency"] == 0) & (customers["T"] > 0)].dropna()
    return once.empty or bool((once < 0.999).any())


def _check_one_time_buyers(customers: pd.DataFrame, alive: pd.Series) -> None:
    if not tells_who_left(customers, alive):
        raise InputError(
            "p_alive is 1 for every one-time buyer, as in BG/NBD or where the log is too short to show "
            "anyone leaving; use P(alive) of MBG/NBD or Pareto/NBD on a longer log, or leave p_alive out."
        )
