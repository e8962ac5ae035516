"""Drift of each feature since the model was trained."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme

#: Drift beyond which a bar is marked.
LARGE_DRIFT = 0.25


def drift(drift: pd.DataFrame, *, top: int = 15) -> go.Figure:
    """Return the drift of each feature's distribution since training, the largest on top.

    Parameters
    ----------
    drift
        Columns `feature` and `psi`: the population stability index, 0.1 a little, 0.25 a lot.
    top
        Number of features to draw.
    """
    rows = drift.sort_values("psi", ascending=False, kind="stable").head(top)
    figure = theme.figure("Drift of the features since training", "Population stability index", "Feature")
    figure.add_bar(
        x=rows["psi"],
        y=rows["feature"].astype("str"),
        orientation="h",
        name="drift",
        marker_color=[theme.LOSS if psi > LARGE_DRIFT else theme.MODEL for psi in rows["psi"]],
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
    )
    figure.add_vline(x=LARGE_DRIFT, line={"color": theme.REFERENCE, "dash": "dot"})
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_layout(showlegend=False)
    return figure
