"""The tables behind the comparison figures: deciles, gains, predicted against realised."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from cltv_ml.errors import InputError
from cltv_ml.evaluation.metrics import gains, group_totals
from cltv_ml.tables import pandas_only


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

    One column per column of `predictions`, and `perfect`: the best possible order.
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


@pandas_only
def compute_bias_by_group(
    y_true: pd.Series, y_pred: pd.Series, groups: pd.Series, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Return predicted and realised value and the bias by group of customers.

    Columns `group`, `customers`, `predicted`, `realised` (means in currency), `bias` (predicted over
    realised, minus one) and `bias_lower`, `bias_upper`: how far chance in what the customers spent could
    have moved it (normal approximation to the mean realised). NaN where nobody of a group spent anything.

    >>> table = compute_bias_by_group(pd.Series([10.0, 0, 8]), pd.Series([6.0, 5, 8]), pd.Series(["a", "a", "b"]))
    >>> table["bias"].round(6).tolist()
    [0.1, 0.0]
    """
    frame = pd.DataFrame(
        {"group": groups.astype("str").to_numpy(), "p": np.asarray(y_pred), "y": np.asarray(y_true)}
    )
    grouped = frame.groupby("group", sort=False)
    mean, size = grouped[["p", "y"]].mean(), grouped.size()
    error = (grouped["y"].std().fillna(0.0) / np.sqrt(size)) * float(stats.norm.ppf((1 + confidence) / 2))
    realised = mean["y"].where(mean["y"] > 0)
    return pd.DataFrame(
        {
            "customers": size,
            "predicted": mean["p"],
            "realised": mean["y"],
            "bias": mean["p"] / realised - 1,
            "bias_lower": mean["p"] / (realised + error) - 1,
            "bias_upper": mean["p"] / (realised - error).where(realised > error) - 1,
        }
    ).reset_index()


def compute_coverage(
    y_true: pd.Series, predictions: pd.DataFrame, level: float = 0.9, groups: int = 10
) -> pd.DataFrame:
    """Return the coverage of the intervals by tenth of predicted value, the highest first.

    Columns `group`, `predicted` (mean in currency), `customers`, `coverage` (share inside), `wanted` (`level`),
    `width` (mean width in currency) and `nothing` (share who spent nothing: where it exceeds the level, no interval
    from zero can cover less). Customers who tie share evenly between groups.

    Raises
    ------
    InputError
        The predictions hold no `value_lower` and `value_upper`.
    """
    missing = [name for name in ("value_lower", "value_upper") if name not in predictions]
    if missing:
        raise InputError(f"predictions lack {missing}; predict with intervals to measure their coverage.")
    true = np.asarray(y_true, dtype=np.float64)
    lower, upper = predictions["value_lower"].to_numpy(), predictions["value_upper"].to_numpy()
    measured = {
        "coverage": (true >= lower) & (true <= upper),
        "width": upper - lower,
        "nothing": true <= 0,
    }
    size, value = len(true) / groups, predictions["expected_value"]
    table = pd.DataFrame({"group": np.arange(1, groups + 1), "customers": size, "wanted": level})
    for name, values in measured.items():
        predicted, total = group_totals(values, value, groups)
        table["predicted"], table[name] = predicted / size, total / size
    return table


@pandas_only
def compute_metric_ranges(results: pd.DataFrame) -> pd.DataFrame:
    """Return each model's metrics across test windows: `model, metric, mean, lowest, highest, windows`.

    With `horizon` next to them where the results are of several.

    Parameters
    ----------
    results
        RESULTS of one or several cutoffs; the range is over the cutoffs.
    """
    several = "horizon" in results and results["horizon"].nunique() > 1
    keys = ["model", *(["horizon"] if several else []), "metric"]
    grouped = results.groupby(keys, sort=False)["value"]
    return grouped.agg(mean="mean", lowest="min", highest="max", windows="size").reset_index()
