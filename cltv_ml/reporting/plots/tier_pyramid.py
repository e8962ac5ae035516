"""Customers and predicted value of each tier."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def tier_pyramid(tiers: pd.DataFrame, *, of: str = "predicted value", currency: str = "") -> go.Figure:
    """Return the share of customers (left) and of a value (right) per tier, the highest on top.

    Parameters
    ----------
    tiers
        Index or column `tier` (or `segment`), columns `customers` and `expected_value` (sum), such as
        `decisions.profile.profile_segments` by tier, the highest tier first.
    of
        Name of the value, such as "remaining profit".
    """
    rows = tiers.reset_index() if "tier" not in tiers and "segment" not in tiers else tiers
    names = rows["tier"] if "tier" in rows else rows["segment"]
    many, worth = (rows[name].iloc[0] / (rows[name].sum() or 1) for name in ("customers", "expected_value"))
    figure = theme.figure(
        f"The best {many:.0%} of the customers hold {worth:.0%} of the {of}",
        "Share of customers (left), of value (right)",
        "Tier",
    )
    for column, title, sign, colour in (
        ("customers", "customers", -1, theme.ACTUAL),
        ("expected_value", of, 1, theme.PALETTE[0]),
    ):
        share = rows[column] / (rows[column].sum() or 1)
        figure.add_bar(
            x=sign * share,
            meta={"x": share.tolist()},
            y=names.astype("str"),
            orientation="h",
            name=title,
            marker_color=colour,
            customdata=pd.DataFrame({"share": share, "value": rows[column]}),
            text=[f"{value:.0%}" for value in share],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{customdata[0]:.1%} of the "
            + title
            + f" (%{{customdata[1]:{',.0f' if sign > 0 else ','}}})<extra></extra>",
        )
    # Room for the texts at the ends of the longest bars.
    left, right = (rows[name].max() / (rows[name].sum() or 1) for name in ("customers", "expected_value"))
    figure.update_layout(barmode="relative", bargap=0.15)
    figure.update_xaxes(
        tickvals=[-1, -0.5, 0, 0.5, 1],
        ticktext=["100%", "50%", "0", "50%", "100%"],
        range=[-left - 0.2, right + 0.2],
    )
    figure.update_yaxes(type="category", autorange="reversed")
    return figure
