"""Money on other models' lists compared with the champion's."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def gains_difference(gains: pd.DataFrame, *, show: str | None = None) -> go.Figure:
    """Return each model's gains less those of one model, in points: above zero its lists hold more money.

    Parameters
    ----------
    gains
        `evaluation.tables.compute_gains`: column `share`, one per model, `perfect`.
    show
        The model with which the others are compared, by default the first.
    """
    models = [name for name in gains.columns if name not in ("share", "perfect")]
    reference = show or models[0]
    figure = theme.figure(
        f"Spend of customers on lists of equal length, compared with {theme.label(reference)}",
        "Length of the list, share of customers",
        "Percentage points of spend",
    )
    for model, style in theme.line_styles(models).items():
        figure.add_scatter(
            x=gains["share"],
            y=100 * (gains[model] - gains[reference]),
            name=theme.label(model),
            mode="lines",
            line={**style, "width": 3 if model == reference else 1.8},
            hovertemplate="%{y:+.1f}",
        )
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(tickformat=".0%", hoverformat=".0%")
    return figure
