"""Interactive lists of customers: the reader changes margin, effect, cost and budget, and the page recomputes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.money import digits

_LABELS = {
    "margin": "Margin, % of the lists' margin",
    "effect": "Effect, % of the stated effect",
    "cost": "Cost per customer",
    "budget": "Budget per list (empty: no limit)",
}


def compute_list_totals(
    candidates: Mapping[str, pd.DataFrame],
    *,
    cost: float | None,
    budget: float | None = None,
    currency: str = "",
    written: Mapping[str, pd.DataFrame] | None = None,
) -> dict[str, Any] | None:
    """Return the sliders and, for each list, a few hundred points of the profit before costs; None if there are no
    lists.

    Margin and effect multiply every customer's gain by the same factor and the cost is the same for each, so no
    control changes the order of a list: a few hundred points represent a million customers, and the page names none.

    Parameters
    ----------
    candidates
        By list, all customers who could be on it, with `cost` and `expected_profit` as stated.
    written
        By list, the customers who are on it, with `control`, `cost` and `expected_profit`: the control group's share
        of customers and of the gain is that of the list. Without it there is no control group.
    """
    if not candidates or cost is None:
        return None
    longest = max(len(table) for table in candidates.values())
    return {
        "controls": [
            {"name": name, "label": _LABELS[name], "value": value, "most": f"{most:.12g}", "step": step}
            for name, value, most, step in (
                ("margin", "100", 200, "5"),
                ("effect", "100", 300, "5"),
                ("cost", f"{cost:.12g}", 4 * cost or 1, f"{cost / 20 or 0.05:.12g}"),
                ("budget", f"{budget:.12g}" if budget else "", *_budgets(cost * longest, budget)),
            )
        ],
        "inputs": {
            "lists": [
                {"name": name, **_curve(table, budget), **_treated((written or {}).get(name))}
                for name, table in candidates.items()
            ],
            "currency": currency,
            "digits": digits(currency),
        },
    }


def _budgets(all_treated: float, budget: float | None) -> tuple[float, str]:
    """Return the maximum of the budget's slider, which means no limit, and its step."""
    most = max(all_treated, 2 * (budget or 0.0)) or 1.0
    step = 10.0 ** np.floor(np.log10(most / 20))
    return float(np.ceil(most / step) * step), f"{step:.12g}"


def _treated(rows: pd.DataFrame | None) -> dict[str, float]:
    """Return the shares of a list's customers, and of its profit before costs, that are treated."""
    if rows is None:
        return {"treated": 1.0, "treated_gain": 1.0}
    gain, treated = rows["expected_profit"] + rows["cost"], ~rows["control"].astype(bool)
    return {
        "treated": float(treated.mean()),
        "treated_gain": float(gain[treated].sum() / gain.sum()) if gain.sum() else 1.0,
    }


def _curve(table: pd.DataFrame, budget: float | None) -> dict[str, list[float]]:
    """Return lengths of the list and its gain before costs, the stated list among them."""
    gain = np.sort((table["expected_profit"] + table["cost"]).to_numpy(dtype=np.float64))[::-1]
    spent = table.sort_values("expected_profit", ascending=False)["cost"].cumsum()
    affordable = int((spent <= budget + 1e-6).sum()) if budget else len(gain)
    lengths = drawn_lengths(len(gain), min(int((table["expected_profit"] > 0).sum()), affordable))
    return {"customers": lengths.tolist(), "gain": np.r_[0.0, gain.cumsum()][lengths].round(4).tolist()}


def drawn_lengths(size: int, marked: int) -> np.ndarray:
    """Return a few hundred lengths of a list of up to `size` customers, dense at its top, the `marked` one included.

    >>> drawn_lengths(4, 3).tolist()
    [0, 1, 2, 3, 4]
    """
    dense, even = np.geomspace(1, max(size, 1), 300), np.linspace(0, size, 300)
    lengths = np.unique(np.r_[0, dense.round(), even.round()])
    return np.union1d(lengths[lengths <= size], marked).astype(int)
