"""The tables behind the comparison figures: deciles, gains, predicted against realised."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.evaluation.metrics import gains, group_totals


def compute_deciles(y_true: pd.Series, y_pred: pd.Series, groups: int = 10) -> pd.DataFrame:
    """Return mean predicted and realised value per group, group 1 holding the highest predictions.

    Columns `decile`, `predicted`, `realised` (currency per customer) and `customers`.
    """
    predicted, realised = group_totals(y_true, y_pred, groups)
    size = len(y_true) / groups
    return pd.DataFrame(
        {
            "decile": np.arange(1, groups + 1),
            "predicted": predicted / size,
            "realised": realised / size,
            "customers": size,
        }
    )


def compute_gains(y_true: pd.Series, predictions: pd.DataFrame, points: int = 101) -> pd.DataFrame:
    """Return gains curves: `share` of customers from the top, share of money captured per model.

    One column per column of `predictions`, and `perfect`: the order nobody could better.
    """
    share = np.linspace(0, 1, points)
    curves = {name: np.interp(share, *gains(y_true, predictions[name])) for name in predictions.columns}
    return pd.DataFrame({"share": share, **curves, "perfect": np.interp(share, *gains(y_true, y_true))})


def compute_realised(y_true: pd.Series, y_pred: pd.Series, bins: int = 40) -> pd.DataFrame:
    """Return mean realised value over bins of predicted value that are equally wide on a log scale.

    Columns `predicted`, `realised` (mean in currency), `customers` and `active_share`; customers whose
    prediction is zero form the first row. Aggregated so that a million customers draw like ten.
    """
    table = pd.DataFrame({"predicted": np.asarray(y_pred), "realised": np.asarray(y_true)})
    positive = table["predicted"] > 0
    logs = np.log(table.loc[positive, "predicted"])
    table["bin"] = -1
    if positive.any():
        width = max(float(logs.max() - logs.min()), 1e-9) / bins
        table.loc[positive, "bin"] = np.minimum((logs - logs.min()) // width, bins - 1).astype(int)
    grouped = table.groupby("bin")
    return pd.DataFrame(
        {
            "predicted": grouped["predicted"].mean(),
            "realised": grouped["realised"].mean(),
            "customers": grouped.size(),
            "active_share": grouped["realised"].agg(lambda values: (values > 0).mean()),
        }
    ).reset_index(drop=True)
