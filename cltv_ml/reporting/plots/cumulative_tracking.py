"""Repeat purchases added up over the weeks, model against actual."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme
from cltv_ml.reporting.plots.weekly_tracking import add_tracking


def cumulative_tracking(tracking: pd.DataFrame) -> go.Figure:
    """Return all repeat purchases up to each week, actual and expected; right of the line the model saw nothing.

    Parameters
    ----------
    tracking
        `evaluation.diagnostics.compute_tracking`: columns `week, actual_total, expected_total, calibration`.
    """
    figure = theme.figure("Repeat purchases so far, actual and expected", "Week", "Repeat purchase days")
    return add_tracking(figure, tracking, "actual_total", "expected_total")
