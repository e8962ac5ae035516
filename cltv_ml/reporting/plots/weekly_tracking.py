"""Repeat purchases week by week, model against actual."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def weekly_tracking(tracking: pd.DataFrame) -> go.Figure:
    """Return repeat purchases per week, actual and expected; the fit used no week right of the line.

    Drawn from `evaluation.diagnostics.compute_tracking`: columns `week, actual, expected, calibration`.
    """
    return by_week("Repeat purchases per week, actual and expected", tracking, "actual", "expected")


def by_week(title: str, tracking: pd.DataFrame, actual: str, expected: str) -> go.Figure:
    """Return actual and expected purchases by week, with the end of the calibration."""
    figure = theme.figure(title, "Week", "Repeat purchase days")
    week, lines = tracking["week"], (tracking[actual], tracking[expected])
    theme.add_actual_and_expected(figure, week, *lines, mode="lines", hovertemplate="%{y:,.0f}")
    ahead = tracking.loc[~tracking["calibration"], "week"]
    if len(ahead):
        figure.add_vline(x=ahead.iloc[0], line={"color": theme.REFERENCE, "dash": "dot"})
        figure.add_annotation(
            x=ahead.iloc[0], y=1, yref="paper", text="cutoff", showarrow=False, xanchor="right", xshift=-4
        )
    return figure
