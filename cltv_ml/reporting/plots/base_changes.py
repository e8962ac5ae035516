"""Customers won, kept, returned and lost from period to period."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme

_PART_COLOURS = {"kept": theme.PALETTE[0], "returned": theme.PALETTE[4], "new": theme.GAIN}


def base_changes(periods: pd.DataFrame) -> go.Figure:
    """Return stacked bars of the customers who bought in each period and, below zero, those lost since the one before.

    Drawn from `decisions.compute_audit(log).periods`: columns `name, complete, new, kept, returned, lost`.
    """
    figure = theme.figure("Customers kept, won back, won and lost", "Period", "Customers")
    names = [
        name if complete else f"{name} (part)"
        for name, complete in zip(periods["name"], periods["complete"], strict=True)
    ]
    for group, colour in _PART_COLOURS.items():
        figure.add_bar(
            x=names,
            y=periods[group],
            name=group,
            marker_color=colour,
            hovertemplate=f"%{{x}}: %{{y:,}} {group}<extra></extra>",
        )
    figure.add_bar(
        x=names,
        y=-periods["lost"],
        meta={"y": periods["lost"].tolist()},
        name="lost",
        marker_color=theme.LOSS,
        customdata=periods["lost"],
        hovertemplate="%{x}: %{customdata:,} lost<extra></extra>",
    )
    figure.update_layout(barmode="relative")
    figure.update_xaxes(type="category")
    return figure
