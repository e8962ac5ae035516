"""Map of customers and revenue by recency and frequency score."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


@theme.in_its_currency
def rfm_map(rfm: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return a map of recency and frequency scores, coloured by the number of customers.

    Drawn from `decisions.rfm.apply_rfm`: one row per customer with `recency_score, frequency_score, spend,
    segment`. Customers are counted per cell before anything is drawn.
    """
    figure = theme.figure(
        "Customers by recency (right: recent) and frequency (up: often)",
        "Recency score, 5 = bought recently",
        "Frequency score, 5 = bought often",
    )
    cells = rfm.groupby(["frequency_score", "recency_score"]).agg(
        customers=("spend", "size"),
        spend=("spend", "sum"),
        segment=("segment", lambda names: names.mode().iloc[0]),
    )
    full = pd.MultiIndex.from_product([range(1, 6), range(1, 6)], names=cells.index.names)
    cells = cells.reindex(full)
    count, spend, segment = (cells[name].unstack() for name in ("customers", "spend", "segment"))
    count = count.fillna(0)
    share = count / len(rfm)
    figure.add_heatmap(
        x=list(count.columns),
        y=list(count.index),
        z=count,
        name="customers",
        colorscale=theme.SEQUENTIAL,
        customdata=np.dstack([segment.astype(object), spend, share]),
        **theme.cell_texts(share, "{:.0%}"),
        colorbar={"thickness": 12, "title": {"text": "customers"}},
        hovertemplate="recency %{x}, frequency %{y}, mostly %{customdata[0]}<br>%{z:,} customers "
        "(%{customdata[2]:.1%}), spent %{customdata[1]:,.0f}<extra></extra>",
    )
    figure.update_xaxes(dtick=1)
    figure.update_yaxes(dtick=1)
    return figure
