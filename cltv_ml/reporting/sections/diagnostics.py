"""Diagnostics for analysts: the fit of a probabilistic model, and the important features of a model."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.diagnostics import (
    compute_alive_history,
    compute_conditional,
    compute_frequency_fit,
    compute_history_grid,
    compute_rates,
    compute_spend_fit,
    compute_tracking,
)
from cltv_ml.evaluation.explain import (
    compute_contributions,
    compute_dependence,
    compute_importance,
    feature_title,
)
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import ProbabilisticValue
from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.report import section


def diagnostics_section(
    log: AnyLog, result: WindowResult, name: str, *, currency: str = ""
) -> dict[str, Any]:
    """Return the usual checks of a BTYD model: its fit before the cutoff and its forecast after it."""
    log, model = Log.of(log), result.models[name]
    if not isinstance(model, ProbabilisticValue):
        raise InputError(
            f"{name!r} is not a probabilistic model; choose one, such as pareto_nbd_gamma_gamma."
        )
    X, window, purchases = result.training.X_now, result.window, model.purchases_
    tracking = compute_tracking(purchases, log, window)
    expected = result.predictions[name]["expected_purchases"]
    actual = log.target(window, X.index, "purchases")
    grid = compute_history_grid(purchases, X, f"{window.horizon}d")
    lines, example = log.frame, typical_customer(X)
    days = lines.loc[(lines["customer_id"] == example) & (lines["timestamp"] < window.cutoff), "timestamp"]
    alive = compute_alive_history(purchases, list(days), window.cutoff - pd.Timedelta(days=1))
    figures = {
        "Customers by their number of repeat purchases before the cutoff.": plots.frequency_fit(
            compute_frequency_fit(purchases, X)
        ),
        "Right of the dotted line the model had seen nothing.": plots.weekly_tracking(tracking),
        "The same, added up.": plots.cumulative_tracking(tracking),
        "Mean purchases in the test window by how often customers had bought.": plots.conditional_by_frequency(
            compute_conditional(expected, actual, X, "frequency")
        ),
        "Mean purchases in the test window by how long customers had been silent.": plots.conditional_by_recency(
            compute_conditional(expected, actual, X, "recency")
        ),
        f"For a customer first seen {X['T'].max():.0f} days ago.": plots.purchases_map(grid),
        f"For a customer first seen {X['T'].max():.0f} days ago: many purchases and a long silence mean gone.": (
            plots.alive_map(grid)
        ),
        "A customer with a typical number of repeat purchases, as an example.": plots.alive_history(alive),
        "A density that rises without bound at zero: many customers almost never buy, or almost never leave.": (
            plots.rate_heterogeneity(compute_rates(purchases))
        ),
        "What repeat buyers spend on average, as a histogram, and what the spend model expects.": plots.spend_fit(
            compute_spend_fit(model.spend_, X), currency=currency
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


def typical_customer(X: pd.DataFrame) -> str:
    """Return the customer who stands for the repeat buyers: the upper quartile of their purchases, then the oldest."""
    repeat = X[X["frequency"] > 0]
    level = repeat["frequency"].quantile(0.75, interpolation="lower")
    return str(repeat[repeat["frequency"] == level].sort_values("T", kind="stable").index[-1])
