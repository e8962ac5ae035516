"""Matrix of products bought together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def cross_sell_matrix(pairs: pd.DataFrame, *, top: int = 20) -> go.Figure:
    """Return a matrix of lift: how many times more often than by chance two items share an order.

    Parameters
    ----------
    pairs
        `decisions.associations.find_associations`: columns `bought, also_bought, orders, lift, lift_lower`.
    top
        Number of items to draw: those in the most shared orders.
    """
    figure = theme.figure("Bought together more often than by chance", "Also bought", "Bought")
    items = pairs.groupby("bought")["orders"].sum().nlargest(top).index
    inside = pairs[pairs["bought"].isin(items) & pairs["also_bought"].isin(items)]
    table = inside.pivot(index="bought", columns="also_bought", values="lift")
    orders = inside.pivot(index="bought", columns="also_bought", values="orders")
    # On a logarithmic scale, twice as often and half as often are equally far from chance.
    figure.add_heatmap(
        x=theme.short_names(table.columns),
        y=theme.short_names(table.index),
        z=np.log2(table),
        meta={"x": [*table.columns], "y": [*table.index], "z": table.to_numpy().tolist()},
        name="lift",
        colorscale=theme.SEQUENTIAL,
        customdata=np.dstack([table, orders]),
        colorbar=_times(np.log2(inside["lift"])),
        hovertemplate="%{y} and %{x}: %{customdata[0]:.1f} times chance, %{customdata[1]:,} orders<extra></extra>",
        hoverongaps=False,
    )
    figure.update_xaxes(type="category", tickangle=-45, dtick=1)
    figure.update_yaxes(type="category", autorange="reversed", dtick=1)
    figure.update_layout(height=260 + 18 * len(table))
    return figure


def _times(lift: pd.Series) -> dict[str, object]:
    """Return a colour bar labelled in multiples of chance."""
    at = np.linspace(lift.min(), lift.max(), 4)
    digits = 2 if len({f"{2**value:.2g}" for value in at}) == len(at) else 3
    return {
        "thickness": 12,
        "title": {"text": "times chance"},
        "tickvals": at,
        "ticktext": [f"{2**value:.{digits}g}×" for value in at],
    }
