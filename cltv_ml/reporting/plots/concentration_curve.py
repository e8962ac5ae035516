"""Share of revenue of the best customers."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def concentration_curve(curve: pd.DataFrame) -> go.Figure:
    """Return the share of revenue by share of customers, the best first; equal customers lie on the dotted line.

    Drawn from `decisions.compute_audit(log).curve`: columns `span, customers_share, revenue_share`.
    """
    figure = theme.figure(
        "Share of revenue from the best customers",
        "Share of customers, best first",
        "Share of revenue",
    )
    for name, colour, span_rows in theme.by_span(curve):
        figure.add_scatter(
            x=[0.0, *span_rows["customers_share"]],
            y=[0.0, *span_rows["revenue_share"]],
            name=name,
            mode="lines",
            line={"color": colour, "width": 2.5},
            hovertemplate="%{y:.1%}",
        )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        name="all customers equal",
        mode="lines",
        line={"color": theme.REFERENCE, "dash": "dot", "width": 1.5},
        hoverinfo="skip",
    )
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(tickformat=".0%", hoverformat=".0%", range=[0, 1])
    return figure.update_yaxes(tickformat=".0%", rangemode="tozero")
