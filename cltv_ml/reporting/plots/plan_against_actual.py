"""Plan against actual: an earlier forecast next to the realised revenue."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def plan_against_actual(judged: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return the planned revenue of each period with its 80% band, and the realised revenue.

    `judged` has the columns `start`, `expected`, `lower_80`, `upper_80` and `actual`.
    """
    figure = theme.figure(
        "The last forecast and the realised values",
        "First day of the period",
        theme.in_money("Revenue", currency),
    )
    actual = "%{x|%Y-%m-%d}: %{y:,.0f}"
    theme.add_faint_bars(figure, judged["start"], judged["actual"], "actual", actual, colour=theme.ACTUAL)
    figure.add_scatter(
        x=judged["start"],
        y=judged["expected"],
        name="planned, with 80% band",
        mode="markers",
        marker={"color": theme.MODEL, "size": 9},
        error_y=theme.whiskers(judged["expected"], judged["lower_80"], judged["upper_80"]),
        hovertemplate="%{x|%Y-%m-%d}: planned %{y:,.0f}<extra></extra>",
    )
    figure.update_yaxes(rangemode="tozero")
    return figure
