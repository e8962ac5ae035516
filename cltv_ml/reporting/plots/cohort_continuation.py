"""Value of cohorts so far and expected: the known part solid, the expected part lighter."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.reporting import theme

#: Most cohorts in the figure: the largest ones.
COHORTS_DRAWN = 24


@theme.in_its_currency
def cohort_continuation(continuation: pd.DataFrame, *, currency: str = "") -> go.Figure:
    """Return bars per cohort: a customer's value so far and, lighter, what each further horizon is expected to add.

    `continuation` has the columns `cohort, customers, to_date, days, expected, lower, upper`, per customer
    (`pipelines.continuation.continue_cohorts`).
    """
    first = continuation.drop_duplicates("cohort")
    largest = set(first.nlargest(COHORTS_DRAWN, "customers")["cohort"])
    shown = continuation[continuation["cohort"].isin(largest)]
    shown = shown.assign(name=shown["cohort"] + " (" + shown["customers"].map("{:,}".format) + ")")
    figure = theme.figure(
        "Value of a customer so far, and expected",
        theme.in_money("Per customer", currency),
        "Cohort (customers)",
    )
    so_far = shown.drop_duplicates("cohort")
    figure.add_bar(
        y=so_far["name"],
        x=so_far["to_date"],
        name="so far",
        orientation="h",
        marker_color=theme.MODEL,
        hovertemplate="%{y}: %{x:,.2f} so far<extra></extra>",
    )
    _add_horizons(figure, shown)
    _add_interval(figure, shown[shown["days"] == shown["days"].max()])
    figure.update_layout(barmode="stack", height=max(440, 120 + 24 * len(largest)))
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def _add_horizons(figure: go.Figure, shown: pd.DataFrame) -> None:
    """Add what each further horizon adds to the one before it."""
    before: pd.Series | float = 0.0
    for number, (day, of_horizon) in enumerate(shown.set_index("cohort").groupby("days")):
        figure.add_bar(
            y=of_horizon["name"],
            x=of_horizon["expected"] - before,
            name=f"next {day} days",
            orientation="h",
            marker_color=theme.MODEL,
            opacity=0.55 / (1 + number),
            customdata=of_horizon[["expected", "lower", "upper"]],
            hovertemplate=f"%{{y}}, next {day} days: %{{customdata[0]:,.2f}} "
            "(%{customdata[1]:,.2f} to %{customdata[2]:,.2f})<extra></extra>",
        )
        before = of_horizon["expected"]


def _add_interval(figure: go.Figure, last: pd.DataFrame) -> None:
    """Add the interval of the longest horizon at the ends of the bars."""
    figure.add_scatter(
        y=last["name"],
        x=last["to_date"] + last["expected"],
        name="90% interval",
        mode="markers",
        marker={"color": theme.REFERENCE, "size": 5},
        error_x=theme.whiskers(last["expected"], last["lower"], last["upper"]) | {"color": theme.REFERENCE},
        hoverinfo="skip",
    )
