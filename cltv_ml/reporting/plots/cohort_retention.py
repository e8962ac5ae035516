"""Heat map of retention: the share of each month's new customers who buy again, month by month."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting.plots.cohort_revenue import by_month, map_of_months


def cohort_retention(cohorts: pd.DataFrame) -> go.Figure:
    """Return a heat map: the share of each cohort that bought in the months after its first purchase.

    The month of the first purchase, 100% for everyone, is left out.

    Drawn from `data.quality.compute_cohort_activity`: columns `cohort, month, customers, active,
    retention`.
    """
    later = cohorts[cohorts["month"] > 0]
    return map_of_months(
        "Share of each cohort that bought, by months since the first purchase",
        by_month(later, "retention"),
        "{:.0%}",
        "%{z:.1%} (%{customdata:,}) bought %{x} months later",
        customdata=by_month(later, "active"),
        name="retention",
        colorbar={"tickformat": ".0%", "thickness": 12},
    )
