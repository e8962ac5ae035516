"""Distribution of orders and customers over their value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def spend_distribution(spend: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return lines of the share of orders and of customers by value, on a log axis.

    Drawn from `data.quality.compute_spend_histogram`: columns `of, lower, upper, count, share`.
    """
    figure = theme.figure(
        "Value of orders and of customers",
        theme.in_money("Value, log scale", currency),
        "Share of all",
    )
    for number, (of, rows) in enumerate(spend.groupby("of", sort=False)):
        figure.add_scatter(
            x=np.sqrt(rows["lower"] * rows["upper"]),
            y=rows["share"],
            name=f"per {of}",
            mode="lines",
            line={"color": theme.PALETTE[number], "shape": "hvh"},
            fill="tozeroy",
            customdata=rows[["lower", "upper", "count"]],
            hovertemplate="%{customdata[0]:,.2f} to %{customdata[1]:,.2f}<br>%{customdata[2]:,} (%{y:.1%})"
            f"<extra>{of}s</extra>",
        )
    figure.update_xaxes(**theme.log_axis([*spend["lower"], *spend["upper"]]))
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure
