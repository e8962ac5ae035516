"""Heat map of cumulative revenue per customer, by month of the first purchase."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_minor_units
def cohort_revenue(cohorts: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return a heat map: cumulative revenue per customer of each cohort, by months since the first purchase.

    Drawn from `data.behaviour.compute_cohort_activity`: columns `cohort, month, customers,
    revenue_per_customer`.
    """
    figure = theme.figure(
        "Revenue per customer so far, cohort by cohort",
        "Months since the first purchase",
        "Month of the first purchase (customers)",
    )
    sizes = cohorts["customers"].map(" ({:,})".format)
    named = cohorts.assign(name=cohorts["cohort"].dt.strftime("%Y-%m") + sizes)
    table = named.pivot(index="name", columns="month", values="revenue_per_customer").cumsum(axis=1)
    figure.add_heatmap(
        x=table.columns,
        y=table.index,
        z=table,
        name="revenue per customer",
        hoverongaps=False,
        colorscale=theme.SEQUENTIAL,
        colorbar={"thickness": 12, "title": {"text": currency}},
        **theme.cell_texts(table, "{:,.0f}"),
        hovertemplate="first bought %{y}<br>%{z:,.2f} per customer after %{x} months<extra></extra>",
    )
    figure.update_yaxes(type="category", autorange="reversed")
    return figure
