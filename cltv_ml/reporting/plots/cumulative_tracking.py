"""Cumulative repeat purchases by week, model against actual."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting.plots.weekly_tracking import by_week


def cumulative_tracking(tracking: pd.DataFrame) -> go.Figure:
    """Return cumulative repeat purchases by week, actual and expected; the fit used no week right of the line.

    Drawn from `evaluation.diagnostics.compute_tracking`: columns `week, actual_total, expected_total,
    calibration`.
    """
    return by_week("Repeat purchases so far, actual and expected", tracking, "actual_total", "expected_total")
