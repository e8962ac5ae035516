"""Purchases after the cutoff by time since the last purchase."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting.plots.conditional_by_frequency import conditional_means


def conditional_by_recency(conditional: pd.DataFrame) -> go.Figure:
    """Return mean purchases after the cutoff, actual and expected, by days since the last purchase.

    Drawn from `evaluation.diagnostics.compute_conditional` by recency: columns `group, predicted, actual,
    customers`.
    """
    by = "Days from the last purchase to the cutoff"
    return conditional_means("Purchases after the cutoff, by days since the last purchase", by, conditional)
