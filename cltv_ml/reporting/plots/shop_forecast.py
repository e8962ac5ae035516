"""Revenue of the whole shop: the past, and the forecast with its bands."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme

_TITLES = {
    "revenue": "Revenue",
    "orders": "Orders",
    "customers": "Customers who buy in a period",
    "won": "Customers won",
}

_AXES = {"won": "Customers won"}


def shop_forecast(
    bands: pd.DataFrame, *, history: pd.DataFrame | None = None, measure: str = "revenue", currency: str = ""
) -> go.Figure:
    """Return a measure's past, its expected future with bands of 50, 80 and 95%, and the existing customers' part.

    Parameters
    ----------
    bands
        `evaluation.shop_tables.compute_bands`.
    history
        `evaluation.shop_tables.compute_history`: columns `start` and one per measure.
    measure
        "revenue", "orders", "customers" or "won".
    """
    name = (
        theme.in_money("Revenue", currency)
        if measure == "revenue"
        else _AXES.get(measure, measure.capitalize())
    )
    hover = f"%{{y:,.0f}} {currency if measure == 'revenue' else ''}".rstrip()
    past = history is not None and len(history) > 0
    title = f"{_TITLES[measure]}, {'realised and ' if past else ''}expected"
    figure = theme.figure(title, "First day of the period", name)
    of_measure = bands[(bands["measure"] == measure) & (bands["span"] == "period")]
    total = of_measure[of_measure["part"] == ("new" if measure == "won" else "total")]
    if history is not None and past:
        _line(figure, history["start"], history[measure], "actual", theme.ACTUAL, hover)
    _add_bands(figure, total)
    _line(figure, total["start"], total["expected"], "expected", theme.MODEL, hover)
    known = of_measure[of_measure["part"] == "known"]
    if len(known) and (known["expected"].to_numpy() != total["expected"].to_numpy()).any():
        _line(
            figure, known["start"], known["expected"], "existing customers", theme.PALETTE[1], hover, "dash"
        )
    figure.update_layout(hovermode="x unified")
    return figure.update_yaxes(rangemode="tozero")


def _add_bands(figure: go.Figure, total: pd.DataFrame) -> None:
    for band, alpha in ((95, 0.13), (80, 0.20), (50, 0.30)):
        figure.add_scatter(
            x=[*total["start"], *total["start"][::-1]],
            y=[*total[f"upper_{band}"], *total[f"lower_{band}"][::-1]],
            name="50, 80, 95%",
            legendgroup="bands",
            showlegend=band == 80,
            mode="lines",
            line={"width": 0},
            fill="toself",
            fillcolor=f"rgba(31,127,196,{alpha})",
            hoverinfo="skip",
        )


def _line(
    figure: go.Figure, x: pd.Series, y: pd.Series, name: str, colour: str, hover: str, dash: str = "solid"
) -> None:
    figure.add_scatter(
        x=x,
        y=y,
        name=name,
        mode="lines+markers" if len(x) == 1 else "lines",
        line={"color": colour, "dash": dash},
        hovertemplate=hover,
    )
