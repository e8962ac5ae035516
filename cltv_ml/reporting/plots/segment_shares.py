"""Share of customers in each segment or tier, in training and now."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def segment_shares(shares: pd.DataFrame, *, of: str = "Segment") -> go.Figure:
    """Return the share of customers in each segment or tier in training and now, with the interval of the latter.

    Parameters
    ----------
    shares
        `evaluation.drift.compute_shares`: columns `segment, before, share, lower, upper`.
    of
        Name of the division on the axis: "Segment" or "Tier".
    """
    figure = theme.figure(f"Customers per {of.lower()}, in training and now", of, "Share of customers")
    figure.add_bar(
        x=shares["segment"],
        y=shares["before"],
        name="in training",
        marker_color=theme.ACTUAL,
        hovertemplate="%{x}: %{y:.1%} in training<extra></extra>",
    )
    figure.add_bar(
        x=shares["segment"],
        y=shares["share"],
        name="now",
        marker_color=theme.MODEL,
        error_y=theme.whiskers(shares["share"], shares["lower"], shares["upper"]),
        hovertemplate="%{x}: %{y:.1%} now<extra></extra>",
    )
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure
