"""Purchases after the cutoff by time since the last purchase."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme
from cltv_ml.reporting.plots.conditional_by_frequency import add_conditional


def conditional_by_recency(conditional: pd.DataFrame) -> go.Figure:
    """Return mean purchases after the cutoff, actual and expected, by days since the last purchase.

    Parameters
    ----------
    conditional
        `evaluation.diagnostics.compute_conditional` by recency: columns `group, predicted, actual, customers`.
    """
    figure = theme.figure(
        "Purchases after the cutoff, by days since the last purchase",
        "Days from the last purchase to the cutoff",
        "Mean purchases after the cutoff",
    )
    return add_conditional(figure, conditional)
