"""Flows of customers between segments."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.decisions.tiers import DEFAULT_SHARES, NOT_SCORED
from cltv_ml.reporting import theme

#: Tiers from the highest down; other segments stay in the order of the table.
_TIERS = [*DEFAULT_SHARES, "low", NOT_SCORED]


def migration_sankey(flows: pd.DataFrame) -> go.Figure:
    """Return the flows of customers between segments of two dates.

    Drawn from `decisions.migration.compute_migration`: columns `before, after, customers, share`.
    """
    left, right = (_by_value(flows[side]) for side in ("before", "after"))
    colours = theme.colours(dict.fromkeys([*left, *right]))
    groups = "tier" if any(name in DEFAULT_SHARES for name in colours) else "segment"
    figure = theme.figure(f"Customers by {groups}, before (left) and now (right)")
    return figure.add_sankey(
        name="customers",
        arrangement="snap",
        node={
            "x": [0.001] * len(left) + [0.999] * len(right),
            "y": [*_middles(flows, "before", left), *_middles(flows, "after", right)],
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


def _by_value(names: pd.Series) -> list[str]:
    """Return the segments from the highest tier down, those of customers who came or went last.

    >>> _by_value(pd.Series(["(no longer scored)", "high", "low", "medium"]))
    ['high', 'medium', 'low', '(no longer scored)']
    """
    order = dict.fromkeys(names)
    return sorted(
        order, key=lambda name: (name.startswith("("), _TIERS.index(name) if name in _TIERS else -1)
    )


def _middles(flows: pd.DataFrame, side: str, names: list[str]) -> pd.Series:
    """Return the position of each segment's middle, from the top (0) to the bottom (1)."""
    shares = flows.groupby(side)["customers"].sum()[names] / flows["customers"].sum()
    return (shares.cumsum() - shares / 2).clip(0.001, 0.999)


def _faint(colour: str) -> str:
    """Return a hexadecimal colour at two fifths of its strength."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.4)"
