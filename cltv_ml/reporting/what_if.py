"""Interactive campaign: the reader changes a few numbers, and the page recomputes the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.decisions.retention import value_at_risk
from cltv_ml.money import digits
from cltv_ml.reporting import plots
from cltv_ml.reporting.list_totals import drawn_lengths
from cltv_ml.reporting.report import embed

#: Initial settings of the controls: assumptions, in the units of the controls.
ASSUMED = {"margin": 30.0, "uplift": 5.0, "discount": 10.0}

#: The assumed cost of writing to a customer, as a share of a customer's mean expected value.
COST_SHARE = 0.01

_CONTROLS = {
    "margin": ("Margin, % of revenue", -100, 100, 1),
    "uplift": ("Share of the value at risk that the offer saves, %", 0, 100, 0.5),
    "cost": ("Cost per customer on the list", 0, 1e9, 0.1),
    "discount": ("Discount rate, % a year", 0, 100, 0.5),
    "list": ("Customers on the list", 0, 1e9, 1),
}


@dataclass(frozen=True)
class Campaign:
    """A retention campaign under the initial settings of the controls."""

    #: `decisions.retention.value_at_risk` per customer, in currency of revenue.
    at_risk: pd.Series
    #: Expected value of all customers, in currency of revenue.
    total: float
    #: In days.
    horizon: int
    #: `margin`, `uplift` and `discount` in percent, `cost` per customer.
    terms: Mapping[str, float]
    #: Whether the margin was measured; the other terms are assumptions.
    margin_known: bool = False
    #: Whether all terms are those of the lists of `cltv act`.
    of_lists: bool = False

    def by(self, groups: pd.Series) -> pd.DataFrame:
        """Return a row per group of customers, the one with the highest expected profit first.

        `customers` and `at_risk` (sum) of the group; `listed`, `cost` and `expected_profit` of its customers whose
        gain exceeds the cost. Customers without a group are left out.

        >>> at_risk = pd.Series([100.0, 10.0, 50.0], index=["a", "b", "c"])
        >>> terms = {"margin": 50.0, "uplift": 10.0, "discount": 0.0, "cost": 1.0}
        >>> groups = pd.Series({"a": "new", "b": "new", "c": "lost"})
        >>> Campaign(at_risk, 160.0, 91, terms).by(groups)[["customers", "listed", "cost", "expected_profit"]]
               customers  listed  cost  expected_profit
        group
        new            2       1   1.0              4.0
        lost           1       1   1.0              1.5
        """
        gain = _gain_rate(self.terms, self.horizon) * self.at_risk - self.terms["cost"]
        rows = pd.DataFrame(
            {"at_risk": self.at_risk, "listed": gain > 0, "expected_profit": gain.clip(lower=0)}
        ).groupby(groups.reindex(self.at_risk.index).rename("group"))
        table = rows.sum().assign(customers=rows.size())
        table["listed"] = table["listed"].astype(int)
        table["cost"] = self.terms["cost"] * table["listed"]
        return table.sort_values("expected_profit", ascending=False, kind="stable")


def plan_campaign(predictions: pd.DataFrame, horizon: int, margin: float | None = None) -> Campaign:
    """Return the campaign for PREDICTIONS with `p_alive` or `expected_purchases`, at a margin in percent of revenue.

    Raises
    ------
    InputError
        The predictions have neither.
    """
    scored = predictions.dropna(subset=["expected_value"])
    total = float(scored["expected_value"].sum())
    measured = {} if margin is None else {"margin": margin}
    terms = {**ASSUMED, "cost": assumed_cost(total, len(scored)), **measured}
    return Campaign(value_at_risk(scored), total, horizon, terms, margin is not None)


def compute_what_if(
    at_risk: pd.Series,
    expected_value: float,
    horizon: int,
    *,
    assumed: Mapping[str, float] | None = None,
    currency: str = "",
) -> dict[str, Any]:
    """Return controls, the numbers they work on, and the figure they redraw.

    The customers are listed by value at risk, which no control changes: margin, uplift and discount multiply every
    customer by the same factor, and the cost is the same for each. A few hundred points of the cumulative value at
    risk therefore represent a million customers, and the page names none.

    Parameters
    ----------
    at_risk
        `decisions.retention.value_at_risk` per customer.
    expected_value
        Sum over all customers, in currency of revenue.
    horizon
        In days, for the discount.
    assumed
        Initial settings of the controls, `ASSUMED` by default.
    """
    ranked = np.sort(at_risk.to_numpy(dtype=np.float64))[::-1]
    size = len(ranked)
    settings = {**ASSUMED, "cost": assumed_cost(expected_value, size), **(assumed or {})}
    best = int((_gain_rate(settings, horizon) * ranked > settings["cost"]).sum())
    lengths = drawn_lengths(size, best)
    inputs = {
        "customers": lengths.tolist(),
        "at_risk": np.r_[0.0, ranked.cumsum()][lengths].round(4).tolist(),
        "value": float(expected_value),
        "horizon": int(horizon),
        "currency": currency,
        "digits": digits(currency),
    }
    curve = recompute(inputs, settings)
    settings["list"] = float(settings.get("list", best or min(size, 100)))
    visible = curve[curve["customers"] <= reach(curve, settings["list"])]
    drawn = plots.campaign_profit(visible, currency=currency, listed=settings["list"])
    return {
        "controls": [
            {
                "name": name,
                "label": label,
                "value": f"{settings[name]:.12g}" if name != "list" else f"{settings[name]:.0f}",
                "min": low,
                "max": high,
                "step": step,
            }
            for name, (label, low, high, step) in _CONTROLS.items()
        ],
        "inputs": inputs,
        "figure": embed("Expected profit by number of customers on the list, for the numbers above", drawn),
    }


def assumed_cost(expected_value: float, customers: int) -> float:
    """Return the initial cost of the controls: one hundredth of a customer's mean value, one digit.

    >>> assumed_cost(445_504, 23_570), assumed_cost(0.0, 10)
    (0.2, 0.0)
    """
    return float(f"{COST_SHARE * expected_value / max(customers, 1):.1g}")


def recompute(inputs: Mapping[str, Any], wanted: Mapping[str, float]) -> pd.DataFrame:
    """Return `customers`, `cost`, `expected_profit` of lists of each length: what the page computes, in Python.

    Profit is uplift x value at risk x margin - cost; revenue is spread evenly over the horizon and discounted to today
    at the yearly rate.

    >>> inputs = {"customers": [0, 1, 2], "at_risk": [0.0, 100.0, 110.0], "horizon": 91}
    >>> recompute(inputs, {"uplift": 10, "margin": 50, "cost": 1, "discount": 0})["expected_profit"].tolist()
    [0.0, 4.0, 3.5]
    """
    factor = _gain_rate(wanted, inputs["horizon"])
    customers = np.asarray(inputs["customers"])
    cost = wanted["cost"] * customers
    return pd.DataFrame(
        {
            "customers": customers,
            "cost": cost,
            "expected_profit": factor * np.asarray(inputs["at_risk"]) - cost,
        }
    )


def _gain_rate(terms: Mapping[str, float], horizon: float) -> float:
    """Return the profit before costs of treating one currency unit at risk."""
    return terms["uplift"] / 100 * terms["margin"] / 100 * present_value(terms["discount"], horizon)


def reach(curve: pd.DataFrame, listed: float) -> float:
    """Return the longest list in the figure: beyond break-even the curve only falls.

    >>> curve = pd.DataFrame({"customers": [0, 1, 2, 3, 4], "expected_profit": [0.0, 4, 1, -3, -9]})
    >>> reach(curve, listed=1)
    10.0
    """
    gaining = curve.loc[curve["expected_profit"] >= 0, "customers"]
    return float(max(10, 1.5 * gaining.max(), 1.2 * listed))


def present_value(percent: float, days: float) -> float:
    """Return the present value of one unit of money spread evenly over the next `days`.

    The integral of (1 + r)^-u over the horizon, in years, divided by its length.

    >>> round(present_value(10, 365), 4), present_value(0, 365)
    (0.9539, 1.0)
    """
    years, rate = days / 365.25, percent / 100
    return float((1 - (1 + rate) ** -years) / (years * np.log1p(rate))) if rate > 0 else 1.0
