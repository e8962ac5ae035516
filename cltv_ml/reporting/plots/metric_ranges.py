"""Metrics of every model across test windows."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.errors import unknown_name
from cltv_ml.reporting import theme


def metric_ranges(ranges: pd.DataFrame, *, metric: str = "gini") -> go.Figure:
    """Return each model's mean of one metric across test windows, with the range from worst to best window.

    Parameters
    ----------
    ranges
        `evaluation.tables.compute_metric_ranges`: columns `model, metric, mean, lowest, highest, windows`.
    metric
        The metric to draw.

    Raises
    ------
    InputError
        The table does not hold the metric.
    """
    rows = ranges[ranges["metric"] == metric]
    if rows.empty:
        raise unknown_name("metric", metric, ranges["metric"].unique())
    figure = theme.figure(
        f"{metric.replace('_', ' ').capitalize()} across test windows: mean, worst and best",
        metric.replace("_", " "),
        "Model",
    )
    figure.add_scatter(
        x=rows["mean"],
        y=[theme.label(model) for model in rows["model"]],
        name=metric,
        mode="markers",
        marker={"color": [theme.colours(rows["model"])[model] for model in rows["model"]], "size": 11},
        error_x=theme.whiskers(rows["mean"], rows["lowest"], rows["highest"]) | {"color": theme.REFERENCE},
        customdata=rows[["lowest", "highest", "windows"]],
        hovertemplate="%{y}<br>mean %{x:.3f}, from %{customdata[0]:.3f} to %{customdata[1]:.3f} "
        "over %{customdata[2]} windows<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_layout(showlegend=False)
    return figure
