"""Tables and figures of a model in MLflow, and its results on earlier windows."""

from __future__ import annotations

from collections.abc import Mapping

import mlflow

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.earlier import earlier_windows
from cltv_ml.evaluation.tables import compute_deciles, compute_gains
from cltv_ml.reporting import plots
from cltv_ml.reporting.svg import render_svg
from cltv_ml.tracking import runs


def log_views(result: WindowResult, name: str, currency: str = "") -> None:
    """Log a model's deciles and gains on the test window to the active run, as tables and as SVG."""
    deciles = compute_deciles(result.y_true, result.values[name]).assign(model=name)
    gains = compute_gains(result.y_true, result.values[[name]])
    runs.log_table(deciles, "tables/deciles.json")
    runs.log_table(gains, "tables/gains.json")
    mlflow.log_text(render_svg(plots.decile_calibration(deciles, currency=currency)), "figures/deciles.svg")
    mlflow.log_text(render_svg(plots.gains_curve(gains)), "figures/gains.svg")


def log_earlier_windows(result: WindowResult, name: str, parent: str, tags: Mapping[str, str]) -> None:
    """Log a run per earlier window below a model's run, with its out-of-fold metrics under the same names."""
    for window in earlier_windows(result, name):
        day = {"cutoff": f"{window.cutoff:%Y-%m-%d}"}
        params = {**day, "protocol": window.protocol, "customers": window.customers}
        runs.log_window(
            parent, f"{name} {day['cutoff']}", window.scores, params, {**tags, "model": name, **day}
        )
