"""What the MLflow UI shows of a model beside its metrics: tables, small pictures, and how it did on earlier windows."""

from __future__ import annotations

from collections.abc import Mapping

import mlflow
import numpy as np

from cltv_ml.evaluation.backtest import WindowResult, measure
from cltv_ml.evaluation.tables import compute_deciles, compute_gains
from cltv_ml.ops import tracking
from cltv_ml.reporting import plots
from cltv_ml.reporting.svg import render_svg
from cltv_ml.windows import Window


def log_views(result: WindowResult, name: str) -> None:
    """Log a model's deciles and gains on the test window to the active run, as tables and as SVG."""
    deciles = compute_deciles(result.y_true, result.values[name]).assign(model=name)
    gains = compute_gains(result.y_true, result.values[[name]])
    tracking.log_table(deciles, "tables/deciles.json")
    tracking.log_table(gains, "tables/gains.json")
    mlflow.log_text(render_svg(plots.decile_calibration(deciles)), "figures/deciles.svg")
    mlflow.log_text(render_svg(plots.gains_curve(gains)), "figures/gains.svg")


def log_earlier_windows(result: WindowResult, name: str, parent: str, tags: Mapping[str, str]) -> None:
    """Log below a model's run what it foresaw of earlier windows, fitted without them: one run per window."""
    validation = result.validation
    if validation is None or name not in validation.predictions:
        return
    for cutoff, y_true in validation.y_true.groupby(level="cutoff"):
        window = Window(cutoff, result.window.horizon)
        predicted = validation.predictions.loc[y_true.index, [name]].set_axis(["expected_value"], axis=1)
        found = measure(window, y_true, {name: predicted}, {name: np.nan}).dropna(subset="value")
        tracking.log_window(
            parent,
            f"{name} {cutoff:%Y-%m-%d}",
            dict(zip(found["metric"], found["value"], strict=True)),
            {"cutoff": f"{cutoff:%Y-%m-%d}", "protocol": validation.protocol},
            {**tags, "model": name, "cutoff": f"{cutoff:%Y-%m-%d}"},
        )
