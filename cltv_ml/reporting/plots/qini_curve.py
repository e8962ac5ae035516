"""Qini curve of a past campaign."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def qini_curve(curves: pd.DataFrame) -> go.Figure:
    """Return, per arm, the campaign's gain by length of the list (solid), and that of a random list (dotted).

    The further the curve lies above its dotted line, the better the score finds responsive customers.

    Drawn from `CampaignLesson.curves`: columns `arm`, and `share, customers, incremental, random` of
    `decisions.qini_curve`.
    """
    figure = theme.figure(
        "Added outcome by share of customers treated; dotted: treated at random",
        "Share of customers, highest uplift first",
        "Added outcome among recipients",
    )
    for arm, colour in theme.colours(dict.fromkeys(curves["arm"])).items():
        of_arm = curves[curves["arm"] == arm]
        figure.add_scatter(
            x=of_arm["share"],
            y=of_arm["incremental"],
            name=arm,
            mode="lines",
            line={"color": colour, "width": 2.5},
            customdata=of_arm["customers"],
            hovertemplate="%{y:+,.0f} with the first %{customdata:,}",
        )
        figure.add_scatter(
            x=of_arm["share"].iloc[[0, -1]],
            y=of_arm["random"].iloc[[0, -1]],
            name=f"{arm}, at random",
            mode="lines",
            line={"color": colour, "width": 1.5, "dash": "dot"},
            hoverinfo="skip",
        )
    figure.update_layout(hovermode="x unified")
    return figure.update_xaxes(tickformat=".0%", hoverformat=".0%")
