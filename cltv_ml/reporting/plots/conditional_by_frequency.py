"""Purchases after the cutoff by number of purchases before it."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def conditional_by_frequency(conditional: pd.DataFrame) -> go.Figure:
    """Return mean purchases after the cutoff, actual and expected, by repeat purchases before it.

    Parameters
    ----------
    conditional
        `evaluation.diagnostics.compute_conditional` by frequency: columns `group, predicted, actual, customers`.
    """
    figure = theme.figure(
        "Purchases after the cutoff, by number of purchases before it",
        "Repeat purchase days before the cutoff",
        "Mean purchases after the cutoff",
    )
    return add_conditional(figure, conditional)


def add_conditional(figure: go.Figure, conditional: pd.DataFrame) -> go.Figure:
    """Draw actual and expected means by group into a figure."""
    theme.add_actual_and_expected(
        figure,
        conditional["group"],
        conditional["actual"],
        conditional["predicted"],
        mode="lines+markers",
        customdata=conditional["customers"],
        hovertemplate="%{y:.2f} (%{customdata:,} customers)",
    )
    return figure.update_xaxes(type="category")
