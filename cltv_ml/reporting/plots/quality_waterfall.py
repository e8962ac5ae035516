"""Lines that the cleaning set aside, by reason."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme
from cltv_ml.reporting.rule_names import SHORT_REASONS


@theme.in_its_currency
def quality_waterfall(rules: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return a waterfall from the lines of the source to the lines of the log, one step per rule that applied.

    Drawn from `Report.rules` of a cleaning: columns `rule, rows_before, money_before, rows, money`.
    """
    figure = theme.figure("From the source to the clean log: lines set aside by reason", "", "Lines")
    applied = rules[rules["rows"] > 0]
    before = int(rules["rows_before"].iloc[0])
    left = before - applied["rows"].sum()
    reasons = applied["rule"].map(SHORT_REASONS).fillna(applied["rule"])
    names = ["in the source", *reasons, "in the log"]
    figure.add_waterfall(
        x=names,
        y=[before, *(-applied["rows"]), 0],
        meta={"y": [before, *(-applied["rows"]).tolist(), int(left)]},
        measure=["absolute", *["relative"] * len(applied), "total"],
        name="lines",
        customdata=[0.0, *applied["money"], 0.0],
        connector={"line": {"color": theme.REFERENCE, "width": 1}},
        text=[f"{before:,}", *(f"−{rows:,}" for rows in applied["rows"]), f"{left:,}"],
        textposition="outside",
        cliponaxis=False,
        constraintext="none",
        decreasing_marker_color=theme.LOSS,
        totals_marker_color=theme.PALETTE[0],
        hovertemplate="%{x}: %{text} lines, %{customdata:,.2f}<extra></extra>",
    )
    figure.update_xaxes(title_text="Reason, in the order applied")
    figure.update_layout(showlegend=False)
    return figure
