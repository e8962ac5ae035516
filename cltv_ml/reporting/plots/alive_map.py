"""Heat map of P(alive) over possible purchase histories."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting.plots.purchases_map import history_map


def alive_map(grid: pd.DataFrame) -> go.Figure:
    """Return a heat map of P(alive) by repeat purchases and age at the last one.

    Drawn from `evaluation.diagnostics.compute_history_grid`: columns `frequency, recency, p_alive`.
    """
    return history_map("Probability that a customer is still active, by history", grid, "p_alive", ".0%")
