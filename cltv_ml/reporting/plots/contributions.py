"""Contribution of each feature to customers' expected values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def contributions(contributions: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return a point per customer and feature: points on the right raise the value, points on the left lower it.

    Features run from the most to the least important; the colour says whether a customer's own value of the
    feature is low or high. The vertical spread of points has no meaning.

    Drawn from `evaluation.explain.compute_contributions`: columns `feature, title, value, rank,
    contribution`.
    """
    figure = theme.figure(
        "Contribution of each feature to the expected value",
        theme.in_money("Added to the expected value", currency),
        "Feature",
    )
    titles = list(dict.fromkeys(contributions["title"]))
    spread = np.random.default_rng(0).uniform(-0.32, 0.32, len(contributions))
    figure.add_scatter(
        x=contributions["contribution"],
        y=contributions["title"].map(titles.index) + spread,
        meta={"y": 0},
        name="customers",
        mode="markers",
        customdata=contributions[["title", "value"]],
        marker={
            "size": 5,
            "opacity": 0.65,
            "color": contributions["rank"].fillna(0.5),
            "cmin": 0,
            "cmax": 1,
            "colorscale": [[0, theme.PALETTE[0]], [0.5, theme.REFERENCE], [1, theme.LOSS]],
            "colorbar": {"title": "Feature", "tickvals": [0, 1], "ticktext": ["low", "high"]},
        },
        hovertemplate="%{customdata[0]}: %{customdata[1]:,.4~r}<br>adds %{x:+,.2f}<extra></extra>",
    )
    figure.add_vline(x=0, line={"color": theme.REFERENCE, "dash": "dot"})
    figure.update_yaxes(
        tickvals=list(range(len(titles))),
        ticktext=[_shortened(title) for title in titles],
        range=[len(titles) - 0.5, -0.5],
        showgrid=False,
    )
    figure.update_layout(showlegend=False)
    return figure


def _shortened(title: str) -> str:
    return title if len(title) <= 44 else title[:43].rstrip(" ,") + "…"
