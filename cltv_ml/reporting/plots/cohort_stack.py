"""Revenue of each period by the period in which its customers were won."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme

#: Number of cohorts that are drawn separately; older ones are one area.
DRAWN = 7


@theme.in_its_currency
def cohort_stack(cohorts: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return stacked bars: each period's revenue, divided by the period in which the customers first bought.

    The newest cohorts are drawn separately, all older ones together.

    Drawn from `decisions.compute_audit(log).cohorts`: columns `cohort, period, name, revenue`.
    """
    figure = theme.figure(
        "Revenue by the period in which customers were won", "Period", theme.in_money("Revenue", currency)
    )
    order = list(dict.fromkeys(cohorts["cohort"]))
    young = order[-DRAWN:] if len(order) > DRAWN + 1 else order
    groups = cohorts.assign(group=cohorts["cohort"].where(cohorts["cohort"].isin(young), "earlier"))
    names = list(dict.fromkeys(groups["group"]))
    for name, colour in theme.colours(names).items():
        sums = groups[groups["group"] == name].groupby(["period", "name"], as_index=False)["revenue"].sum()
        figure.add_bar(
            x=sums["name"],
            y=sums["revenue"],
            name=name if name in ("earlier", "no purchase") else f"won {name}",
            marker_color=colour,
            hovertemplate=f"%{{x}}<br>{name}: %{{y:,.0f}}<extra></extra>",
        )
    figure.update_layout(barmode="relative")
    figure.update_xaxes(
        type="category", categoryorder="array", categoryarray=list(dict.fromkeys(cohorts["name"]))
    )
    return figure
