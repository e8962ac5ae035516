"""Fitted distribution of customers' purchase and dropout rates."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme

#: A mean rate below this, one customer in a million a week, counts as zero.
NOBODY = 1e-6


def rate_heterogeneity(rates: pd.DataFrame) -> go.Figure:
    """Return the fitted densities of purchase and dropout rates over customers; a steep fall means many near zero.

    Drawn from `evaluation.diagnostics.compute_rates`: columns `rate, x, density, mean`.
    """
    figure = theme.figure(
        "Distribution of purchase and dropout rates over customers",
        "Rate or probability",
        "Density, log scale",
    )
    # A rate of almost zero has a density of billions, next to which the others would vanish.
    for number, (rate, rows) in enumerate(rates.groupby("rate", sort=False)):
        idle = rows["mean"].iloc[0] < NOBODY
        figure.add_scatter(
            x=[] if idle else rows["x"],
            y=[] if idle else rows["density"],
            name=f"{rate} (practically none)" if idle else f"{rate} (mean {rows['mean'].iloc[0]:.3g})",
            mode="lines",
            line_color=theme.PALETTE[number],
            hovertemplate="%{x:.3f}: density %{y:.3g}<extra>" + str(rate) + "</extra>",
        )
    figure.update_yaxes(type="log", dtick=1)
    return figure
