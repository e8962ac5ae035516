"""Customers by number of repeat purchases, model against actual."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def frequency_fit(fit: pd.DataFrame) -> go.Figure:
    """Return customers by number of repeat purchases: actual numbers next to the model's.

    Drawn from `evaluation.diagnostics.compute_frequency_fit`: columns `frequency, actual, model`.
    """
    figure = theme.figure(
        "Repeat purchases before the cutoff: actual and expected number of customers",
        "Repeat purchase days",
        "Customers",
    )
    for name, colour in (("actual", theme.ACTUAL), ("model", theme.MODEL)):
        figure.add_bar(
            x=fit["frequency"],
            y=fit[name],
            name=name,
            marker_color=colour,
            hovertemplate="%{x} repeat purchases<br>%{y:,.0f} customers<extra>" + name + "</extra>",
        )
    figure.update_xaxes(type="category")
    return figure
