"""Conformal intervals for a fitted model, from out-of-fold errors or, without these, from simulated futures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.evaluation.panel import Training
from cltv_ml.models import Level, SameRate, ValueModel
from cltv_ml.models.intervals import Intervals

#: Nominal coverage of customers' intervals: the share whose spend lies between `value_lower` and `value_upper`.
LEVEL = 0.9

#: Number of customers whose future is simulated if the log holds no errors to learn from, and of futures for each.
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

    They come from out-of-fold predictions `expected` and what these customers then spent. Without such predictions a
    model that can simulate draws its customers' futures; these bounds are only as valid as its assumptions. Any other
    model is returned unchanged.

    `of_total` is the level that the model was scaled to. The errors are then those of the shares, at the realised
    total after each cutoff, combined with the errors of the level itself.
    """
    if isinstance(model, SameRate):
        of_total = None
    if expected is not None and y_true is not None and len(expected):
        return model.set_intervals(learn_intervals(expected, y_true, level, of_total=of_total))
    if not _can_simulate(model):
        return model
    values, futures = _simulate(model, training.X_now)
    if of_total is not None:
        factors = of_total.factors()
        values = values / factors[np.arange(len(values)) % len(factors)]  # each customer has many futures
    return model.set_intervals(Intervals(level).fit(values, futures))


def learn_intervals(
    expected: pd.Series, y_true: pd.Series, level: float = LEVEL, *, of_total: Level | None = None
) -> Intervals:
    """Return intervals from out-of-fold predictions and the truth, with the level's errors `of_total` in them."""
    if of_total is None:
        return Intervals(level).fit(expected, y_true)
    # Every customer with each error of the level: one error apiece would let the order of rows move the bounds.
    factors = of_total.factors()
    values = np.outer(_at_realised_totals(expected, y_true), 1 / factors).ravel()
    return Intervals(level).fit(values, np.repeat(y_true.to_numpy(), len(factors)), repeats=len(factors))


def _at_realised_totals(expected: pd.Series, spent: pd.Series) -> np.ndarray:
    """Return expected values scaled to the realised total of each cutoff, shape (n,)."""
    cutoffs = spent.index.get_level_values(0) if spent.index.nlevels > 1 else np.zeros(len(spent))
    table = pd.DataFrame({"expected": expected.to_numpy(), "spent": spent.to_numpy()})
    totals = table.groupby(np.asarray(cutoffs)).transform("sum")
    right = (totals["spent"] / totals["expected"].where(totals["expected"] > 0)).fillna(1.0)
    return expected.to_numpy() * right.to_numpy()


def _can_simulate(model: ValueModel) -> bool:
    members = getattr(model, "members_", None)
    return any(map(_can_simulate, members)) if members else hasattr(model, "sample_values")


def _simulate(model: ValueModel, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected and a simulated value of customers spread evenly from the least to the most valuable.

    Each customer appears `FUTURES` times. Of many customers a sample is simulated, so time does not grow with their
    number.
    """
    order = np.argsort(model.predict(X), kind="stable")
    chosen = X.iloc[order[np.unique(np.linspace(0, len(X) - 1, SIMULATED).round().astype(int))]]
    futures = model.sample_values(chosen, FUTURES) * getattr(model, "level_factor_", 1.0)
    return np.repeat(model.predict(chosen), FUTURES), futures.ravel()
