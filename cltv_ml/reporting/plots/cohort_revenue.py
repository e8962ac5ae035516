"""Heat map of cumulative revenue per customer, by month of the first purchase."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def cohort_revenue(cohorts: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return a heat map: cumulative revenue per customer of each cohort, by months since the first purchase.

    Drawn from `data.quality.compute_cohort_activity`: columns `cohort, month, customers,
    revenue_per_customer`.
    """
    return map_of_months(
        "Revenue per customer so far, cohort by cohort",
        by_month(cohorts, "revenue_per_customer").cumsum(axis=1),
        "{:,.0f}",
        "%{z:,.2f} per customer after %{x} months",
        name="revenue per customer",
        colorbar={"thickness": 12, "title": {"text": currency}},
    )


def by_month(cohorts: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return one column with a row per cohort, named with its size, and a column per month since the first purchase."""
    sizes = cohorts["customers"].map(" ({:,})".format)
    named = cohorts.assign(name=cohorts["cohort"].dt.strftime("%Y-%m") + sizes)
    return named.pivot(index="name", columns="month", values=column)


def map_of_months(title: str, table: pd.DataFrame, cell: str, hover: str, **more: Any) -> go.Figure:
    """Return a heat map of cohorts by month since the first purchase, with each value written into its cell."""
    figure = theme.figure(title, "Months since the first purchase", "Month of the first purchase (customers)")
    figure.add_heatmap(
        x=table.columns,
        y=table.index,
        z=table,
        colorscale=theme.SEQUENTIAL,
        hoverongaps=False,
        hovertemplate=f"first bought %{{y}}<br>{hover}<extra></extra>",
        **theme.cell_texts(table, cell),
        **more,
    )
    return figure.update_yaxes(type="category", autorange="reversed")
