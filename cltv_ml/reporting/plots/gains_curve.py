"""Share of revenue from the customers with the highest predictions."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme

#: A campaign reaches the top of the list; a double click shows the rest.
SHOWN = 0.3


def gains_curve(gains: pd.DataFrame, *, show: str | None = None) -> go.Figure:
    """Return gains curves: the share of realised money held by the top share of customers, per model.

    The figure shows the top 30%, where lists are cut and models differ; a double click shows all customers.

    Parameters
    ----------
    gains
        Column `share`, one column per model, and `perfect` (see `evaluation.tables.compute_gains`).
    show
        The model drawn with a thick line.
    """
    figure = theme.figure(
        "Share of spend by share of customers; the higher the line, the better the ranking",
        "Share of customers, highest prediction first",
        "Share of spend",
    )
    models = [name for name in gains.columns if name not in ("share", "perfect")]
    for model, style in theme.line_styles(models).items():
        figure.add_scatter(
            x=gains["share"],
            y=gains[model],
            name=theme.label(model),
            mode="lines",
            line={**style, "width": 3.5 if model == show else 1.8},
            hovertemplate="%{y:.1%}",
        )
    for name, y, dash in (("perfect ranking", gains["perfect"], "dash"), ("chance", gains["share"], "dot")):
        figure.add_scatter(
            x=gains["share"],
            y=y,
            name=name,
            mode="lines",
            line={"color": theme.REFERENCE, "dash": dash, "width": 1.5},
            hovertemplate="%{y:.1%}",
        )
    highest = gains.loc[gains["share"] <= SHOWN, [*models, "perfect"]].max().max()
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(tickformat=".0%", range=[0, SHOWN], hoverformat=".0%")
    figure.update_yaxes(tickformat=".0%", range=[0, min(1.02, 1.03 * highest) if highest > 0 else 1.02])
    return figure
