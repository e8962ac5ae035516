"""Response of demand to discounts by category."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme

#: Range of discounts in the figure: few logs hold deeper ones.
DEEPEST = 0.3


def discount_response(response: pd.DataFrame, *, top: int = 7) -> go.Figure:
    """Return demand by depth of discount, as a multiple of demand at full price, per category and for all.

    Parameters
    ----------
    response
        `decisions.price_response.fit_response`: indexed by category, columns `weeks` and `slope`; the row
        "all" is drawn thick.
    top
        Number of categories to draw as well: those with the most product-weeks.
    """
    figure = theme.figure(
        "Demand by depth of discount",
        "Depth of the discount",
        "Demand, as a multiple of demand at full price",
    )
    depth = np.linspace(0, DEEPEST, 31)
    chosen = response.drop(index="all", errors="ignore").nlargest(top, "weeks")
    if "all" in response.index:
        chosen = pd.concat([response.loc[["all"]], chosen])
    for number, (category, row) in enumerate(chosen.iterrows()):
        figure.add_scatter(
            x=depth,
            y=np.exp(row["slope"] * depth),
            name=str(category),
            mode="lines",
            line={
                "color": theme.PALETTE[number % len(theme.PALETTE)],
                "width": 4 if category == "all" else 1.8,
            },
            hovertemplate="%{y:.2f}",
        )
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(tickformat=".0%", hoverformat=".0%")
    return figure
