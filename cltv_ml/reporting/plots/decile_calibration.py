"""Predicted against realised value per tenth of the customers."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def decile_calibration(deciles: pd.DataFrame, *, currency: str = "", show: str | None = None) -> go.Figure:
    """Return bars of realised value and a line of predictions per decile: a calibrated model meets its bars.

    Parameters
    ----------
    deciles
        Columns `model, decile, predicted, realised` (mean per customer, decile 1 the highest).
    show
        The model shown at first; the others can be switched on in the legend. All are shown if None.
    """
    figure = theme.figure(
        "Each tenth of the customers: predicted (line) and realised (bars)",
        "Tenth of customers, 1 = highest prediction",
        theme.in_money("Mean per customer", currency),
    )
    for model, colour in theme.colours(deciles["model"].unique()).items():
        rows = deciles[deciles["model"] == model]
        visible = True if show in (None, model) else "legendonly"
        name = theme.label(model)
        figure.add_bar(
            x=rows["decile"],
            y=rows["realised"],
            name=f"{name}: spent",
            marker_color=colour,
            opacity=0.4,
            visible=visible,
            legendgroup=model,
            showlegend=False,
            hovertemplate="tenth %{x}<br>spent %{y:,.2f}<extra>" + name + "</extra>",
        )
        figure.add_scatter(
            x=rows["decile"],
            y=rows["predicted"],
            name=name,
            mode="lines+markers",
            line_color=colour,
            visible=visible,
            legendgroup=model,
            hovertemplate="tenth %{x}<br>predicted %{y:,.2f}<extra>" + name + "</extra>",
        )
    figure.update_xaxes(dtick=1)
    figure.update_yaxes(rangemode="tozero")
    return figure
