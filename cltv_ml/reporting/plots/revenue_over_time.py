"""Revenue and orders month by month."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def revenue_over_time(months: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return bars of revenue and a line of orders per month, with the number of new customers above them.

    Drawn from `data.compute_months`: columns `month, customers, orders, revenue, new_customers`.
    """
    figure = theme.figure(
        "Revenue (bars) and orders (line) by month", "Month", theme.in_money("Revenue", currency)
    )
    theme.add_faint_bars(
        figure,
        months["month"],
        months["revenue"],
        "revenue",
        "%{x|%b %Y}<br>revenue %{y:,.0f}<br>%{customdata[0]:,} customers, %{customdata[1]:,} of them new",
        customdata=months[["customers", "new_customers"]],
    )
    theme.add_line(
        figure,
        months["month"],
        months["orders"],
        "orders",
        "%{x|%b %Y}<br>%{y:,} orders",
        colour=theme.PALETTE[1],
        mode="lines+markers",
        yaxis="y2",
    )
    figure.update_layout(yaxis2=theme.right_axis("Orders", rangemode="tozero"))
    figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(tickformat="%b %Y")
    if len(months) <= 18:  # each bar has its own tick; plotly's own ticks may fall between months
        figure.update_xaxes(tickvals=list(months["month"]))
    if len(months) == 1:  # plotly would draw a bar of a millisecond
        width = pd.Timedelta(days=20)
        month = months["month"].iloc[0]
        figure.update_traces(width=width / pd.Timedelta(milliseconds=1), selector={"type": "bar"})
        figure.update_xaxes(range=[month - width, month + width])
    return figure
