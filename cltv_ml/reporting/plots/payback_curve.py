"""Payback: the value of a customer by age, against the cost of winning one."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.decisions.acquisition_value import enough_seen
from cltv_ml.reporting import theme

#: Most channels in the figure: the first ones of the table.
CHANNELS_DRAWN = 6


@theme.in_its_currency
def payback_curve(value: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return expected (lines) and realised (points) value per customer by age, and each channel's cost (dotted).

    `value` has the columns `channel, age, customers, seen, realised, expected, cac`
    (`decisions.acquisition_value.value_by_channel` with the cost per customer).
    """
    figure = theme.figure(
        "Value of a customer by age, and the cost of winning one",
        "Days since the first purchase",
        theme.in_money("Per customer won", currency),
    )
    channels = list(dict.fromkeys(value["channel"]))[:CHANNELS_DRAWN]
    for channel, colour in theme.colours(channels).items():
        of_channel = value[value["channel"] == channel]
        figure.add_scatter(
            x=of_channel["age"],
            y=of_channel["expected"],
            name=str(channel),
            mode="lines",
            line={"color": colour},
            hovertemplate="day %{x}: %{y:,.2f} expected<extra></extra>",
        )
        observed = of_channel[enough_seen(of_channel) & of_channel["realised"].notna()]
        figure.add_scatter(
            x=observed["age"],
            y=observed["realised"],
            name=f"{channel}, realised",
            mode="markers",
            marker={"color": colour, "size": 6},
            showlegend=False,
            hovertemplate="day %{x}: %{y:,.2f} realised<extra></extra>",
        )
        figure.add_scatter(
            x=[0, of_channel["age"].max()],
            y=[of_channel["cac"].iloc[0]] * 2,
            name=f"{channel}, cost",
            mode="lines",
            line={"color": colour, "dash": "dot", "width": 1.2},
            showlegend=False,
            hovertemplate="cost %{y:,.2f}<extra></extra>",
        )
    figure.update_yaxes(rangemode="tozero")
    return figure
