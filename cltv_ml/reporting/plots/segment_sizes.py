"""Customers and revenue of each segment."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def segment_sizes(profile: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return the share of customers next to the share of revenue of each segment.

    Drawn from `decisions.profile.profile_segments`: indexed by `segment`, columns `customers, revenue,
    revenue_share`.
    """
    figure = theme.figure("Segments: share of customers and of revenue", "Share", "Segment")
    size = profile["customers"].sum() or 1
    for name, share, amount, colour in (
        ("customers", profile["customers"] / size, profile["customers"], theme.ACTUAL),
        ("revenue", profile["revenue_share"], profile["revenue"], theme.PALETTE[0]),
    ):
        figure.add_bar(
            x=share,
            y=profile.index.astype("str"),
            orientation="h",
            name=name,
            marker_color=colour,
            customdata=amount,
            hovertemplate=f"%{{y}}: %{{x:.1%}} of {name} "
            f"(%{{customdata:{',.0f' if name == 'revenue' else ','}}})<extra></extra>",
        )
    figure.update_xaxes(tickformat=".0%")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure
