"""Importance of the features for the ranking of customers."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def importances(importance: pd.DataFrame, *, top: int = 15) -> go.Figure:
    """Return the loss of Gini when each feature is shuffled, the most important feature on top.

    Parameters
    ----------
    importance
        `evaluation.explain.compute_importance`: columns `feature, importance, spread`.
    top
        Number of features to draw.
    """
    rows = importance.head(top)
    figure = theme.figure(
        "Importance of each feature for the ranking of customers",
        "Gini lost when the feature is shuffled",
        "Feature",
    )
    figure.add_bar(
        x=rows["importance"],
        y=rows["feature"],
        orientation="h",
        name="importance",
        marker_color=theme.MODEL,
        error_x={"type": "data", "array": rows["spread"], "color": theme.REFERENCE},
        hovertemplate="%{y}<br>%{x:.4f}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_layout(showlegend=False)
    return figure
