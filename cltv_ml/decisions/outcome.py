"""Outcome of a campaign with a control group, measured on the log after it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from cltv_ml.decisions.campaign import DISCOUNT
from cltv_ml.decisions.lines import by_customer
from cltv_ml.decisions.share_intervals import share_difference_interval
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.tables import pandas_only
from cltv_ml.windows import Window

#: The row of all customers together.
ALL_CUSTOMERS = "all"

#: Buyers in each arm from which the normal interval of a mean is of use.
_FEWEST_BUYERS = 5
_TOO_FEW = f"undecided: fewer than {_FEWEST_BUYERS} customers of an arm bought; repeat with more customers"


@pandas_only
def evaluate_campaign(
    actions: pd.DataFrame,
    log: AnyLog,
    window: Window,
    *,
    margin_rate: float | pd.Series,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return the realised uplift and profit of a campaign, with intervals, for all customers and per tier.

    Indexed by `tier`, the row "all" first: `treated`, `control`; `rate_treated`, `rate_control` (share who bought in
    the window), `uplift` with `uplift_lower`, `uplift_upper` (difference of the shares); `spend_uplift` with ends
    (currency per treated customer); `realised_profit` with ends (additional margin of the treated less the cost of
    treatment); `expected_profit` (the list's forecast for the treated); `verdict` in words. The row "all" weights the
    tiers by their treated customers. The interval of `uplift` is Newcombe's; those of spend and profit are normal, so
    they are rough with fewer than a few thousand customers of skewed spend. With fewer than five buyers in an arm they
    are too narrow, and the verdict is undecided.

    Parameters
    ----------
    actions
        ACTIONS with `control` (True: left untreated) and, where drawn by tier, `tier`.
    log
        TRANSACTIONS that reach the end of the window; its amounts are those after discounts.
    window
        First day of the campaign and the days until its outcome is read.
    margin_rate
        Contribution margin per unit of currency, one number or one per customer.

    Raises
    ------
    InputError
        There is no control group, an arm is nearly empty, or the log ends before the window.
    """
    _check_list(actions, confidence)
    people = actions.set_index("customer_id")
    log = Log.of(log)
    spend, rates = log.target(window, people.index), by_customer(margin_rate, people.index, "margin_rate")
    outcomes = pd.DataFrame(
        {
            "control": people["control"].astype(bool),
            "tier": people["tier"].astype("str") if "tier" in people else ALL_CUSTOMERS,
            "uplift": log.target(window, people.index, "active"),
            "spend_uplift": spend,
            "realised_profit": spend * rates,
            "cost": _cost_beyond_spend(people, rates),
            "expected_profit": people["expected_profit"].astype(float),
        }
    )
    z = float(stats.norm.ppf((1 + confidence) / 2))
    strata = _strata(outcomes)
    rows = {ALL_CUSTOMERS: _outcome_row(outcomes, strata, z)}
    if outcomes["tier"].nunique() > 1:
        for name, part in outcomes.groupby("tier"):
            if part["control"].sum() >= 2 and (~part["control"]).sum() >= 2:
                rows[str(name)] = _outcome_row(part, pd.Series(ALL_CUSTOMERS, index=part.index), z)
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="tier"))


def _cost_beyond_spend(people: pd.DataFrame, rates: pd.Series) -> pd.Series:
    """Return each customer's cost of treatment less the part that their spend already lacks.

    A discount d lowers an order's amount by d, and its margin at the rate by rate x d; the goods cost what they did.
    """
    cost = people["cost"].astype(float)
    if "action" not in people:
        return cost
    return cost * (1 - rates).where(people["action"] == DISCOUNT, 1.0)


