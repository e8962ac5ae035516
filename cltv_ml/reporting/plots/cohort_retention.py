"""Heat map of retention: the share of each month's new customers who buy again, month by month."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def cohort_retention(cohorts: pd.DataFrame) -> go.Figure:
    """Return a heat map: the share of each cohort that bought in the months after its first purchase.

    The month of the first purchase, 100% for everyone, is left out.

    Drawn from `data.behaviour.compute_cohort_activity`: columns `cohort, month, customers, active,
    retention`.
    """
    figure = theme.figure(
        "Share of each cohort that bought, by months since the first purchase",
        "Months since the first purchase",
        "Month of the first purchase (customers)",
    )
    sizes = cohorts["customers"].map(" ({:,})".format)
    later = cohorts.assign(name=cohorts["cohort"].dt.strftime("%Y-%m") + sizes)[cohorts["month"] > 0]
    table = later.pivot(index="name", columns="month", values="retention")
    active = later.pivot(index="name", columns="month", values="active")
    figure.add_heatmap(
        x=table.columns,
        y=table.index,
        z=table,
        customdata=active,
        name="retention",
        colorscale=theme.SEQUENTIAL,
        colorbar={"tickformat": ".0%", "thickness": 12},
        hoverongaps=False,
        **theme.cell_texts(table, "{:.0%}"),
        hovertemplate="first bought %{y}<br>%{z:.1%} (%{customdata:,}) bought %{x} months later<extra></extra>",
    )
    figure.update_yaxes(type="category", autorange="reversed")
    return figure
