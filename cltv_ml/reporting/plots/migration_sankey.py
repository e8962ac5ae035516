"""Flows of customers between segments."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme


def migration_sankey(flows: pd.DataFrame) -> go.Figure:
    """Return the flows of customers between segments of two dates.

    Parameters
    ----------
    flows
        `decisions.migration.compute_migration`: columns `before, after, customers, share`.
    """
    figure = theme.figure("Who moved where: then (left) and now (right)")
    left, right = list(dict.fromkeys(flows["before"])), list(dict.fromkeys(flows["after"]))
    colours = theme.colours(dict.fromkeys([*left, *right]))
    figure.add_sankey(
        name="customers",
        node={
            "label": [*left, *right],
            "color": [colours[name] for name in (*left, *right)],
            "pad": 14,
            "hovertemplate": "%{label}: %{value:,} customers<extra></extra>",
        },
        link={
            "source": [left.index(name) for name in flows["before"]],
            "target": [len(left) + right.index(name) for name in flows["after"]],
            "value": flows["customers"],
            "color": [_faint(colours[name]) for name in flows["before"]],
            "customdata": flows["share"],
            "hovertemplate": "%{source.label} → %{target.label}: %{value:,} customers, "
            "%{customdata:.1%} of those before<extra></extra>",
        },
    )
    return figure


def _faint(colour: str) -> str:
    """Return a hexadecimal colour at two fifths of its strength."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.4)"
