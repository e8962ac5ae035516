"""Revenue of an average day by month and by weekday."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme

_TICK_NAMES = {
    "month": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "weekday": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}


def season_profile(seasons: pd.DataFrame) -> go.Figure:
    """Return the revenue of a day in each month and on each weekday, as a multiple of an average day.

    Drawn from `data.compute_seasonality`: columns `part, number, orders, revenue, index`.
    """
    figure = theme.figure(
        "Revenue per day by month and weekday; 1 is an average day",
        "Month, weekday",
        "Multiple of an average day",
    )
    for (part, names), colour in zip(_TICK_NAMES.items(), theme.PALETTE, strict=False):
        of_part = seasons[seasons["part"] == part]
        figure.add_bar(
            x=[names[number - 1] for number in of_part["number"]],
            y=of_part["index"],
            name=part,
            marker_color=colour,
            customdata=of_part["orders"],
            hovertemplate="%{x}: %{y:.2f} times an average day<br>%{customdata:,} orders in total<extra></extra>",
        )
    figure.add_hline(y=1, line={"color": theme.REFERENCE, "dash": "dot", "width": 1.5})
    figure.update_yaxes(rangemode="tozero")
    return figure
