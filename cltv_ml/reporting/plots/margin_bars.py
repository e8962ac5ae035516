"""Margins of segments, products, categories or channels, gains and losses."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def margin_bars(margins: pd.DataFrame, *, currency: str = "", top: int = 12) -> go.Figure:
    """Return contribution margins, the largest first and the losses last.

    Parameters
    ----------
    margins
        `decisions.margins.compute_margins` at any grain: indexed by it, columns `revenue`,
        `contribution_margin`, `contribution_rate`.
    top
        Number of the best rows; as many of the loss makers are drawn below them.
    """
    ranked = margins.sort_values("contribution_margin", ascending=False, kind="stable")
    losing = ranked[ranked["contribution_margin"] < 0].tail(top)
    rows = pd.concat([ranked.drop(losing.index).head(top), losing])
    grain = str(margins.index.name or "group").replace("_id", "")
    figure = theme.figure(
        f"Contribution margin by {grain}", theme.in_money("Contribution margin", currency), grain.capitalize()
    )
    names = theme.short_names(rows.index, longest=32)
    figure.add_bar(
        x=rows["contribution_margin"],
        y=list(range(len(rows))),
        meta={"y": [*map(str, rows.index)]},
        orientation="h",
        name="contribution margin",
        marker_color=[theme.GAIN if margin >= 0 else theme.LOSS for margin in rows["contribution_margin"]],
        customdata=rows[["revenue", "contribution_rate"]].assign(name=rows.index.astype("str")),
        hovertemplate="%{customdata[2]}<br>%{x:,.2f} of "
        "%{customdata[0]:,.2f} revenue (%{customdata[1]:.1%})<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", tickvals=list(range(len(rows))), ticktext=names)
    figure.update_layout(showlegend=False)
    return figure
