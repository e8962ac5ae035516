"""Bias of the predictions in each group of customers."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme

#: Bias beyond which a group is written at the edge instead of drawn.
_WIDEST_BIAS = 4.0


def group_bias(bias: pd.DataFrame, *, by: str = "group of customers") -> go.Figure:
    """Return the bias per group with its interval: zero is best, values above zero were forecast too high.

    Parameters
    ----------
    bias
        `evaluation.tables.compute_bias_by_group`: columns `group, customers, predicted, realised, bias,
        bias_lower, bias_upper`. Groups that spent nothing have no bias and are left out.
    by
        Name of the grouping, for the title.
    """
    figure = theme.figure(
        f"Bias by {by}: predicted too much (right) or too little (left)",
        "Predicted over realised, minus one",
        "Group",
    )
    rows = bias.dropna(subset=["bias"])
    upper = rows["bias_upper"].fillna(rows["bias"])
    figure.add_scatter(
        x=rows["bias"],
        y=rows["group"].astype("str"),
        name="bias",
        mode="markers",
        marker={"color": theme.MODEL, "size": 10},
        error_x=theme.whiskers(rows["bias"], rows["bias_lower"], upper) | {"color": theme.REFERENCE},
        customdata=rows[["customers", "predicted", "realised"]],
        hovertemplate="%{y}: %{x:+.1%}<br>%{customdata[0]:,} customers, predicted %{customdata[1]:,.2f}, "
        "spent %{customdata[2]:,.2f} on average<extra></extra>",
    )
    figure.add_vline(x=0, line={"color": theme.REFERENCE, "dash": "dot"})
    figure.update_xaxes(tickformat="+,.0%")
    if (upper > _WIDEST_BIAS).any():  # customers who spent almost nothing would leave no room for the others
        figure.update_xaxes(range=[min(-1.0, float(rows["bias_lower"].min())) - 0.05, _WIDEST_BIAS])
    for row in rows[rows["bias"] > _WIDEST_BIAS].itertuples():
        figure.add_annotation(
            x=_WIDEST_BIAS, y=str(row.group), text=f"{row.bias:+,.0%} →", showarrow=False, xanchor="right"
        )
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_layout(showlegend=False)
    return figure
