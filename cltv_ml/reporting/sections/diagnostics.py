"""Diagnostics for analysts: the fit of a probabilistic model, and the important features of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.explain import (
    compute_contributions,
    compute_dependence,
    compute_importance,
    feature_title,
)
from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.report import section


def diagnostics_section(
    tables: Mapping[str, pd.DataFrame], name: str, *, currency: str = ""
) -> dict[str, Any]:
    """Return the usual checks of a BTYD model, drawn from the tables of `evaluation.diagnostics.diagnose`."""
    oldest = tables["grid"]["T"].max()
    figures = {
        "Customers by number of repeat purchases before the cutoff.": plots.frequency_fit(
            tables["frequency_fit"]
        ),
        "The model had not seen the data to the right of the dotted line.": plots.weekly_tracking(
            tables["tracking"]
        ),
        "The same, cumulative.": plots.cumulative_tracking(tables["tracking"]),
        "Mean purchases in the test window by number of earlier purchases.": plots.conditional_by_frequency(
            tables["by_frequency"]
        ),
        "Mean purchases in the test window by days since the last purchase.": plots.conditional_by_recency(
            tables["by_recency"]
        ),
        f"For a customer first seen {oldest:.0f} days ago.": plots.purchases_map(tables["grid"]),
        f"For a customer first seen {oldest:.0f} days ago: after many purchases, a long silence means that "
        "the customer has left.": (plots.alive_map(tables["grid"])),
        "An example: a customer with a typical number of repeat purchases.": plots.alive_history(
            tables["alive"]
        ),
        "Where the density rises without bound at zero, many customers almost never buy, or almost never "
        "leave.": (plots.rate_heterogeneity(tables["rates"])),
        "Histogram of repeat buyers' mean spend, and the spend model's expectation.": plots.spend_fit(
            tables["spend_fit"], currency=currency
        ),
    }
    return section(f"How well {theme.label(name)} fits", figures=figures)


def explanation_section(result: WindowResult, name: str, *, currency: str = "") -> dict[str, Any]:
    """Return the features behind a model's order of customers, and their contributions to values, in currency."""
    model, X = result.models[name], result.training.X_now
    importance = compute_importance(model, X, result.y_true, repeats=2)
    titled = importance.assign(feature=importance["feature"].map(feature_title))
    figures = {
        "How much the ranking of customers suffers when the values of one feature are shuffled.": (
            plots.importances(titled)
        ),
        "Each point is a customer: to the right, the feature raises the expected value; to the left, it "
        "lowers it.": (plots.contributions(compute_contributions(model, X), currency=currency)),
    }
    first = str(importance["feature"].iloc[0])
    if importance["importance"].iloc[0] > 0:
        names = [str(column) for column in model.feature_names_in_]
        figures[
            f"The mean expected value if every customer had this {feature_title(first)}, all else being "
            "equal."
        ] = plots.dependence(
            compute_dependence(model, X[names], first), currency=currency, title=feature_title(first)
        )
    return section(f"What drives {theme.label(name)}", figures=figures)
