"""Heat map of P(alive) over possible purchase histories."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme
from cltv_ml.reporting.plots.purchases_map import add_history


def alive_map(grid: pd.DataFrame) -> go.Figure:
    """Return a heat map of P(alive) by repeat purchases and age at the last one.

    Parameters
    ----------
    grid
        `evaluation.diagnostics.compute_history_grid`: columns `frequency, recency, p_alive`.
    """
    figure = theme.figure(
        "Probability that a customer is still active, by history",
        "Age at the last purchase (recency)",
        "Repeat purchase days (frequency)",
    )
    return add_history(figure, grid, "p_alive", ".0%")
