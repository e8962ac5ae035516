"""Conformal intervals for a fitted model, from out-of-fold errors or else from simulated futures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.evaluation.panel import Training
from cltv_ml.models import Level, SameRate, ValueModel
from cltv_ml.models.intervals import Intervals

#: The probability with which what a customer spends lies between `value_lower` and `value_upper`.
LEVEL = 0.9

#: Customers whose future is simulated where the log holds no errors to learn from, and futures for each.
SIMULATED = 4_000
FUTURES = 50


def calibrate(
    model: ValueModel,
    training: Training,
    expected: pd.Series | None = None,
    y_true: pd.Series | None = None,
    level: float = LEVEL,
    *,
    of_total: Level | None = None,
) -> ValueModel:
    """Return the fitted `model` with intervals, so that its tables have `value_lower` and `value_upper`.

    They come from out-of-fold predictions `expected` and what these customers then spent. Without them the errors
    cannot be measured. A model that can simulate then draws what its customers may do, with bounds that are valid as
    far as its assumptions are. Any other model is returned unchanged.

    `of_total` is the level that the model was scaled to. The errors are then those of the shares, taken at what was
    spent in total after each cutoff, together with those that the level itself may have.
    """
    if isinstance(model, SameRate):
        of_total = None
    if expected is not None and y_true is not None and len(expected):
        return model.set_intervals(learn_intervals(expected, y_true, level, of_total=of_total))
    if not _can_simulate(model):
        return model
    values, futures = _simulate(model, training.X_now)
    if of_total is not None:
        values = values / _in_turn(of_total, len(values))
    return model.set_intervals(Intervals(level).fit(values, futures))


def learn_intervals(
    expected: pd.Series, y_true: pd.Series, level: float = LEVEL, *, of_total: Level | None = None
) -> Intervals:
    """Return intervals from out-of-fold predictions and the truth, with the level's errors `of_total` in them."""
    if of_total is not None:
        expected = _at_uncertain_level(expected, y_true, of_total)
    return Intervals(level).fit(expected, y_true)


def _at_uncertain_level(expected: pd.Series, spent: pd.Series, level: Level) -> pd.Series:
    """Return expected values scaled to what each cutoff's customers spent, then moved by the level's errors."""
    cutoffs = spent.index.get_level_values(0) if spent.index.nlevels > 1 else np.zeros(len(spent))
    table = pd.DataFrame({"expected": expected.to_numpy(), "spent": spent.to_numpy()})
    totals = table.groupby(np.asarray(cutoffs)).transform("sum")
    right = (totals["spent"] / totals["expected"].where(totals["expected"] > 0)).fillna(1.0)
    return expected * right.to_numpy() / _in_turn(level, len(expected))


def _in_turn(level: Level, count: int) -> np.ndarray:
    """Return ratios of the true total to the forecast, equally often each."""
    factors = level.factors()
    return factors[np.arange(count) % len(factors)]


def _can_simulate(model: ValueModel) -> bool:
    members = getattr(model, "members_", None)
    return any(map(_can_simulate, members)) if members else hasattr(model, "sample_values")


def _simulate(model: ValueModel, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected value and a simulated one of customers evenly from the least to the most valuable.

    Each customer appears `FUTURES` times. With many customers a share stands for all, so time does not grow.
    """
    order = np.argsort(model.predict(X), kind="stable")
    chosen = X.iloc[order[np.unique(np.linspace(0, len(X) - 1, SIMULATED).round().astype(int))]]
    futures = model.sample_values(chosen, FUTURES) * getattr(model, "level_factor_", 1.0)
    return np.repeat(model.predict(chosen), FUTURES), futures.ravel()
