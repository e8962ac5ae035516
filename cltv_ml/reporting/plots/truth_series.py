"""Forecast error of the scored batches, one after another."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.errors import unknown_name
from cltv_ml.reporting import theme

_MEASURE_NAMES = {
    "bias": ("Bias: predicted over realised, minus one", "+.0%"),
    "gini": ("Gini", ".3f"),
    "decile_mape": ("Decile error", ".0%"),
    "coverage": ("Share inside the intervals", ".0%"),
}


def truth_series(truth: pd.DataFrame, *, metric: str = "bias") -> go.Figure:
    """Return one metric of every closed batch with its interval, by the batch's cutoff.

    Parameters
    ----------
    truth
        Columns `cutoff`, the metric, and the metric with `_lower` and `_upper`.
    metric
        `bias`, `gini`, `decile_mape` or `coverage`.

    Raises
    ------
    InputError
        The metric is unknown or not in the table.
    """
    if metric not in _MEASURE_NAMES or metric not in truth:
        raise unknown_name("metric", metric, set(_MEASURE_NAMES) & set(truth))
    name, form = _MEASURE_NAMES[metric]
    figure = theme.figure(f"{name.split(':')[0]} of each closed batch", "Scored at", name)
    figure.add_scatter(
        x=truth["cutoff"].dt.strftime("%Y-%m-%d"),
        y=truth[metric],
        name=metric,
        mode="lines+markers",
        marker={"color": theme.MODEL, "size": 9},
        line={"color": theme.MODEL},
        error_y=theme.whiskers(truth[metric], truth[f"{metric}_lower"], truth[f"{metric}_upper"])
        | {"color": theme.REFERENCE},
        hovertemplate="%{x}: %{y:" + form + "}<extra></extra>",
    )
    if metric == "bias":
        figure.add_hline(y=0, line={"color": theme.REFERENCE, "dash": "dot"})
    figure.update_yaxes(tickformat=form)
    figure.update_layout(showlegend=False)
    return figure.update_xaxes(type="category")  # one batch alone would be dated to the second
