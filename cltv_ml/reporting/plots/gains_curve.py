"""How much of the money the best customers by prediction brought."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def gains_curve(gains: pd.DataFrame) -> go.Figure:
    """Return gains curves: the share of realised money held by the top share of customers, per model.

    Parameters
    ----------
    gains
        Column `share`, one column per model, and `perfect` (see `evaluation.tables.compute_gains`).
    """
    made = theme.figure(
        "The further up, the better the model finds the valuable customers",
        "Share of customers, highest prediction first",
        "Share of realised value",
    )
    models = [name for name in gains.columns if name not in ("share", "perfect")]
    for model, colour in theme.colours(models).items():
        made.add_scatter(
            x=gains["share"], y=gains[model], name=theme.label(model), mode="lines", line_color=colour,
            hovertemplate="top %{x:.0%} hold %{y:.1%}<extra>" + theme.label(model) + "</extra>",
        )  # fmt: skip
    for name, y, dash in (("perfect order", gains["perfect"], "dash"), ("chance", gains["share"], "dot")):
        made.add_scatter(
            x=gains["share"], y=y, name=name, mode="lines",
            line={"color": theme.REFERENCE, "dash": dash}, hoverinfo="skip",
        )  # fmt: skip
    made.update_xaxes(tickformat=".0%", range=[0, 1])
    made.update_yaxes(tickformat=".0%", range=[0, 1.02])
    return made
