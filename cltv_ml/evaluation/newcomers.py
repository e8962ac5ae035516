"""Newcomers: customers whose first purchase lies a few days before the cutoff, as a group of their own."""

from __future__ import annotations

import pandas as pd

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.compare import compare_pair
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


def newcomers_sentence(result: WindowResult, champion: str) -> str:
    """Return a sentence on how the champion ranks newcomers; empty if too few of them bought.

    Another model is named only if its ranking is significantly better: the paired 95% interval of the Gini.
    """
    newcomers = compute_newcomers(result)
    if champion not in newcomers.index or not newcomers["gini"].notna().any():
        return ""
    own, best = newcomers.loc[champion], newcomers["gini"].idxmax()
    young = (result.training.X_now["T"] < DAYS).to_numpy()
    pair = compare_pair(result.y_true[young], result.values[champion][young], result.values[best][young])
    newest = f"the {own['customers']:,.0f} customers in their first {DAYS} days"
    figures = f"(Gini {own['gini']:.3f}, bias {own['bias']:+.0%})"
    if pair.loc["gini", "better"] == "challenger":
        return f"it ranks {newest} worse {figures} than {best} (Gini {newcomers.at[best, 'gini']:.3f})"
    return f"no other model is shown to rank {newest} better {figures}"
