"""Forecast against revenue so far, for a batch whose horizon has not passed."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def batch_so_far(progress: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return the expected and the realised total of each open batch by days since its cutoff.

    Drawn from `evaluation.batch_outcome.compute_progress` with a column `cutoff`: columns `cutoff, day,
    expected, realised`.
    """
    figure = theme.figure(
        "Open batches: expected and realised so far",
        "Days since the cutoff",
        theme.in_money("Total so far", currency),
    )
    for number, (cutoff, path) in enumerate(progress.groupby("cutoff")):
        colour = theme.PALETTE[number % len(theme.PALETTE)]
        for column, dash in (("expected", "dash"), ("realised", "solid")):
            figure.add_scatter(
                x=path["day"],
                y=path[column],
                name=f"{cutoff:%Y-%m-%d} {column}",
                mode="lines",
                line={"color": colour, "dash": dash},
                hovertemplate="day %{x}<br>" + column + " %{y:,.0f}<extra></extra>",
            )
    return figure
