"""Mean spend of repeat buyers, model against actual."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def spend_fit(fit: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return the distribution of repeat buyers' mean spend, next to that of the spend model.

    Drawn from `evaluation.diagnostics.compute_spend_fit`: columns `lower, upper, actual, model`.
    """
    figure = theme.figure(
        "Mean spend of repeat buyers, actual and expected",
        theme.in_money("Mean spend per purchase day, log scale", currency),
        "Customers",
    )
    middle = np.sqrt(fit["lower"] * fit["upper"])
    figure.add_bar(
        x=middle,
        y=fit["actual"],
        width=fit["upper"] - fit["lower"],
        name="actual",
        marker_color=theme.ACTUAL,
        opacity=0.6,
        hovertemplate="about %{x:,.2f}<br>%{y:,} customers<extra>actual</extra>",
    )
    figure.add_scatter(
        x=middle,
        y=fit["model"],
        name="model",
        mode="lines",
        line_color=theme.MODEL,
        hovertemplate="about %{x:,.2f}<br>%{y:,.0f} customers<extra>model</extra>",
    )
    figure.update_xaxes(**theme.log_axis(middle))
    return figure
