"""Waterfall of the change in total predicted value."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def value_waterfall(change: pd.DataFrame, *, of: str = "predicted value", currency: str = "") -> go.Figure:
    """Return a waterfall of the causes that raised or lowered a total over all customers.

    Parameters
    ----------
    change
        `decisions.value_change.account_for_change`: columns `part, customers, change`, the last row the total.
    of
        Name of the total, such as "expected profit".
    """
    figure = theme.figure(
        f"Changes in the {of} of all customers", "Cause", theme.in_money("Change", currency)
    )
    figure.add_waterfall(
        x=change["part"],
        y=change["change"],
        name="change",
        customdata=change["customers"],
        measure=["relative"] * (len(change) - 1) + ["total"],
        connector={"line": {"color": theme.REFERENCE, "width": 1}},
        increasing_marker_color=theme.GAIN,
        decreasing_marker_color=theme.LOSS,
        totals_marker_color=theme.PALETTE[0],
        hovertemplate="%{x}: %{y:+,.0f}<br>%{customdata:,} customers<extra></extra>",
    )
    figure.update_layout(showlegend=False)
    return figure
