"""P(alive) of one customer, day by day."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def alive_history(history: pd.DataFrame) -> go.Figure:
    """Return P(alive) of one customer over time: it falls in silence and recovers with each purchase.

    Drawn from `evaluation.diagnostics.compute_alive_history`: columns `day, p_alive, bought`.
    """
    figure = theme.figure(
        "Probability that the customer is still active; it falls with every silent day", "Day", "P(alive)"
    )
    hover = "%{x|%Y-%m-%d}<br>P(alive) %{y:.1%}"
    theme.add_line(figure, history["day"], history["p_alive"], "P(alive)", hover)
    bought = history[history["bought"]]
    figure.add_scatter(
        x=bought["day"],
        y=bought["p_alive"],
        name="purchase",
        mode="markers",
        marker={"color": theme.PALETTE[1], "size": 8},
        hovertemplate="bought on %{x|%Y-%m-%d}<extra></extra>",
    )
    figure.update_yaxes(tickformat=".0%", range=[0, 1.03])
    return figure
