"""Diagnostics for analysts: the fit of a probabilistic model, and the important features of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.explain import (
    compute_contributions,
    compute_dependence,
    compute_importance,
    feature_title,
)
from cltv_ml.models import ValueModel
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
        f"For a customer first seen {oldest:,.0f} days ago.": plots.purchases_map(tables["grid"]),
        f"For a customer first seen {oldest:,.0f} days ago: after many purchases, a long silence means that "
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
    return section(f"Fit of {theme.label(name)}", figures=figures)


def explanation_section(result: WindowResult, name: str, *, currency: str = "") -> dict[str, Any]:
    """Return the section on the features that change a model's values most, in currency, and on the effect of the
    first of them.

    A model without contributions gets the importances of its features instead, which vary more from draw to draw:
    each feature's values are shuffled among the customers.
    """
    model, X = result.models[name], result.training.X_now
    contributions = compute_contributions(model, X)
    if (contributions["contribution"] != 0).any():
        order = contributions["feature"]
        figures = {
            "Each point is a customer: the feature raises the expected value to the right of zero and lowers it to the "
            "left.": plots.contributions(contributions, currency=currency)
        }
    else:
        importance = compute_importance(model, X, result.y_true, repeats=2)
        order = importance["feature"][importance["importance"] > 0]
        titled = importance.assign(feature=importance["feature"].map(feature_title))
        figures = {
            "How much worse customers are ranked when the values of one feature are shuffled among them.": (
                plots.importances(titled)
            )
        }
    first = next((str(feature) for feature in order if feature in X), None)
    if first is not None:
        figures[
            f"The mean expected value by {feature_title(first)} if all customers had the same, all else unchanged."
        ] = _mean_by_feature(model, X, first, currency)
    return section(f"Features that {theme.label(name)} uses", figures=figures)


def _mean_by_feature(model: ValueModel, X: pd.DataFrame, feature: str, currency: str) -> go.Figure:
    """Return the figure of a model's mean value by one feature's."""
    names = [str(column) for column in model.feature_names_in_]
    table = compute_dependence(model, X[names], feature)
    return plots.dependence(table, currency=currency, title=feature_title(feature))
