"""Newcomers: customers whose first purchase lies a few days before the cutoff, as a group of their own."""

from __future__ import annotations

import pandas as pd

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.metrics import bias, gini

#: Days since the first purchase for which a customer is a newcomer.
DAYS = 30

#: Fewest newcomers who bought in the window: with fewer their ranking is chance.
MIN_NEW_BUYERS = 10


def compute_newcomers(result: WindowResult) -> pd.DataFrame:
    """Return each model's metrics for customers in their first days: `customers`, `buyers`, `gini`, `bias` by model.

    They have almost no history, so attributes and the first order matter most for them. NaN where fewer than
    `MIN_NEW_BUYERS` of them bought in the window.
    """
    young = (result.training.X_now["T"] < DAYS).to_numpy()
    y_true = result.y_true[young]
    buyers = int((y_true > 0).sum())
    rows = {}
    for name, table in result.predictions.items():
        values = table["expected_value"][young]
        enough = buyers >= MIN_NEW_BUYERS
        rows[name] = {
            "customers": len(y_true),
            "buyers": buyers,
            "gini": gini(y_true, values) if enough else float("nan"),
            "bias": bias(y_true, values) if enough else float("nan"),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def newcomers_sentence(newcomers: pd.DataFrame, champion: str) -> str:
    """Return a sentence on the champion's metrics for newcomers; empty if too few of them bought.

    >>> table = pd.DataFrame({"customers": [532], "buyers": [90], "gini": [0.49], "bias": [0.06]}, index=["tweedie"])
    >>> newcomers_sentence(table, "tweedie")
    'of 532 customers in their first 30 days it has the best ranking (Gini 0.490, bias +6%)'
    """
    if champion not in newcomers.index or not newcomers["gini"].notna().any():
        return ""
    own, best = newcomers.loc[champion], newcomers["gini"].idxmax()
    text = f"of {own['customers']:,.0f} customers in their first {DAYS} days it has "
    figures = f"(Gini {own['gini']:.3f}, bias {own['bias']:+.0%})"
    if own["gini"] >= newcomers["gini"].max() - 1e-9:
        return f"{text}the best ranking {figures}"
    return f"{text}a weaker ranking {figures} than {best} (Gini {newcomers.at[best, 'gini']:.3f})"
