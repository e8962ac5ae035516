"""The revenue tree: a change of revenue or margin, divided among the factors whose product it is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pandas as pd

#: The branches of revenue, and what turns revenue into margin.
BRANCHES = ("customers", "orders_per_customer", "revenue_per_order")
MARGIN_RATE = "margin_rate"


def compute_tree(periods: pd.DataFrame) -> pd.DataFrame:
    """Return each branch's part of the change from one period to the next; the parts sum to it to the cent.

    Columns `period`, `name`, `of` ("revenue" or "margin"), one per branch, and `change` (currency). A period without
    a purchase has no branches: they are missing.

    Parameters
    ----------
    periods
        The totals `revenue` and where known `margin`, and the branches (`BRANCHES` and `margin_rate`), in order.
    """
    rows = []
    wholes = {"revenue": BRANCHES} | ({"margin": (*BRANCHES, MARGIN_RATE)} if "margin" in periods else {})
    for (_, before), (_, after) in zip(periods.iterrows(), periods.iloc[1:].iterrows(), strict=False):
        for whole, branches in wholes.items():
            effects = share_change(
                [float(before[name]) for name in branches],
                [float(after[name]) for name in branches],
                float(after[whole]) - float(before[whole]),
            )
            row = {"period": after["period"], "name": after["name"], "of": whole}
            rows.append(
                row | dict(zip(branches, effects, strict=True)) | {"change": _exact(after, before, whole)}
            )
    return pd.DataFrame(rows, columns=["period", "name", "of", *next(reversed(wholes.values())), "change"])


def share_change(before: Sequence[float], after: Sequence[float], change: float) -> list[float]:
    """Return each factor's part of the change of a product, in ten-thousandths that sum to the change.

    A factor's part is the mean, over every order in which the factors could have changed one by one, of the change of
    its own step (Shapley's value). No order is preferred, there is no remainder, and factors may be negative. Source:
    A. F. Shorrocks, Decomposition procedures for distributional analysis, Journal of Economic Inequality 11, 2013.

    >>> share_change([10, 2.0, 5.0], [20, 2.0, 5.0], 100.0)
    [100.0, 0.0, 0.0]
    >>> share_change([2.0, 3.0], [4.0, 5.0], 14.0)
    [8.0, 6.0]
    """
    old, new = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if not (np.isfinite(old).all() and np.isfinite(new).all()):
        return [float("nan")] * len(old)
    orders = list(permutations(range(len(old))))
    effects = np.zeros(len(old))
    for order in orders:
        now = old.copy()
        for place in order:
            product = now.prod()
            now[place] = new[place]
            effects[place] += now.prod() - product
    parts = [round(float(effect) / len(orders), 4) for effect in effects]
    largest = int(np.argmax(np.abs(parts)))  # the ten-thousandths that rounding left go to the largest part
    parts[largest] = round(parts[largest] + change - sum(parts), 4)
    return [part + 0.0 for part in parts]


def _exact(after: pd.Series, before: pd.Series, whole: str) -> float:
    return round(float(after[whole]) - float(before[whole]), 4)
