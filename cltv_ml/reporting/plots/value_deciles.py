"""Revenue of each tenth of the customers."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def value_deciles(deciles: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return bars of each customer decile's share of revenue, the best tenth first.

    Drawn from `decisions.compute_audit(log).deciles`: columns `span, decile, customers, revenue, share`.
    """
    figure = theme.figure(
        "Share of revenue from each tenth of customers",
        "Tenth of customers, best first",
        "Share of revenue",
    )
    for name, colour, span_rows in theme.by_span(deciles):
        figure.add_bar(
            x=span_rows["decile"],
            y=span_rows["share"],
            name=name,
            marker_color=colour,
            customdata=span_rows[["customers", "revenue"]],
            hovertemplate="tenth %{x}: %{y:.1%}<br>%{customdata[0]:,} customers, %{customdata[1]:,.0f}<extra></extra>",
        )
    figure.update_layout(barmode="group")
    figure.update_xaxes(dtick=1)
    figure.update_yaxes(tickformat=".0%")
    return figure
