"""Purchases after the cutoff by how often customers had bought before."""

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
    made = theme.figure(
        "Purchases after the cutoff, by how often customers bought before",
        "Repeat purchase days before the cutoff",
        "Mean purchases after the cutoff",
    )
    return add_conditional(made, conditional)


def add_conditional(made: go.Figure, conditional: pd.DataFrame) -> go.Figure:
    """Draw actual and expected means by group into a figure."""
    for column, name, colour, dash in (
        ("actual", "actual", theme.ACTUAL, "solid"),
        ("predicted", "expected", theme.MODEL, "dash"),
    ):
        made.add_scatter(
            x=conditional["group"],
            y=conditional[column],
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash},
            customdata=conditional["customers"],
            hovertemplate="%{y:.2f} (%{customdata:,} customers)",
        )
    made.update_layout(hovermode="x unified")
    made.update_xaxes(type="category")
    made.update_yaxes(rangemode="tozero")
    return made
