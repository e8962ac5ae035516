"""Repeat purchases week by week, model against actual."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def weekly_tracking(tracking: pd.DataFrame) -> go.Figure:
    """Return repeat purchases per week, actual and expected; the fit used no week right of the line.

    Parameters
    ----------
    tracking
        `evaluation.diagnostics.compute_tracking`: columns `week, actual, expected, calibration`.
    """
    figure = theme.figure("Repeat purchases per week, actual and expected", "Week", "Repeat purchase days")
    return add_tracking(figure, tracking, "actual", "expected")


def add_tracking(figure: go.Figure, tracking: pd.DataFrame, actual: str, expected: str) -> go.Figure:
    """Draw actual and expected purchases and the end of the calibration into a figure."""
    week, lines = tracking["week"], (tracking[actual], tracking[expected])
    theme.add_actual_and_expected(figure, week, *lines, mode="lines", hovertemplate="%{y:,.0f}")
    ahead = tracking.loc[~tracking["calibration"], "week"]
    if len(ahead):
        figure.add_vline(x=ahead.iloc[0], line={"color": theme.REFERENCE, "dash": "dot"})
        figure.add_annotation(
            x=ahead.iloc[0], y=1, yref="paper", text="cutoff", showarrow=False, xanchor="right", xshift=-4
        )
    return figure
