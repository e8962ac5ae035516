"""Quality by the number of training origins."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme

_METRIC_LINES = {
    "gini": "Gini (1 is best)",
    "bias": "bias (0 is best)",
    "decile_mape": "decile error (0 is best)",
}


def learning(learning: pd.DataFrame) -> go.Figure:
    """Return the test window's Gini, bias and decile error by the number of earlier windows in the training data.

    Drawn from `evaluation.learning.compute_learning`: columns `origins, rows, gini, bias, decile_mape`.
    """
    figure = theme.figure(
        "Accuracy by number of training windows", "Training windows, latest first", "On the test window"
    )
    for number, (metric, name) in enumerate(_METRIC_LINES.items()):
        figure.add_scatter(
            x=learning["origins"],
            y=learning[metric],
            name=name,
            mode="lines+markers",
            line={"color": theme.PALETTE[number]},
            customdata=learning[["rows"]],
            hovertemplate="%{x} windows, %{customdata[0]:,} labelled customers: %{y:.3f}<extra></extra>",
        )
    figure.update_xaxes(dtick=1)
    return figure
