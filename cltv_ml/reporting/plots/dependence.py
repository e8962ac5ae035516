"""Mean prediction over the values of one feature."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def dependence(dependence: pd.DataFrame, *, currency: str = "", unit: str = "", title: str = "") -> go.Figure:
    """Return the mean prediction by the value of one feature, the others unchanged.

    Parameters
    ----------
    dependence
        `evaluation.explain.compute_dependence`: columns `feature, value, predicted`.
    unit
        The feature's unit, written on the axis.
    title
        The feature in words; its name if empty.
    """
    feature = title or str(dependence["feature"].iloc[0])
    figure = theme.figure(
        f"Mean prediction by {feature}",
        f"{feature} ({unit})" if unit else feature,
        theme.in_money("Mean prediction", currency),
    )
    values, predicted = dependence["value"], dependence["predicted"]
    theme.add_line(figure, values, predicted, feature, "%{x:,.3~f}: %{y:,.2f}", mode="lines+markers")
    return figure.update_yaxes(rangemode="tozero")
