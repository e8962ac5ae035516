"""Lifetime value of every customer: realised so far, expected by the champion, and the residual beyond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml import decisions
from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import Progress, silent
from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.features import build_features
from cltv_ml.files import write_table
from cltv_ml.log import Log
from cltv_ml.models import GammaGamma, ParetoNBD, ProbabilisticValue
from cltv_ml.models.value_curve import NO_DROPOUT, ValueCurve, check_discount_rate
from cltv_ml.pipelines.inputs import costs_of, load
from cltv_ml.serving import registered_model, scoring
from cltv_ml.settings import Lifetime as LifetimeSettings
from cltv_ml.settings import Settings
from cltv_ml.tracking import store
from cltv_ml.windows import Window, to_days

#: Draws per customer for intervals.
DRAWS = 200

_SUMMARY = ("frequency", "recency", "T", "monetary_value")


@dataclass(frozen=True)
class Lifetimes:
    """The table by `customer_id`, its totals by name with 90% intervals, sentences to read first, and the file."""

    table: pd.DataFrame
    totals: pd.DataFrame
    notes: list[str]
    file: Path


def lifetime(settings: Settings | None = None, *, progress: Progress = silent, **options: Any) -> Lifetimes:
    """Return the lifetime value of every customer as of the end of the log, written to `out`.

    The champion's value for its horizon is spread over time by a Pareto/NBD fitted on today's customers
    (`models.value_curve`), so values of all horizons agree: they never fall as the horizon grows.

    Raises
    ------
    InputError
        There is no champion, a horizon or the end is impossible or the horizons do not increase, the end does not lie
        beyond the champion's horizon, the discount rate is impossible, or margins need costs that nobody stated.
    """
    settings = LifetimeSettings.of(settings, options)
    days, end = _check(settings)
    log = load(settings, progress).transactions
    margins = _margins(log, settings)
    progress("scoring the customers", 0.3)
    cutoff = scoring.check_as_of(log, None)
    store.open_store()
    model, version = registered_model.load_registered()
    card = model.metadata.metadata
    horizon = int(card["horizon"])
    if end <= horizon:
        raise InputError(f"the end of {end} days must lie beyond the champion's horizon of {horizon} days.")
    X = build_features(log, cutoff, names=list(card["features"]))
    scores = scoring.predict_in_chunks(model, X[card["features"]])["expected_value"]
    progress("following customers beyond the horizon", 0.6)
    curve = ValueCurve(ParetoNBD(), horizon).fit(X)
    future = _future(curve, X, scores, end, settings.discount_rate)
    table = decisions.compute_lifetime(decisions.value_to_date(log), future, margins)
    progress("drawing intervals", 0.8)
    factors = _level_factors(log, Window(cutoff, horizon))
    bounds, sums = _draws(curve, X, table["remaining_value"], end, factors)
    table = table.join(_at(curve, X, scores, days)).assign(
        remaining_lower=bounds[:, 0],
        remaining_upper=bounds[:, 1],
        cutoff=cutoff,
        horizon=horizon,
        end=end,
        model_version=version,
    )
    notes = _notes(table, curve.survival(X, end), end, margins is not None)
    write_table(table.reset_index(), settings.out)
    return Lifetimes(table, _totals(table, sums), notes, settings.out)


def _margins(log: Log, settings: LifetimeSettings) -> pd.DataFrame | None:
    """Return the margins by customer, None where neither the log nor the settings know any cost."""
    if "cost" not in log.columns and settings.margin_rate is None and settings.category_margins is None:
        return None
    return decisions.compute_margins(log, "customer_id", costs=costs_of(settings))


def _at(curve: ValueCurve, X: pd.DataFrame, scores: pd.Series, days: Sequence[int]) -> pd.DataFrame:
    """Return `value_<days>d` for each further horizon."""
    if not days:
        return pd.DataFrame(index=X.index)
    return curve.multiples(X, days).mul(scores, axis=0).rename(columns=lambda day: f"value_{day}d")


def _check(settings: LifetimeSettings) -> tuple[list[int], int]:
    """Return the horizons and the end in days."""
    check_discount_rate(settings.discount_rate)
    days = [to_days(horizon) for horizon in settings.horizons]
    if days != sorted(set(days)):
        raise InputError(f"horizons must increase, got {', '.join(settings.horizons)}.")
    end = to_days(settings.end)
    if days and days[-1] > end:
        raise InputError(f"the horizon of {days[-1]} days is longer than the end of {end} days.")
    return days, end


def _future(curve: ValueCurve, X: pd.DataFrame, scores: pd.Series, end: int, rate: float) -> pd.DataFrame:
    """Return `expected_value` within the champion's horizon and `residual_value` from there to the end, discounted."""
    multiples = curve.multiples(X, [curve.horizon, end], rate)
    within = scores * multiples[curve.horizon]
    return pd.DataFrame({"expected_value": within, "residual_value": scores * multiples[end] - within})


def _level_factors(log: Log, window: Window) -> np.ndarray:
    """Return a ratio of the true level to the forecast for each draw, in random order; ones where nothing tells it."""
    level = forecast_level(log, window)
    return np.ones(DRAWS) if level is None else np.random.default_rng(0).permutation(level.factors(DRAWS))


def _draws(
    curve: ValueCurve, X: pd.DataFrame, remaining: pd.Series, end: int, factors: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 90% interval of each customer's remaining value, shape (n, 2), and draws of the total, shape (DRAWS,).

    The draws are the purchase and spend models', brought to the champion's mean: they hold chance, the uncertainty of
    the parameters and, by `factors`, that of the level.
    """
    model = ProbabilisticValue(curve.purchases_, GammaGamma(), horizon=end).fit(X[list(_SUMMARY)])
    scale = remaining.to_numpy() / np.maximum(model.predict(X[list(_SUMMARY)]), np.finfo(float).tiny)
    bounds, sums, first = [], np.zeros(DRAWS), 0
    for part in model.draw_values(X[list(_SUMMARY)], DRAWS):
        drawn = part * scale[first : first + len(part), None] * factors
        bounds.append(np.quantile(drawn, [0.05, 0.95], axis=1).T)
        sums += drawn.sum(axis=0)
        first += len(part)
    return np.concatenate(bounds), sums


def _totals(table: pd.DataFrame, sums: np.ndarray) -> pd.DataFrame:
    """Return the total of each part, and for what is still to come the 90% interval of the draws' totals."""
    parts = [name for name in table if name.endswith(("_value", "_profit", "_to_date"))]
    totals = pd.DataFrame({"total": table[parts].sum()}).rename_axis("part")
    low, high = np.quantile(sums, [0.05, 0.95])
    totals.loc["remaining_value", ["lower", "upper"]] = [low, high]
    past = totals.at["value_to_date", "total"]
    totals.loc["lifetime_value", ["lower", "upper"]] = [past + low, past + high]
    return totals


def _notes(table: pd.DataFrame, survival: float, end: int, profit: bool) -> list[str]:
    """Return what a reader must know before the numbers."""
    share = decisions.residual_share(table)
    notes = [
        f"{share:.0%} of the lifetime value lies beyond the horizon, up to {end / 365.25:.1f} years ahead: no test "
        "window of the training has measured that part."
    ]
    if survival > NO_DROPOUT:
        notes.append(
            f"The log shows next to no dropout ({survival:.0%} of today's customers are expected to be customers at "
            "the end), so the residual value assumes that they go on buying, and stops at the end only."
        )
    if not profit:
        notes.append("Profit is not known: map a cost column, or state --margin-rate.")
    return notes
