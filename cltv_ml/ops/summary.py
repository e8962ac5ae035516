"""What a training says in words, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.data import Cleaned
from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.compare import Verdict
from cltv_ml.evaluation.tables import compute_deciles, compute_gains, compute_realised
from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.report import section, summarise


def comparison_table(result: WindowResult, champion: str | None = None) -> pd.DataFrame:
    """Return the comparison as a reader sees it: one formatted row per model, the champion marked."""
    scores = result.scores
    return pd.DataFrame(
        {
            "Model": [theme.label(name) + (" ★" if name == champion else "") for name in scores.index],
            "Bias": [f"{value:+.1%}" for value in scores["bias"]],
            "Decile error": [f"{value:.1%}" for value in scores["decile_mape"]],
            "Gini": [f"{value:.3f}" for value in scores["gini"]],
            "Spearman": [f"{value:.3f}" for value in scores["spearman"]],
            "Top 10%": [f"{value:.1%}" for value in scores["top_decile_capture"]],
            "MAE": [f"{value:,.2f}" for value in scores["mae"]],
            "RMSE": [f"{value:,.2f}" for value in scores["rmse"]],
        }
    )


def model_summary(result: WindowResult, name: str) -> dict[str, Any]:
    """Return the summary of one model on the test window: its three figures."""
    return summarise(
        theme.label(name),
        _window_sentence(result),
        [section("On the test window", figures=_figures(result, [name]))],
    )


def training_summary(
    cleaned: Cleaned, result: WindowResult, verdict: Verdict, dataset: str, notes: Sequence[str]
) -> dict[str, Any]:
    """Return the summary of a training: what was done, how good the predictions are."""
    log = cleaned.log
    data = (
        f"{len(log):,} purchases of {log['customer_id'].nunique():,} customers from "
        f"{log['timestamp'].min():%Y-%m-%d} to {log['timestamp'].max():%Y-%m-%d}, {log['amount'].sum():,.2f} in "
        f"revenue; {len(cleaned.quarantine):,} rows were set aside with a reason each."
    )
    origins = result.training.origins
    trained = (
        f"The XGBoost models learned from {len(result.training.X):,} rows at {len(origins)} earlier cutoffs, the "
        f"latest {origins[0].cutoff:%Y-%m-%d}; the probabilistic models from everything before the test cutoff."
        if origins else "Only models that need no labelled earlier window competed."
    )  # fmt: skip
    realised = float(result.y_true.sum())
    forecast = float(result.values[verdict.champion].sum())
    quality = (
        f"{theme.label(verdict.champion)} promised {forecast:,.0f} for these customers over {result.window.horizon} "
        f"days; they spent {realised:,.0f}."
    )
    comparison = comparison_table(result, verdict.champion)
    return summarise(
        f"Customer lifetime value: {dataset}",
        _window_sentence(result),
        [
            section("What was done", [data, trained, *notes]),
            section(
                "How good the predictions are",
                [quality, f"Champion {verdict.reason}."],
                tables={"Every model on the same customers and the same untouched window": comparison},
                figures=_figures(result, list(result.models), verdict.champion),
            ),
        ],
    )


def _window_sentence(result: WindowResult) -> str:
    window = result.window
    return (
        f"Tested on {len(result.y_true):,} customers over {window.horizon} days from {window.cutoff:%Y-%m-%d} "
        f"to {window.end - pd.Timedelta(days=1):%Y-%m-%d}, a window nothing was fitted on."
    )


def _figures(result: WindowResult, names: Sequence[str], show: str | None = None) -> dict[str, go.Figure]:
    deciles = _stack({name: compute_deciles(result.y_true, result.values[name]) for name in names})
    realised = _stack({name: compute_realised(result.y_true, result.values[name]) for name in names})
    gains = compute_gains(result.y_true, result.values[list(names)])
    return {
        "Predicted and realised value per tenth of the customers": plots.decile_calibration(
            deciles, show=show
        ),
        "Share of realised value found in the top share of customers": plots.gains_curve(gains),
        "Realised value over predicted value": plots.predicted_against_realised(realised, show=show),
    }


def _stack(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([table.assign(model=name) for name, table in tables.items()], ignore_index=True)
