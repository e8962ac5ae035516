"""One cohort over time: its revenue, and the share of its customers who still buy."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def cohort_path(cohort: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return bars of a cohort's revenue by period, and a line of the share of its customers who buy.

    Drawn from the rows of one cohort of `decisions.compute_audit(log).cohorts`: columns `name, customers,
    active, revenue`; of several cohorts the first is drawn.
    """
    rows = cohort[cohort["cohort"] == cohort["cohort"].iloc[0]]
    figure = theme.figure(
        f"Customers won {_in(rows['cohort'].iloc[0])}: revenue (bars) and share who buy (line)",
        "Period",
        theme.in_money("Revenue", currency),
    )
    theme.add_faint_bars(figure, rows["name"], rows["revenue"], "revenue", "%{x}<br>%{y:,.0f}")
    theme.add_line(
        figure,
        rows["name"],
        rows["active"] / rows["customers"],
        "share who buy",
        "%{x}<br>%{customdata:,} customers, %{y:.0%}",
        colour=theme.PALETTE[1],
        mode="lines+markers",
        yaxis="y2",
        customdata=rows["active"],
    )
    figure.update_layout(yaxis2=theme.right_axis("Share of customers", tickformat=".0%", rangemode="tozero"))
    figure.update_xaxes(type="category")
    return figure


def _in(name: str) -> str:
    return f"in the period {name}" if name.startswith("to ") else f"in {name}"
