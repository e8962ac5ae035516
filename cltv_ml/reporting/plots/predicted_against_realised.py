"""Realised value over predicted value, both on log axes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def predicted_against_realised(
    realised: pd.DataFrame, *, currency: str = "", show: str | None = None
) -> go.Figure:
    """Return mean realised value per bin of predicted value; a calibrated model follows the diagonal.

    Parameters
    ----------
    realised
        Columns `model, predicted, realised, customers, active_share`, one row per bin. Bins with nothing predicted or
        spent cannot be shown on a log axis and are left out.
    show
        The model shown at first; the others can be switched on in the legend. All are shown if None.
    """
    figure = theme.figure(
        "Realised spend by predicted spend; calibrated points lie on the line",
        theme.in_money("Predicted, log scale", currency),
        theme.in_money("Mean realised spend, log scale", currency),
    )
    drawn = realised[(realised["predicted"] > 0) & (realised["realised"] > 0)]
    for model, colour in theme.colours(realised["model"].unique()).items():
        rows = drawn[drawn["model"] == model]
        figure.add_scatter(
            x=rows["predicted"],
            y=rows["realised"],
            name=theme.label(model),
            mode="markers",
            visible=True if show in (None, model) else "legendonly",
            marker={"color": colour, "size": 6 + 3 * np.log10(rows["customers"]), "opacity": 0.75},
            customdata=rows[["customers", "active_share"]],
            hovertemplate="predicted %{x:,.2f}<br>spent %{y:,.2f}<br>%{customdata[0]:,} customers, "
            "%{customdata[1]:.0%} of them bought<extra>" + theme.label(model) + "</extra>",
        )
    if len(drawn):
        ends = [drawn[["predicted", "realised"]].min().min(), drawn[["predicted", "realised"]].max().max()]
        figure.add_scatter(
            x=ends,
            y=ends,
            name="predicted = realised",
            mode="lines",
            line={"color": theme.REFERENCE, "dash": "dash"},
            hoverinfo="skip",
        )
    figure.update_xaxes(**theme.log_axis(drawn["predicted"]))
    figure.update_yaxes(**theme.log_axis(drawn["realised"]))
    return figure
