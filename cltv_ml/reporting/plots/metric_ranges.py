"""Metrics of every model across test windows."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.errors import unknown_name
from cltv_ml.reporting import theme

#: By metric its name, the form of its numbers, and whether it is money.
_SHOWN_AS = {
    "gini": ("Gini", ".3f", False),
    "bias": ("Bias", "+.1%", False),
    "decile_mape": ("Decile error", ".1%", False),
    "mae": ("MAE", ",.2f", True),
    "profit": ("Profit", ",.2f", True),
    "coverage": ("In interval", ".1%", False),
}


def metric_ranges(ranges: pd.DataFrame, *, metric: str = "gini", unit: str = "") -> go.Figure:
    """Return each model's mean of one metric across test windows, with the range from its lowest to its highest.

    Parameters
    ----------
    ranges
        `evaluation.tables.compute_metric_ranges`: columns `model, metric, mean, lowest, highest, windows`.
    metric
        The metric to draw.
    unit
        Currency of the log, for metrics in money.

    Raises
    ------
    InputError
        The table does not hold the metric.
    """
    rows = ranges[ranges["metric"] == metric]
    if rows.empty:
        raise unknown_name("metric", metric, ranges["metric"].unique())
    name, form, is_money = _SHOWN_AS.get(metric, (metric.replace("_", " ").capitalize(), ".3f", False))
    axis = theme.in_money(name, unit) if is_money else name
    figure = theme.figure(f"{name} across test windows: mean, lowest and highest", axis, "Model")
    figure.add_scatter(
        x=rows["mean"],
        y=[theme.label(model) for model in rows["model"]],
        name=name,
        mode="markers",
        marker={"color": [theme.colours(rows["model"])[model] for model in rows["model"]], "size": 11},
        error_x=theme.whiskers(rows["mean"], rows["lowest"], rows["highest"]) | {"color": theme.REFERENCE},
        customdata=rows[["lowest", "highest", "windows"]],
        hovertemplate=f"%{{y}}<br>mean %{{x:{form}}}, from %{{customdata[0]:{form}}} to %{{customdata[1]:{form}}} "
        "over %{customdata[2]} windows<extra></extra>",
    )
    if "%" in form:
        figure.update_xaxes(tickformat=form.replace(".1", ".0"))
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_layout(showlegend=False)
    return figure
