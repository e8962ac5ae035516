"""A shop's plan: contribution, customer equity, and scenarios of arrivals, retention, basket and costs.

Customer equity is the discounted contribution of known and future customers (R. Blattberg and J. Deighton, Harvard
Business Review 74(4), 1996); less the cost of winning the latter, it is the customers' part of a firm's value (D.
McCarthy, P. Fader and B. Hardie, Journal of Marketing 81(1), 2017).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError

#: The scenarios' changes, one at a time: a share, or for retention percentage points of customers kept.
SCENARIOS = {"arrivals": -0.20, "retention": 0.02, "basket": 0.05, "acquisition cost": 0.10}


@dataclass(frozen=True)
class PlanTerms:
    """The costs behind revenue, stated by the user."""

    #: Share of revenue left after the cost of goods; None: contribution is unknown.
    margin_rate: float | None = None
    #: Costs in proportion to revenue, and of serving an order.
    share_of_amount: float = 0.0
    per_order: float = 0.0
    #: Cost of winning a customer.
    acquisition_cost: float = 0.0
    #: Effective yearly rate.
    discount_rate: float = 0.0

    def __post_init__(self) -> None:
        """Check that rates are shares and no cost is negative."""
        rates = {"share_of_amount": self.share_of_amount, "discount_rate": self.discount_rate}
        wrong = {name: rate for name, rate in rates.items() if not 0 <= rate < 1}
        if self.margin_rate is not None and not -1 <= self.margin_rate <= 1:
            wrong["margin_rate"] = self.margin_rate
        costs = {"per_order": self.per_order, "acquisition_cost": self.acquisition_cost}
        wrong |= {name: cost for name, cost in costs.items() if cost < 0}
        if wrong:
            values = ", ".join(f"{name}={value:g}" for name, value in wrong.items())
            raise InputError(
                "rates must be shares from 0 to below 1, a margin from -1 to 1, and costs not negative, got "
                f"{values}; write 0.1 for 10%."
            )


@dataclass(frozen=True)
class Parts:
    """The parts of a shop's future by period: arrays whose last axis is the period.
    won Number of future customers.
    known_orders, first_orders, repeat_orders
        Orders of each.
    """

    #: Revenue of existing customers, and of future customers on their first day and after it.
    known: np.ndarray
    first: np.ndarray
    repeat: np.ndarray
    won: np.ndarray
    known_orders: np.ndarray
    first_orders: np.ndarray
    repeat_orders: np.ndarray

    def scaled(self, *, arrivals: float = 1.0, kept: float = 1.0, basket: float = 1.0) -> Parts:
        """Return the parts with more arrivals, more repeat purchases and larger orders, each a factor."""
        return Parts(
            known=self.known * kept * basket,
            first=self.first * arrivals * basket,
            repeat=self.repeat * arrivals * kept * basket,
            won=self.won * arrivals,
            known_orders=self.known_orders * kept,
            first_orders=self.first_orders * arrivals,
            repeat_orders=self.repeat_orders * arrivals * kept,
        )

    def plain(self) -> dict[str, np.ndarray]:
        """Return the arrays by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def discount_factors(until: np.ndarray, rate: float) -> np.ndarray:
    """Return the value at the cutoff of one unit of money in each period, taken at the period's middle.

    Parameters
    ----------
    until
        Days from the cutoff to the end of each period, in order.

    >>> discount_factors(np.array([365.25, 730.5]), 0.21).round(4).tolist()
    [0.9091, 0.7513]
    """
    middle = (np.asarray(until, dtype=np.float64) + np.r_[0.0, until[:-1]]) / 2
    return np.asarray((1 + rate) ** (-middle / 365.25))


def plan_contributions(parts: Parts, terms: PlanTerms) -> dict[str, np.ndarray]:
    """Return contribution by period of "known" and "new" customers, less the cost of winning the new ones.

    Raises
    ------
    InputError
        The margin rate is not known.
    """
    if terms.margin_rate is None:
        raise InputError("contribution needs a margin rate; map a cost column, or state --margin-rate 0.3.")
    rate = terms.margin_rate - terms.share_of_amount
    existing = parts.known * rate - parts.known_orders * terms.per_order
    orders = parts.first_orders + parts.repeat_orders
    new = (parts.first + parts.repeat) * rate - orders * terms.per_order - parts.won * terms.acquisition_cost
    return {"known": existing, "new": new}


def compute_equity(
    parts: Parts, terms: PlanTerms, until: np.ndarray, expected: Parts | None = None
) -> pd.DataFrame:
    """Return customer equity within the horizon: `part` (known, new, total), mean `equity`, 80% and 95% intervals.

    Parameters
    ----------
    parts
        Draws, shape (draws, periods).
    until
        Days from the cutoff to the end of each period.
    expected
        Expected values, shape (periods,), if they are not the means of the draws.
    """
    factors = discount_factors(until, terms.discount_rate)
    drawn, middle = (
        {name: (values * factors).sum(axis=-1) for name, values in plan_contributions(one, terms).items()}
        for one in (parts, parts if expected is None else expected)
    )
    drawn["total"], middle["total"] = drawn["known"] + drawn["new"], middle["known"] + middle["new"]
    rows = []
    for name, draws in drawn.items():
        low95, low80, high80, high95 = np.quantile(draws, [0.025, 0.1, 0.9, 0.975])
        # Means add up: known and new sum to the total to the cent, which medians do not.
        rows.append((name, float(middle[name].mean()), low80, high80, low95, high95))
    return pd.DataFrame(rows, columns=["part", "equity", "lower_80", "upper_80", "lower_95", "upper_95"])


def compute_scenarios(parts: Parts, terms: PlanTerms, until: np.ndarray, repeat_share: float) -> pd.DataFrame:
    """Return one row for the plan and one for each of `SCENARIOS`: `scenario`, `revenue`, `won`, `equity`, changes.

    `equity` and its change are left out where no margin rate is stated.

    Parameters
    ----------
    parts
        Expected values, shape (periods,).
    repeat_share
        Share of customers who buy again in a window of the horizon's length. Two points more raise the revenue of
        existing customers and of later orders in that proportion.
    """
    rows = [("as forecast", parts, terms)]
    for name, change in SCENARIOS.items():
        if name == "acquisition cost":
            if terms.acquisition_cost and terms.margin_rate is not None:
                raised = PlanTerms(
                    **{**vars(terms), "acquisition_cost": terms.acquisition_cost * (1 + change)}
                )
                rows.append((f"{name} {change:+.0%}", parts, raised))
        elif name == "arrivals" and not parts.won.any():
            continue
        elif name == "retention":
            if repeat_share > 0:
                changed = parts.scaled(kept=(repeat_share + change) / repeat_share)
                rows.append((f"retention {100 * change:+.0f} points", changed, terms))
        else:
            rows.append((f"{name} {change:+.0%}", parts.scaled(**{name: 1 + change}), terms))
    scenarios = pd.DataFrame([_scenario(*row, until) for row in rows])
    for name in ("revenue", "equity"):
        if name in scenarios:
            scenarios[f"{name}_change"] = scenarios[name] - scenarios[name].iloc[0]
    return scenarios


def _scenario(name: str, parts: Parts, terms: PlanTerms, until: np.ndarray) -> dict[str, object]:
    row: dict[str, object] = {
        "scenario": name,
        "revenue": float((parts.known + parts.first + parts.repeat).sum()),
        "won": float(parts.won.sum()),
    }
    if terms.margin_rate is not None:
        factors = discount_factors(until, terms.discount_rate)
        row["equity"] = float(sum((one * factors).sum() for one in plan_contributions(parts, terms).values()))
    return row
