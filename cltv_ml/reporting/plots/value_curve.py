"""Expected value over time of all customers or of one, with its 90% band."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def value_curve(curve: pd.DataFrame, *, currency: str = "", customer: str = "") -> go.Figure:
    """Return the expected value at each horizon, joined by lines; it never falls.

    Parameters
    ----------
    curve
        `evaluation.horizons.compute_curve`: columns `day, value, lower, upper`; the ends NaN where they are unknown.
    customer
        The customer of the curve; all customers if empty.
    """
    whose = f"customer {customer}" if customer else "all customers"
    figure = theme.figure(
        f"Expected value of {whose} over time", "Days ahead", theme.in_money("Expected value", currency)
    )
    bounded = curve.dropna(subset=["lower", "upper"])
    if len(bounded):
        figure.add_scatter(
            x=[*bounded["day"], *bounded["day"][::-1]],
            y=[*bounded["upper"], *bounded["lower"][::-1]],
            name="90% interval",
            fill="toself",
            mode="lines",
            line={"width": 0},
            fillcolor="rgba(31,127,196,0.15)",
            hoverinfo="skip",
        )
    hover = "%{x} days<br>expected %{y:,.2f}"
    return theme.add_line(figure, curve["day"], curve["value"], "expected", hover, mode="lines+markers")
