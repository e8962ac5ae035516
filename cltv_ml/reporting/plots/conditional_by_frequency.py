"""Purchases after the cutoff by number of purchases before it."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def conditional_by_frequency(conditional: pd.DataFrame) -> go.Figure:
    """Return mean purchases after the cutoff, actual and expected, by repeat purchases before it.

    Drawn from `evaluation.diagnostics.compute_conditional` by frequency: columns `group, predicted, actual,
    customers`.
    """
    by = "Repeat purchase days before the cutoff"
    return conditional_means("Purchases after the cutoff, by number of purchases before it", by, conditional)


def conditional_means(title: str, by: str, conditional: pd.DataFrame) -> go.Figure:
    """Return the actual and expected means of each group, whose axis is named `by`."""
    figure = theme.figure(title, by, "Mean purchases after the cutoff")
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
