"""What customers answer to a discount, and what it earns."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def discount_response(response: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return the share who buy by depth of discount, and the margin that is left per customer offered.

    Parameters
    ----------
    response
        Columns `depth` (share of the price), `response` (share who buy) and `margin` (expected per customer
        offered, in currency); where known `response_lower, response_upper`.
    """
    made = theme.figure("Deeper discounts: who answers (line) and what is left (bars)",
                        "Depth of the discount", theme.in_money("Margin per customer", currency))  # fmt: skip
    made.add_bar(
        x=response["depth"], y=response["margin"], name="margin per customer", opacity=0.6,
        marker_color=[theme.GAIN if margin >= 0 else theme.LOSS for margin in response["margin"]],
        hovertemplate="%{x:.0%} off: %{y:,.2f} per customer<extra></extra>",
    )  # fmt: skip
    known = {"response_lower", "response_upper"} <= set(response.columns)
    made.add_scatter(
        x=response["depth"], y=response["response"], name="share who buy", yaxis="y2", mode="lines+markers",
        line_color=theme.MODEL, hovertemplate="%{x:.0%} off: %{y:.1%} buy<extra></extra>",
        error_y={"type": "data", "symmetric": False, "array": response["response_upper"] - response["response"],
                 "arrayminus": response["response"] - response["response_lower"]} if known else None,
    )  # fmt: skip
    made.update_layout(
        yaxis2={"title": {"text": "Share who buy"}, "overlaying": "y", "side": "right",
                "tickmode": "auto", "showgrid": False,
                "tickformat": ".0%", "rangemode": "tozero"}
    )  # fmt: skip
    made.update_xaxes(tickformat=".0%")
    return made
