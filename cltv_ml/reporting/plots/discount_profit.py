"""Profit by depth of discount, and the number of customers for whom each depth is best."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def discount_profit(profits: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return the expected profit of each depth for all customers, and the share of customers for whom it is best.

    Drawn from `decisions.offers.profit_by_depth`: one row per customer, one column per depth, NaN where
    forbidden. Customers are added up before anything is drawn.
    """
    figure = theme.figure(
        "Profit if every customer gets the discount (bars) and customers for whom it is best (line)",
        "Depth of the discount",
        theme.in_money("Extra profit over no discount", currency),
    )
    names = [f"{100 * float(depth):g}%" for depth in profits.columns]
    total = profits.sum()
    share = profits.idxmax(axis=1).value_counts(normalize=True).reindex(profits.columns, fill_value=0.0)
    for kind, colour, bars in (("profit", theme.GAIN, total >= 0), ("loss", theme.LOSS, total < 0)):
        if bars.any():
            figure.add_bar(
                x=[name for name, drawn in zip(names, bars, strict=True) if drawn],
                y=total[bars],
                name=f"{kind} if every customer gets it",
                opacity=0.7,
                customdata=profits.notna().mean()[bars],
                marker_color=colour,
                hovertemplate="%{x} off: %{y:+,.2f}<br>allowed for %{customdata:.0%} of the customers<extra></extra>",
            )
    theme.add_line(
        figure,
        names,
        share,
        "share of customers for whom it is best",
        "%{x} off is best for %{y:.1%}",
        mode="lines+markers",
        yaxis="y2",
    )
    figure.update_layout(yaxis2=theme.right_axis("Share of customers", tickformat=".0%", rangemode="tozero"))
    figure.update_layout(barmode="relative")
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=names)
    return figure
