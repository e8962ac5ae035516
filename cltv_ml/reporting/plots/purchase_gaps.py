"""Histogram of the days between purchases."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def purchase_gaps(gaps: pd.DataFrame) -> go.Figure:
    """Return bars of the days between purchase days and the cumulative share.

    Drawn from `data.quality.compute_gap_histogram`: columns `days, width, gaps, share, cumulative_share`.
    """
    figure = theme.figure(
        "Days between two purchases of a customer",
        "Days between purchase days (the last bar: longer)",
        "Pairs of purchases",
    )
    theme.add_faint_bars(
        figure,
        gaps["days"] + gaps["width"] / 2,
        gaps["gaps"],
        "pairs of purchases",
        "from %{customdata[0]} days<br>%{y:,} (%{customdata[1]:.1%})",
        width=gaps["width"],
        customdata=gaps[["days", "share"]],
    )
    figure.add_scatter(
        x=gaps["days"] + gaps["width"],
        y=gaps["cumulative_share"],
        name="share that came back by then",
        mode="lines",
        line_color=theme.PALETTE[1],
        yaxis="y2",
        hovertemplate="%{y:.0%} within %{x} days<extra></extra>",
    )
    figure.update_layout(yaxis2=theme.right_axis("Cumulative share", range=[0, 1.02], tickformat=".0%"))
    return figure
