"""Lists of customers that the reader can change in the page: margin, effect, cost and budget in, totals out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.money import digits

_TERM_NAMES = {
    "margin": "Margin, % of the one stated",
    "effect": "Effect, % of the one stated",
    "cost": "Cost per customer",
    "budget": "Budget per list (empty: no limit)",
}


def compute_list_totals(
    candidates: Mapping[str, pd.DataFrame],
    *,
    cost: float | None,
    budget: float | None = None,
    currency: str = "",
    points: int = 300,
) -> dict[str, Any] | None:
    """Return the controls and, for each list, a few hundred points of the profit before costs; None without lists.

    Margin and effect multiply every customer's gain alike and the cost is the same for each, so no control changes
    the order of a list: a point per some customers answers for a million, and no customer is in the page.

    Parameters
    ----------
    candidates
        By list all customers who could be on it, with `cost` and `expected_profit` as stated.
    """
    if not candidates or cost is None:
        return None
    return {
        "controls": [
            {"name": name, "label": label, "value": value}
            for (name, label), value in zip(
                _TERM_NAMES.items(),
                ("100", "100", f"{cost:.12g}", f"{budget:.12g}" if budget else ""),
                strict=True,
            )
        ],
        "inputs": {
            "lists": [{"name": name, **_curve(table, points, budget)} for name, table in candidates.items()],
            "currency": currency,
            "digits": digits(currency),
        },
    }


def recompute_totals(inputs: Mapping[str, Any], wanted: Mapping[str, float]) -> pd.DataFrame:
    """Return `list`, `customers`, `cost`, `expected_profit` of the best lists: what the page computes, in Python.

    The best list ends before the first customer whose gain is below the cost, or where the budget ends.

    >>> inputs = {"lists": [{"name": "mail", "customers": [0, 1, 2], "gain": [0.0, 10.0, 11.0]}]}
    >>> recompute_totals(inputs, {"margin": 50, "effect": 100, "cost": 2})
       list  customers  cost  expected_profit
    0  mail          1   2.0              3.0
    """
    factor = wanted["margin"] / 100 * wanted["effect"] / 100
    rows = []
    for each in inputs["lists"]:
        customers, gain = np.asarray(each["customers"]), factor * np.asarray(each["gain"])
        cost = wanted["cost"] * customers
        affordable = cost <= (wanted.get("budget") or np.inf) + 1e-9
        best = int(np.where(affordable, gain - cost, -np.inf).argmax())
        rows.append((each["name"], customers[best], float(cost[best]), float(gain[best] - cost[best])))
    return pd.DataFrame(rows, columns=["list", "customers", "cost", "expected_profit"])


def _curve(table: pd.DataFrame, points: int, budget: float | None) -> dict[str, list[float]]:
    """Return lengths of the list and what it gains before costs, dense at its top, the list as stated among them."""
    gain = np.sort((table["expected_profit"] + table["cost"]).to_numpy(dtype=np.float64))[::-1]
    size = len(gain)
    kept = np.unique(
        np.r_[0, np.geomspace(1, max(size, 1), points).round(), np.linspace(0, size, points).round()]
    )
    spent = table.sort_values("expected_profit", ascending=False)["cost"].cumsum()
    affordable = int((spent <= budget).sum()) if budget else size
    stated = min(int((table["expected_profit"] > 0).sum()), affordable)
    kept = np.union1d(kept[kept <= size], stated).astype(int)
    return {"customers": kept.tolist(), "gain": np.r_[0.0, gain.cumsum()][kept].round(4).tolist()}
