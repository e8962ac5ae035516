"""RESULTS of predictions: every metric of every model on one test window, as a tidy table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

import cltv_ml
from cltv_ml.evaluation.calibration import LEVEL
from cltv_ml.evaluation.interval_metrics import INTERVAL_METRICS, QUANTILE_METRICS
from cltv_ml.evaluation.metrics import METRICS, PURCHASE_METRICS, Targeting, profit
from cltv_ml.tables import RESULTS
from cltv_ml.windows import Window


def measure(
    window: Window,
    y_true: pd.Series,
    predictions: Mapping[str, pd.DataFrame],
    seconds: Mapping[str, float],
    p_buy: Mapping[str, np.ndarray] | None = None,
    *,
    targeting: Targeting | None = None,
) -> pd.DataFrame:
    """Return RESULTS of predictions by model's name.

    Every metric of expected values, those of intervals where the predictions hold bounds, those of "buys in the
    horizon" where `p_buy` gives a probability, and with `targeting` that campaign's profit. `seconds` is what
    each model took to fit and predict.
    """
    rows = [
        (name, window.cutoff, window.horizon, metric, value)
        for name, table in predictions.items()
        for metric, value in _metrics_of(y_true, table, (p_buy or {}).get(name), targeting).items()
    ]
    frame = pd.DataFrame(rows, columns=["model", "cutoff", "horizon", "metric", "value"])
    return RESULTS.check(frame.assign(seconds=frame["model"].map(seconds), version=cltv_ml.__version__))


def _metrics_of(
    y_true: pd.Series, table: pd.DataFrame, p_buy: np.ndarray | None, targeting: Targeting | None
) -> dict[str, float]:
    metrics = {name: metric.function(y_true, table["expected_value"]) for name, metric in METRICS.items()}
    if targeting is not None:
        metrics["profit"] = profit(y_true, table["expected_value"], targeting)
    if p_buy is not None and np.isfinite(p_buy).all():
        metrics |= {name: metric.function(y_true > 0, p_buy) for name, metric in PURCHASE_METRICS.items()}
    if "value_lower" in table:
        ends = table["value_lower"], table["value_upper"]
        metrics |= {name: metric(y_true, *ends, LEVEL) for name, metric in INTERVAL_METRICS.items()}
    if "value_median" in table:
        three = table["value_lower"], table["value_median"], table["value_upper"]
        metrics |= {name: metric(y_true, *three, LEVEL) for name, metric in QUANTILE_METRICS.items()}
    return metrics
