"""Intervals for a fitted model, from customers whose future was kept from clones of it or else is simulated."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import clone

from cltv_ml.evaluation.panel import Training
from cltv_ml.models import Ensemble, ProbabilisticValue, ValueModel
from cltv_ml.models.intervals import Intervals

#: The probability with which what a customer spends lies between `value_lower` and `value_upper`.
LEVEL = 0.9

#: Labelled origins asked, from the latest to the earliest: several, because a level differs between windows.
ORIGINS = 3

#: Groups of customers, and the rows after which no further group is fitted for.
FOLDS = 3
ENOUGH = 20_000

#: Customers whose future is simulated where the log holds no labelled origin, and futures for each.
SIMULATED = 4_000
FUTURES = 50


#: Unseen predictions by model, so that the members of an ensemble are asked once: row number -> expected value.
Seen = dict[str, pd.Series]


def calibrate(
    model: ValueModel, training: Training, level: float = LEVEL, *, seen: Seen | None = None
) -> ValueModel:
    """Return the fitted `model` with `intervals_`, so that its tables have `value_lower` and `value_upper`.

    Where there is no labelled origin its errors cannot be measured. A probabilistic model then simulates what
    its customers may do: bounds that hold as far as its assumptions do. Any other is returned as it is.

    Parameters
    ----------
    training
        What the model was fitted on; only its rows are read, all labelled before the cutoff.
    seen
        Filled with what has been asked, and read where the same model is asked again.
    """
    if training.origins:
        expected = predict_kept(model, training, {} if seen is None else seen)
        model.intervals_ = Intervals(level).fit(expected, training.y.iloc[expected.index])
    elif isinstance(model, ProbabilisticValue):
        model.intervals_ = Intervals(level).fit(*_simulate(model, training.X_now))
    return model


def _simulate(model: ProbabilisticValue, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected value and a simulated one of customers evenly from the least to the most valuable.

    Each customer appears `FUTURES` times. With many customers a share stands for all, so time does not grow.
    """
    order = np.argsort(model.predict(X), kind="stable")
    chosen = X.iloc[order[np.unique(np.linspace(0, len(X) - 1, SIMULATED).round().astype(int))]]
    futures = model.sample_values(chosen, FUTURES)
    return np.repeat(model.predict(chosen), FUTURES), futures.ravel()


def predict_kept(model: ValueModel, training: Training, seen: Seen) -> pd.Series:
    """Return expected values of labelled rows that no clone of `model` had seen, by row number.

    A model without labels is fitted at each of a few earlier origins and never sees past them. One with
    labels is fitted, on all origins, on the customers of all groups but one, and asked about that one: its
    errors then hold what it cannot know about a customer, and how windows differ from each other. An ensemble
    is the sum of its members' answers.
    """
    key = f"{type(model).__name__} {sorted(model.get_params().items(), key=lambda item: item[0])}"
    if key not in seen:
        if isinstance(model, Ensemble):
            parts = [
                predict_kept(member, training, seen) * factor
                for member, factor in zip(model.members_, model.factors_, strict=True)
                if factor > 0
            ]
            seen[key] = pd.concat(parts, axis="columns", join="inner").sum(axis="columns")
        else:
            seen[key] = _by_groups(model, training) if model.needs_labels else _by_origins(model, training)
    return seen[key]


def _by_origins(model: ValueModel, training: Training) -> pd.Series:
    parts = []
    for rows in _origins(training):
        X = training.X.iloc[rows].droplevel("cutoff")
        parts.append(pd.Series(clone(model).fit(X).predict(X), index=rows))
    return pd.concat(parts)


def _by_groups(model: ValueModel, training: Training) -> pd.Series:
    customers = training.X.index.get_level_values("customer_id")
    group = pd.util.hash_array(customers.to_numpy(dtype=object)) % FOLDS
    parts: list[pd.Series] = []
    for number in range(FOLDS):
        others = group != number
        fitted = clone(model).fit(training.X[others], training.y[others])
        for rows in _origins(training):
            known, unseen = rows[others[rows]], rows[~others[rows]]
            if len(unseen):
                fitted.adapt(training.X.iloc[known].droplevel("cutoff"))
                values = fitted.predict(training.X.iloc[unseen].droplevel("cutoff"))
                parts.append(pd.Series(values, index=unseen))
        if sum(map(len, parts)) >= ENOUGH:
            break
    return pd.concat(parts)


def _origins(training: Training) -> list[np.ndarray]:
    """Return the row numbers of each origin asked, the latest first."""
    cutoffs = training.X.index.get_level_values("cutoff")
    asked = _spread(cutoffs.unique().sort_values(ascending=False))
    return [np.flatnonzero(cutoffs == cutoff) for cutoff in asked]


def _spread(cutoffs: pd.Index) -> list[pd.Timestamp]:
    """Return up to `ORIGINS` cutoffs, evenly from the first to the last given."""
    chosen = np.unique(np.linspace(0, len(cutoffs) - 1, min(ORIGINS, len(cutoffs))).round().astype(int))
    return [cutoffs[position] for position in chosen]