def _check_list(actions: pd.DataFrame, confidence: float) -> None:
    missing = [name for name in ("customer_id", "control", "cost", "expected_profit") if name not in actions]
    if missing:
        raise InputError(
            f"a campaign is evaluated from its list with a control group; missing columns {missing}. Found "
            f"{list(actions.columns)}."
        )
    control = int(actions["control"].astype(bool).sum())
    if min(control, len(actions) - control) < 2:
        raise InputError(
            f"the control group has {control} of {len(actions)} customers, but the list and the control "
            "group need at least two customers each; draw a control group before the campaign."
        )
    if actions["customer_id"].duplicated().any():
        twice = actions.loc[actions["customer_id"].duplicated(), "customer_id"].iloc[0]
        raise InputError(f"customer {twice!r} is on the list twice; evaluate one campaign at a time.")
    if not 0 < confidence < 1:
        raise InputError(f"confidence must be between 0 and 1, got {confidence}.")


def _strata(outcomes: pd.DataFrame) -> pd.Series:
    """Return the tier, or one stratum for all when a tier has fewer than two customers in an arm."""
    sizes = pd.crosstab(outcomes["tier"], outcomes["control"])
    enough = sizes.shape[1] == 2 and bool((sizes >= 2).all(axis=None))
    return outcomes["tier"] if enough else pd.Series(ALL_CUSTOMERS, index=outcomes.index)


def _outcome_row(outcomes: pd.DataFrame, strata: pd.Series, z: float) -> dict[str, object]:
    """Return one row of the result: differences between the arms, and their value."""
    treated = outcomes[~outcomes["control"]]
    row: dict[str, object] = {"treated": len(treated), "control": int(outcomes["control"].sum())}
    row["rate_treated"] = float(treated["uplift"].mean())
    row["rate_control"] = float(outcomes.loc[outcomes["control"], "uplift"].mean())
    for name in ("uplift", "spend_uplift", "realised_profit"):
        mean, error = _difference(outcomes[name], outcomes["control"], strata)
        scale, less = (len(treated), float(treated["cost"].sum())) if name == "realised_profit" else (1, 0.0)
        row[name] = mean * scale - less
        row[f"{name}_lower"] = (mean - z * error) * scale - less
        row[f"{name}_upper"] = (mean + z * error) * scale - less
    row["uplift_lower"], row["uplift_upper"] = share_difference_interval(_weighted_arms(outcomes, strata), z)
    row["expected_profit"] = float(treated["expected_profit"].sum())
    buyers = outcomes.groupby("control")["uplift"].sum().min()
    row["verdict"] = _TOO_FEW if buyers < _FEWEST_BUYERS else _profit_verdict(row)
    return row


def _weighted_arms(outcomes: pd.DataFrame, strata: pd.Series) -> list[tuple[float, float, int]]:
    """Return weight, share of buyers and size of both arms of each stratum; strata weighted by treated."""
    arms = outcomes["uplift"].groupby([strata, outcomes["control"]]).agg(["mean", "count"])
    treated = int(arms["count"].xs(False, level=1).sum())
    return [
        ((-1 if control else 1) * arms["count"][stratum, False] / treated, share, count)
        for (stratum, control), share, count in arms.itertuples()
    ]


def _difference(outcome: pd.Series, control: pd.Series, strata: pd.Series) -> tuple[float, float]:
    """Return the treated mean less the control mean and its standard error, strata weighted by treated."""
    grouped = outcome.groupby([strata, control]).agg(["mean", "var", "count"]).unstack()
    weight = grouped["count"][False] / grouped["count"][False].sum()
    mean = (weight * (grouped["mean"][False] - grouped["mean"][True])).sum()
    variance = grouped["var"][False] / grouped["count"][False] + grouped["var"][True] / grouped["count"][True]
    return float(mean), float(np.sqrt((weight**2 * variance).sum()))


def _profit_verdict(row: dict[str, object]) -> str:
    low, high = float(row["realised_profit_lower"]), float(row["realised_profit_upper"])  # type: ignore[arg-type]
    if low > 0:
        return "earned money: the whole interval lies above zero"
    if high < 0:
        return "lost money: the whole interval lies below zero"
    return "undecided: the interval of the profit includes zero; repeat with more customers"
