"""Expected profit of a campaign by the length of its list."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def campaign_profit(curve: pd.DataFrame, *, currency: str = "", listed: float | None = None) -> go.Figure:
    """Return expected profit by list length with the best list, break-even and, where known, the interval.

    Parameters
    ----------
    curve
        `decisions.retention.profit_curve`: columns `customers, cost, expected_profit` and, where known,
        `profit_lower, profit_upper`.
    listed
        A list length to mark, 0 for none; by default the longest list that makes no loss.
    """
    figure = theme.figure(
        "Expected profit of the campaign by length of the list",
        "Customers on the list, best first",
        theme.in_money("Expected profit", currency),
    )
    x, profit = curve["customers"], curve["expected_profit"]
    theme.add_line(figure, x, profit, "expected profit", "%{x:,} customers: %{y:,.2f}")
    best = profit.idxmax()
    even = curve[profit >= 0].tail(1)
    second = (
        even
        if listed is None
        else curve.head(0)
        if not listed
        else curve.iloc[(x - listed).abs().argsort().iloc[:1]]
    )
    marks = (
        ("best list", curve.loc[[best]] if profit[best] > 0 else curve.head(0), theme.GAIN, "star", 16),
        ("break-even" if listed is None else "your list", second, theme.LOSS, "diamond-open", 13),
    )
    for name, at, colour, symbol, size in marks:
        _add_mark(figure, name, at, {"color": colour, "size": size, "symbol": symbol})
    if "profit_lower" in curve:
        _add_band(figure, curve)
    figure.add_hline(y=0, line={"color": theme.REFERENCE, "dash": "dot"})
    return figure


def _add_mark(figure: go.Figure, name: str, at: pd.DataFrame, marker: dict[str, Any]) -> None:
    figure.add_scatter(
        x=at["customers"],
        y=at["expected_profit"],
        name=name,
        mode="markers",
        marker=marker,
        hovertemplate=f"{name}: %{{x:,}} customers, %{{y:,.2f}}<extra></extra>",
    )


def _add_band(figure: go.Figure, curve: pd.DataFrame) -> None:
    x = curve["customers"]
    figure.add_scatter(
        x=[*x, *x[::-1]],
        y=[*curve["profit_upper"], *curve["profit_lower"][::-1]],
        name="interval",
        mode="lines",
        fill="toself",
        line={"width": 0},
        fillcolor="rgba(31, 127, 196, 0.15)",
        hoverinfo="skip",
    )
