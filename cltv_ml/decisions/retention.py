"""Retention lists under a budget, and their expected profit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.decisions.lines import by_customer
from cltv_ml.errors import InputError
from cltv_ml.tables import pandas_only


@pandas_only
def value_at_risk(predictions: pd.DataFrame) -> pd.Series:
    """Return the predicted value that may be lost: expected value x P(gone), in currency per customer.

    P(gone) is 1 - P(alive). Where the model has no P(alive), or none of its customers has left (every P(alive) above
    0.999, as on a short log), it is the probability of no purchase in the horizon, exp(-expected purchases). The
    product is small both for customers who are certainly alive and for those who are certainly gone: neither can be
    saved. Whether a treatment helps is a separate question, which the uplift answers.

    Raises
    ------
    InputError
        The predictions have neither `p_alive` nor `expected_purchases`.

    >>> value_at_risk(pd.DataFrame({"expected_value": [100.0, 100.0], "p_alive": [0.9, 0.4]})).round(6).tolist()
    [10.0, 60.0]
    """
    return (
        (predictions["expected_value"] * (1 - probability_to_stay(predictions)))
        .fillna(0.0)
        .rename("value_at_risk")
    )


def probability_to_stay(predictions: pd.DataFrame) -> pd.Series:
    """Return P(alive), or the probability of a purchase in the horizon where it is unknown.

    Raises
    ------
    InputError
        The predictions have neither `p_alive` nor `expected_purchases`.
    """
    alive = predictions.get("p_alive", pd.Series(np.nan, index=predictions.index)).astype(float)
    if "expected_purchases" in predictions and predictions["expected_purchases"].notna().any():
        if not knows_who_left(predictions):
            alive = alive * np.nan
        alive = alive.fillna(1 - np.exp(-predictions["expected_purchases"].astype(float).clip(lower=0)))
    if alive.isna().all() and len(alive):
        raise InputError(
            "value at risk needs p_alive or expected_purchases, found neither; score with a model that has them, "
            "such as pareto_nbd."
        )
    return alive


@pandas_only
def probability_to_buy(predictions: pd.DataFrame) -> pd.Series:
    """Return the probability of a purchase in the horizon: p (1 - exp(-m / p)), m the expected purchases.

    p is P(alive), 1 where it is unknown, which assumes a constant purchase rate.

    >>> probability_to_buy(pd.DataFrame({"expected_purchases": [0.5], "p_alive": [0.25]})).round(4).tolist()
    [0.2162]
    """
    expected = predictions["expected_purchases"].astype(float).clip(lower=0)
    if not knows_who_left(predictions):
        return (1 - np.exp(-expected)).rename("p_buy")
    alive = predictions["p_alive"].astype(float)
    return (alive * (1 - np.exp(-expected / alive.clip(lower=1e-12)))).rename("p_buy")


def knows_who_left(predictions: pd.DataFrame) -> bool:
    """Return whether the model expects any customer to have left: some P(alive) below 0.999."""
    return "p_alive" in predictions and bool(predictions["p_alive"].astype(float).lt(0.999).any())


@pandas_only
def compute_treatment(
    predictions: pd.DataFrame,
    *,
    uplift: float | pd.Series | None,
    margin_rate: float | pd.Series,
    cost: float | pd.Series,
    value: pd.Series | None = None,
) -> pd.DataFrame:
    """Return the expected profit of treating each customer: uplift x value x margin rate - cost.

    Columns `value_at_risk`, `uplift`, `margin_rate`, `cost`, `expected_profit`, and where the predictions
    have an interval `profit_lower` and `profit_upper` (the same formula at its ends; the uplift is taken
    as given), indexed as `predictions`.

    Parameters
    ----------
    predictions
        PREDICTIONS.
    uplift
        Share of the value at risk that the treatment saves: from a past randomised campaign
        (`decisions.uplift`), or your own assumption; there is no default.
    margin_rate
        Contribution margin per unit of currency, one number or one per customer.
    cost
        Expected cost of treating the customer, redemption included, in currency.
    value
        The value that the uplift multiplies, `value_at_risk(predictions)` by default: the mean order value when the
        uplift is in the probability of buying, 1 / margin rate when it is in profit.

    Raises
    ------
    InputError
        No uplift is given, or one of the inputs is missing for a customer.
    """
    if uplift is None:
        raise InputError(
            "retention needs an uplift; learn one from a past randomised campaign, or state an assumption "
            "such as uplift=0.05 (the offer saves 5% of the value at risk)."
        )
    customers = predictions.index
    at_risk = value_at_risk(predictions) if value is None else by_customer(value, customers, "value")
    table = pd.DataFrame({"value_at_risk": at_risk}, index=customers)
    for name, term in (("uplift", uplift), ("margin_rate", margin_rate), ("cost", cost)):
        table[name] = by_customer(term, customers, name)
    if (table["cost"] < 0).any():
        raise InputError(
            f"cost must not be negative, got {table['cost'].min()}; give the cost of a treatment."
        )
    saved = table["uplift"] * table["value_at_risk"] * table["margin_rate"]
    table["expected_profit"] = saved - table["cost"]
    expected = predictions["expected_value"].where(predictions["expected_value"] > 0)
    for end in ("lower", "upper"):
        if f"value_{end}" in predictions and predictions[f"value_{end}"].notna().any():
            ratio = (predictions[f"value_{end}"] / expected).fillna(1.0)
            table[f"profit_{end}"] = saved * ratio - table["cost"]
    return table


@pandas_only
def choose_customers(treatment: pd.DataFrame, budget: float | None = None) -> pd.DataFrame:
    """Return the customers worth treating within the budget, the most profit per unit of cost first.

    Only customers with a positive expected profit are chosen, in order of profit per cost. The list falls short of the
    best possible one by less than one customer's profit. An empty table means that no customer is worth the cost.

    Parameters
    ----------
    treatment
        `compute_treatment`.
    budget
        Highest total cost, in currency; None: no limit.

    Raises
    ------
    InputError
        The budget is zero or negative: it treats nobody.

    >>> treatment = pd.DataFrame({"cost": [5.0, 1.0, 4.0], "expected_profit": [10.0, 4.0, -1.0]}, index=list("abc"))
    >>> choose_customers(treatment, budget=5.5).index.tolist()
    ['b']
    """
    if budget is not None and not budget > 0:
        raise InputError(f"a budget of {budget} treats nobody; give a positive budget, or none for no limit.")
    ranked = _by_gain(treatment[treatment["expected_profit"] > 0])
    if budget is None:
        return ranked
    chosen, left, rest = [], budget + 1e-6, ranked  # 3,000 times 0.7 is a little more than 2,100
    while len(rest):  # each round takes at least one customer or ends: those who no longer fit are dropped
        rest = rest[rest["cost"] <= left]
        fits = rest["cost"].cumsum() <= left
        chosen.append(rest[fits])
        left -= float(rest.loc[fits, "cost"].sum())
        rest = rest[~fits]
    return _by_gain(pd.concat(chosen)) if chosen else ranked


@pandas_only
def profit_curve(
    treatment: pd.DataFrame, points: int = 200, *, total: tuple[float, float] = (1.0, 1.0)
) -> pd.DataFrame:
    """Return the cost and profit of a list of each length, the most profitable customers first.

    Columns `customers`, `cost`, `expected_profit` (both cumulative) and, where the treatment has an
    interval, `profit_lower` and `profit_upper` for customers whose errors are independent but for that of the total,
    and `worst_case`, `best_case` if all customers are at the same end of their interval together.

    Parameters
    ----------
    total
        Bounds of the ratio of all customers' true total to its forecast: an error common to all.
    """
    ranked = _by_gain(treatment)
    curve = pd.DataFrame(
        {
            "customers": np.arange(1, len(ranked) + 1),
            "cost": ranked["cost"].cumsum().to_numpy(),
            "expected_profit": ranked["expected_profit"].cumsum().to_numpy(),
        }
    )
    sides = (("lower", "worst_case", -1), ("upper", "best_case", 1))
    for (end, extreme, sign), ratio in zip(sides, total, strict=True):
        if f"profit_{end}" in ranked:
            distance = (ranked[f"profit_{end}"] - ranked["expected_profit"]).to_numpy()
            common = (ratio - 1) * (curve["expected_profit"] + curve["cost"])
            reach = np.sqrt(np.square(distance).cumsum() + np.square(common))
            curve[f"profit_{end}"] = curve["expected_profit"] + sign * reach
            curve[extreme] = curve["expected_profit"] + distance.cumsum()
    return curve.iloc[_spaced(curve["expected_profit"].to_numpy(), points)].reset_index(drop=True)


def _spaced(profit: np.ndarray, points: int) -> np.ndarray:
    """Return the rows of a curve to keep: half of them evenly spaced, its best, and the others where it still gains.

    >>> _spaced(np.r_[1.0, 2.0, 3.0, -np.arange(97.0)], 8).tolist()
    [0, 1, 2, 3, 5, 6, 33, 66, 99]
    """
    size = len(profit)
    if size <= points:
        return np.arange(size)
    even = np.linspace(0, size - 1, points // 2).round().astype(int)
    kept = np.union1d(even, profit.argmax())
    gaining = np.flatnonzero(profit >= 0)
    near = min(int(1.5 * (gaining[-1] + 1)), size - 1) if len(gaining) else size - 1
    spare = np.setdiff1d(np.arange(near + 1), kept)
    more = np.linspace(0, len(spare) - 1, min(points + 1 - len(kept), len(spare))).round().astype(int)
    return np.union1d(kept, spare[more])


@pandas_only
def break_even(treatment: pd.DataFrame) -> dict[str, float]:
    """Return the list length with the highest expected profit, and the length at which profit falls to zero.

    `best_customers`, `best_profit`; `break_even_customers`: the longest list that does not lose money.

    >>> treatment = pd.DataFrame({"cost": [1.0] * 4, "expected_profit": [3.0, 1.0, -2.0, -5.0]})
    >>> break_even(treatment)
    {'best_customers': 2, 'best_profit': 4.0, 'break_even_customers': 3}
    """
    profit = np.r_[0.0, _by_gain(treatment)["expected_profit"].cumsum().to_numpy()]
    return {
        "best_customers": int(profit.argmax()),
        "best_profit": float(profit.max()),
        "break_even_customers": int(np.flatnonzero(profit >= 0)[-1]),
    }


def _by_gain(treatment: pd.DataFrame) -> pd.DataFrame:
    """Return the customers by gain per unit of cost, those without cost by gain; ties by customer."""
    gain = treatment["expected_profit"] + treatment["cost"]
    free = treatment["cost"] == 0
    ratio = (gain / treatment["cost"].where(~free)).where(~free, np.where(gain > 0, np.inf, -np.inf))
    order = np.lexsort((np.argsort(np.argsort(treatment.index.to_numpy())), -gain, -ratio))
    return treatment.iloc[order]
