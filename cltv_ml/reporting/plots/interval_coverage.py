"""Coverage of customers' intervals."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def interval_coverage(coverage: pd.DataFrame) -> go.Figure:
    """Return the share of customers inside their interval by predicted value, next to the nominal coverage.

    Drawn from `evaluation.tables.compute_coverage`: columns `group, predicted, customers, coverage, wanted,
    width`.
    """
    figure = theme.figure(
        "Share of customers whose spend lies inside the interval, by predicted value",
        "Tenth of customers, 1 = highest prediction",
        "Share inside",
    )
    theme.add_faint_bars(
        figure,
        coverage["group"],
        coverage["coverage"],
        "inside",
        "tenth %{x}: %{y:.1%} inside<br>predicted %{customdata[0]:,.2f}, intervals %{customdata[1]:,.2f} wide on "
        "average",
        customdata=coverage[["predicted", "width"]],
    )
    figure.add_scatter(
        x=coverage["group"],
        y=coverage["wanted"],
        name="nominal",
        mode="lines",
        line={"color": theme.REFERENCE, "dash": "dash"},
        hovertemplate="nominal %{y:.0%}<extra></extra>",
    )
    figure.update_xaxes(dtick=1)
    figure.update_yaxes(tickformat=".0%", range=[0, 1.02])
    return figure
