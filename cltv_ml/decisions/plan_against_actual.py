"""Plan against actual: a forecast of the shop, the realised numbers, and the causes of the difference."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd

#: The causes of a difference, in the order of the table.
CAUSES = ("volume", "mix", "frequency", "basket")


def explain_difference(plan: pd.DataFrame, actual: pd.DataFrame) -> pd.DataFrame:
    """Return each cause's part of actual minus planned revenue: `cause`, `change`; the last row is the total.

    Revenue is customers x sum over parts of (share of customers x orders per customer x revenue per order). Volume is
    the number of customers, mix the shares of known and new among them. A cause's part is the mean of its own step over
    every order of the steps (Shapley's value), so that the parts sum to the difference.

    Parameters
    ----------
    plan, actual
        Indexed by part ("known", "new"): `customers`, `orders`, `revenue`.

    >>> plan = pd.DataFrame({"customers": [10, 10], "orders": [20, 10], "revenue": [200.0, 50.0]},
    ...                     index=["known", "new"])
    >>> explain_difference(plan, 2 * plan).set_index("cause")["change"].to_dict()
    {'volume': 250.0, 'mix': 0.0, 'frequency': 0.0, 'basket': 0.0, 'total': 250.0}
    """
    before, after = _factors(plan, actual), _factors(actual, plan)
    effects = dict.fromkeys(CAUSES, 0.0)
    orders = list(permutations(CAUSES))
    for order in orders:
        now = dict(before)
        for cause in order:
            was = _revenue(now)
            now[cause] = after[cause]
            effects[cause] += (_revenue(now) - was) / len(orders)
    rows = [(cause, round(effects[cause], 2) + 0.0) for cause in CAUSES]
    total = round(float(actual["revenue"].sum() - plan["revenue"].sum()), 2)
    largest = int(np.argmax([abs(change) for _, change in rows]))
    left = total - sum(change for _, change in rows)
    rows[largest] = (rows[largest][0], round(rows[largest][1] + left, 2))
    return pd.DataFrame([*rows, ("total", total)], columns=["cause", "change"])


def _factors(table: pd.DataFrame, reference: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the factors of revenue; an empty part takes the other table's rates, so that they change nothing."""
    frequency, basket = (
        _price_or_volume(table, reference, above, below)
        for above, below in (("orders", "customers"), ("revenue", "orders"))
    )
    customers = float(table["customers"].sum())
    share = table["customers"].to_numpy(dtype=np.float64) / max(customers, 1e-12)
    return {"volume": np.array(customers), "mix": share, "frequency": frequency, "basket": basket}


def _price_or_volume(table: pd.DataFrame, reference: pd.DataFrame, above: str, below: str) -> np.ndarray:
    rates = table[above] / table[below].where(table[below] > 0)
    reference_rates = reference[above] / reference[below].where(reference[below] > 0)
    return rates.fillna(reference_rates).fillna(0.0).to_numpy(dtype=np.float64)


def _revenue(factors: dict[str, np.ndarray]) -> float:
    return float(factors["volume"] * (factors["mix"] * factors["frequency"] * factors["basket"]).sum())
