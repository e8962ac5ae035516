"""Heat map of expected purchases over possible purchase histories."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def purchases_map(grid: pd.DataFrame) -> go.Figure:
    """Return a heat map of expected purchases by repeat purchases and age at the last one.

    Drawn from `evaluation.diagnostics.compute_history_grid`: columns `frequency, recency,
    expected_purchases`.
    """
    width = grid["expected_purchases"].max() - grid["expected_purchases"].min()
    digits = ",.1f" if width > 0.5 else ",.3f"
    return history_map("Expected purchases of a customer, by history", grid, "expected_purchases", digits)


def history_map(title: str, grid: pd.DataFrame, column: str, digits: str) -> go.Figure:
    """Return a heat map of one prediction of a model over frequency and recency."""
    figure = theme.figure(title, "Age at the last purchase (recency)", "Repeat purchase days (frequency)")
    table = grid[grid["frequency"] > 0].pivot(index="frequency", columns="recency", values=column)
    name = "P(alive)" if column == "p_alive" else "expected purchases"
    # A probability needs the whole scale: nearly 1 everywhere must not look like 50%.
    ends = {"zmin": 0, "zmax": 1} if column == "p_alive" else {}
    figure.add_heatmap(
        x=table.columns,
        y=table.index,
        z=table,
        name=name,
        colorscale=theme.SEQUENTIAL,
        colorbar={"tickformat": digits, "thickness": 12},
        hoverongaps=False,
        **ends,
        hovertemplate="%{y:.0f} repeat purchases, the last at age %{x:.0f}<br>"
        f"{name} %{{z:{digits}}}<extra></extra>",
    )
    return figure
