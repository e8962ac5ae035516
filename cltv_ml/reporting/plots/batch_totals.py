"""Forecasts of earlier batches against realised revenue."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def batch_totals(batches: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return forecast and realised value of each scored batch whose horizon has passed.

    `batches` has the columns `cutoff` (date), `predicted` and `realised` (totals in currency).
    """
    figure = theme.figure(
        "Predicted and realised total of each batch",
        "Scored at",
        theme.in_money("Total over the horizon", currency),
    )
    for column, colour in (("predicted", theme.MODEL), ("realised", theme.ACTUAL)):
        figure.add_bar(
            x=batches["cutoff"].dt.strftime("%Y-%m-%d"),
            y=batches[column],
            name=column,
            marker_color=colour,
            hovertemplate="%{x}<br>" + column + " %{y:,.0f}<extra></extra>",
        )
    return figure.update_xaxes(type="category")  # one batch alone would be dated to the second
