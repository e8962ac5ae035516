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
        "Customers by their number of repeat purchases before the cutoff.": plots.frequency_fit(
            tables["frequency_fit"]
        ),
        "Right of the dotted line the model had seen nothing.": plots.weekly_tracking(tables["tracking"]),
        "The same, added up.": plots.cumulative_tracking(tables["tracking"]),
        "Mean purchases in the test window by how often customers had bought.": plots.conditional_by_frequency(
            tables["by_frequency"]
        ),
        "Mean purchases in the test window by how long customers had been silent.": plots.conditional_by_recency(
            tables["by_recency"]
        ),
        f"For a customer first seen {oldest:.0f} days ago.": plots.purchases_map(tables["grid"]),
        f"For a customer first seen {oldest:.0f} days ago: many purchases and a long silence mean gone.": (
            plots.alive_map(tables["grid"])
        ),
        "A customer with a typical number of repeat purchases, as an example.": plots.alive_history(
            tables["alive"]
        ),
        "A density that rises without bound at zero: many customers almost never buy, or almost never leave.": (
            plots.rate_heterogeneity(tables["rates"])
        ),
        "What repeat buyers spend on average, as a histogram, and what the spend model expects.": plots.spend_fit(
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
        "How much worse customers are put in order when the values of one feature are dealt out at random.": (
            plots.importances(titled)
        ),
        "A point is a customer: to the right the feature adds to what is expected, to the left it takes away.": (
            plots.contributions(compute_contributions(model, X), currency=currency)
        ),
    }
    first = str(importance["feature"].iloc[0])
    if importance["importance"].iloc[0] > 0:
        names = [str(column) for column in model.feature_names_in_]
        figures[
            f"The mean expected value if every customer had this {feature_title(first)}, all else as it is."
        ] = plots.dependence(
            compute_dependence(model, X[names], first), currency=currency, title=feature_title(first)
        )
    return section(f"What {theme.label(name)} looks at", figures=figures)
