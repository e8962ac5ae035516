"""Heat map of a measure of cohorts over the time since the first purchase, with the values in the cells."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.decisions.cohorts import SMALL_COHORT, is_followed
from cltv_ml.reporting import theme

_CELL_FORMS = {"retention": ("Share of customers who buy", "{:.0%}", ".0%")}

_GREY = "#B8BDC4"


@theme.in_its_currency
def cohort_table(
    cohorts: pd.DataFrame,
    *,
    measure: Literal[
        "retention", "cumulative_revenue_per_customer", "cumulative_margin_per_customer"
    ] = "cumulative_revenue_per_customer",
    per: str = "month",
    currency: str = "",
) -> go.Figure:
    """Return a heat map of one measure: cohorts down, with their sizes, periods across.

    Parameters
    ----------
    cohorts
        `decisions.compute_cohorts`; periods whose end fewer than 30 customers have reached are left empty unless these
        are the whole cohort, and cohorts of fewer than 30 are grey.
    per
        Name of the period on the axis.
    """
    spent = "Margin" if "margin" in measure else "Revenue"
    words, cell, form = _CELL_FORMS.get(
        measure,
        (theme.in_money(f"{spent} per customer so far", currency), "{:,.0f}", ",.2f"),
    )
    named = cohorts.assign(name=cohorts["cohort"] + " (" + cohorts["customers"].map("{:,}".format) + ")")
    names = list(dict.fromkeys(named["name"]))
    table = named[is_followed(named)].pivot(index="name", columns="period", values=measure).reindex(names)
    figure = theme.figure(
        f"{words}, cohort by cohort", f"{per.capitalize()}s since the first purchase", "Cohort (customers)"
    )
    small = table.index.isin(named.loc[named["customers"] < SMALL_COHORT, "name"])
    scaled = table[~small] if table[~small].notna().any(axis=None) else table
    if measure == "retention" and scaled.loc[:, scaled.columns > 0].notna().any(axis=None):
        scaled = scaled.loc[
            :, scaled.columns > 0
        ]  # everyone buys in the first period: it would take the whole scale
    hover = f"%{{y}}, {per} %{{x}}: %{{z:{form}}}"
    figure.add_heatmap(
        **_cells(table, cell),
        zmin=scaled.min(axis=None) if scaled.size else None,
        zmax=scaled.max(axis=None) if scaled.size else None,
        name=words,
        colorscale=theme.SEQUENTIAL,
        colorbar={"thickness": 12, "tickformat": form if "%" in form else ",.0f"},
        hovertemplate=f"{hover}<extra></extra>",
    )
    if table[small].notna().any(axis=None):
        figure.add_heatmap(
            **_cells(table[small].reindex(table.index), cell),
            name=f"fewer than {SMALL_COHORT} customers",
            colorscale=((0.0, _GREY), (1.0, _GREY)),
            showscale=False,
            hovertemplate=f"{hover}, few customers<extra></extra>",
        )
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_layout(height=max(figure.layout.height, 150 + 15 * len(table)))
    if len(table.columns) <= 12:  # plotly would mark half periods
        figure.update_xaxes(dtick=1)
    return figure


def _cells(table: pd.DataFrame, cell: str) -> dict[str, Any]:
    """Return the axes, values and texts of a heat map."""
    axes = {"x": table.columns, "y": table.index, "z": table, "hoverongaps": False}
    return axes | theme.cell_texts(table, cell)
