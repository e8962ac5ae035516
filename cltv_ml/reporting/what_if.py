"""A campaign that the reader can change in the page: few numbers go in, the page recomputes the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.money import digits
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import embed

#: What the controls stand at first: assumptions, in the units of the controls.
ASSUMED = {"margin": 30.0, "uplift": 5.0, "discount": 10.0}

#: The assumed cost of writing to a customer, as a share of a customer's mean expected value.
COST_SHARE = 0.01

_LABELS = {
    "margin": ("Margin, % of revenue", 0, 100, 1),
    "uplift": ("Share of the value at risk that the offer saves, %", 0, 100, 0.5),
    "cost": ("Cost per customer on the list", 0, 1e9, 0.1),
    "discount": ("Discount rate, % a year", 0, 100, 0.5),
    "list": ("Customers on the list", 0, 1e9, 1),
}


def compute_what_if(
    at_risk: pd.Series,
    expected_value: float,
    horizon: int,
    *,
    assumed: Mapping[str, float] | None = None,
    currency: str = "",
    points: int = 300,
) -> dict[str, Any]:
    """Return controls, the numbers they work on, and the figure they redraw.

    The customers are listed by value at risk, which no control changes: margin, uplift and discount
    multiply every customer alike, and the cost is the same for each. A few hundred points of the
    cumulative value at risk therefore answer for a million customers, and no customer is in the page.

    Parameters
    ----------
    at_risk
        `decisions.retention.value_at_risk` per customer.
    expected_value
        Sum over all customers, in currency of revenue.
    horizon
        In days, for the discount.
    assumed
        Where the controls stand at first, default `ASSUMED`.
    """
    ranked = np.sort(at_risk.to_numpy(dtype=np.float64))[::-1]
    size = len(ranked)
    # Dense at the top, where lists end.
    kept = np.unique(
        np.r_[0, np.geomspace(1, max(size, 1), points).round(), np.linspace(0, size, points).round()]
    )
    kept = kept[kept <= size].astype(int)
    inputs = {
        "customers": kept.tolist(),
        "at_risk": np.r_[0.0, ranked.cumsum()][kept].round(4).tolist(),
        "value": float(expected_value),
        "horizon": int(horizon),
        "currency": currency,
        "digits": digits(currency),
    }
    wanted = {**ASSUMED, "cost": assumed_cost(expected_value, size), **(assumed or {})}
    curve = recompute(inputs, wanted)
    best = int(curve["customers"][curve["expected_profit"].idxmax()])
    wanted["list"] = float(wanted.get("list", best or min(size, 100)))
    shown = curve[curve["customers"] <= reach(curve, wanted["list"])]
    drawn = plots.campaign_profit(shown, currency=currency, listed=wanted["list"])
    return {
        "controls": [
            {
                "name": name,
                "label": label,
                "value": f"{wanted[name]:.12g}" if name != "list" else f"{wanted[name]:.0f}",
                "min": low,
                "max": high,
                "step": step,
            }
            for name, (label, low, high, step) in _LABELS.items()
        ],
        "inputs": inputs,
        "figure": embed(
            "Expected profit by the number of customers on the list, for the numbers above", drawn
        ),
    }


def assumed_cost(expected_value: float, customers: int) -> float:
    """Return the cost that the controls start at: one hundredth of a customer's mean value, one digit.

    >>> assumed_cost(445_504, 23_570), assumed_cost(0.0, 10)
    (0.2, 0.0)
    """
    return float(f"{COST_SHARE * expected_value / max(customers, 1):.1g}")


def recompute(inputs: Mapping[str, Any], wanted: Mapping[str, float]) -> pd.DataFrame:
    """Return `customers`, `cost`, `expected_profit` of lists of each length: what the page computes, in Python.

    Profit is uplift x value at risk x margin - cost; revenue comes evenly over the horizon and is discounted
    to today at the yearly rate.

    >>> inputs = {"customers": [0, 1, 2], "at_risk": [0.0, 100.0, 110.0], "horizon": 91}
    >>> recompute(inputs, {"uplift": 10, "margin": 50, "cost": 1, "discount": 0})["expected_profit"].tolist()
    [0.0, 4.0, 3.5]
    """
    factor = (
        wanted["uplift"] / 100 * wanted["margin"] / 100 * present_value(wanted["discount"], inputs["horizon"])
    )
    customers = np.asarray(inputs["customers"])
    cost = wanted["cost"] * customers
    return pd.DataFrame(
        {
            "customers": customers,
            "cost": cost,
            "expected_profit": factor * np.asarray(inputs["at_risk"]) - cost,
        }
    )


def reach(curve: pd.DataFrame, listed: float) -> float:
    """Return how long the lists are that the figure shows: beyond break-even the curve only falls.

    >>> curve = pd.DataFrame({"customers": [0, 1, 2, 3, 4], "expected_profit": [0.0, 4, 1, -3, -9]})
    >>> reach(curve, listed=1)
    10.0
    """
    gaining = curve.loc[curve["expected_profit"] >= 0, "customers"]
    return float(max(10, 1.5 * gaining.max(), 1.2 * listed))


def present_value(percent: float, days: int) -> float:
    """Return what one unit of money is worth today that comes evenly over the next `days`.

    The integral of (1 + r)^-u over the horizon, in years, divided by its length.

    >>> round(present_value(10, 365), 4), present_value(0, 365)
    (0.9539, 1.0)
    """
    years, rate = days / 365.25, percent / 100
    return float((1 - (1 + rate) ** -years) / (years * np.log1p(rate))) if rate > 0 else 1.0
