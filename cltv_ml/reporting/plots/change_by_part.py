"""Parts that changed a total from one period to the next, as stacked gains and losses."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme

#: Colours of parts of the customer base, as `base_changes` draws them.
COLOURS = {
    "new": theme.GAIN,
    "returned": theme.PALETTE[4],
    "kept, spent more": theme.PALETTE[0],
    "kept, spent less": theme.PALETTE[3],
    "lost": theme.LOSS,
}


@theme.in_its_currency
def change_by_part(
    changes: pd.DataFrame,
    *,
    title: str = "Changes in revenue from one period to the next",
    currency: str = "",
) -> go.Figure:
    """Return bars of each part's gain or loss stacked by period, and a mark at their sum.

    `changes` has the columns `name` (period), `part` and `change`; rows of the part "total" are the marks
    (`decisions.compute_audit(log).changes`).
    """
    figure = theme.figure(title, "Period", theme.in_money("Change", currency))
    parts = [part for part in dict.fromkeys(changes["part"]) if part != "total"]
    shown = [part for part in parts if (changes.loc[changes["part"] == part, "change"] != 0).any()] or parts
    colours = theme.colours(shown) | {part: COLOURS[part] for part in shown if part in COLOURS}
    for part, colour in colours.items():
        of_part = changes[changes["part"] == part]
        figure.add_bar(
            x=of_part["name"],
            y=of_part["change"],
            name=part,
            marker_color=colour,
            hovertemplate=f"%{{x}}<br>{part}: %{{y:+,.0f}}<extra></extra>",
        )
    total = changes[changes["part"] == "total"]
    figure.add_scatter(
        x=total["name"],
        y=total["change"],
        name="total change",
        mode="markers",
        marker={"symbol": "diamond", "size": 11, "color": theme.REFERENCE},
        hovertemplate="%{x}<br>total %{y:+,.0f}<extra></extra>",
    )
    figure.update_layout(barmode="relative")
    figure.update_xaxes(type="category")
    return figure
