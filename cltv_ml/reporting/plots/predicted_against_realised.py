"""Realised value over predicted value, both on log axes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def predicted_against_realised(
    realised: pd.DataFrame, *, currency: str = "", show: str | None = None
) -> go.Figure:
    """Return mean realised value per bin of predicted value; a calibrated model follows the diagonal.

    Parameters
    ----------
    realised
        Columns `model, predicted, realised, customers, active_share`, one row per bin. Bins in which
        nothing was predicted or spent have no place on a log axis and are left out.
    currency
        Written on the axes.
    show
        The model drawn at first; the others wait in the legend. All are drawn if None.
    """
    unit = f" ({currency})" if currency else ""
    made = theme.figure(
        "Do customers spend what was predicted for them?",
        f"Predicted value{unit}, log scale",
        f"Mean realised value{unit}, log scale",
    )
    drawn = realised[(realised["predicted"] > 0) & (realised["realised"] > 0)]
    models = list(realised["model"].unique())
    for model, colour in theme.colours(models).items():
        rows = drawn[drawn["model"] == model]
        made.add_scatter(
            x=rows["predicted"], y=rows["realised"], name=theme.label(model), mode="markers",
            visible=True if show in (None, model) else "legendonly",
            marker={"color": colour, "size": 6 + 3 * np.log10(rows["customers"]), "opacity": 0.75},
            customdata=rows[["customers", "active_share"]],
            hovertemplate="predicted %{x:,.2f}<br>realised %{y:,.2f}<br>%{customdata[0]:,} customers, "
            "%{customdata[1]:.0%} of them bought<extra>" + theme.label(model) + "</extra>",
        )  # fmt: skip
    if len(drawn):
        ends = [drawn[["predicted", "realised"]].min().min(), drawn[["predicted", "realised"]].max().max()]
        made.add_scatter(
            x=ends, y=ends, name="predicted = realised", mode="lines",
            line={"color": theme.REFERENCE, "dash": "dash"}, hoverinfo="skip",
        )  # fmt: skip
    made.update_xaxes(type="log")
    made.update_yaxes(type="log")
    return made
