"""Intervals for a fitted model, from customers whose future was kept from clones of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import clone

from cltv_ml.evaluation.panel import Training
from cltv_ml.models import ValueModel
from cltv_ml.models.intervals import Intervals

#: The probability with which what a customer spends lies between `value_lower` and `value_upper`.
LEVEL = 0.9

#: Labelled origins asked, from the latest to the earliest: several, because a level differs between windows.
ORIGINS = 3

#: Groups of customers, and the rows after which no further group is fitted for.
FOLDS = 3
ENOUGH = 20_000


def calibrate(model: ValueModel, training: Training, level: float = LEVEL) -> ValueModel:
    """Return the fitted `model` with `intervals_`, so that its tables have `value_lower` and `value_upper`.

    Where there is no labelled origin nothing is known about its errors, and it is returned as it is.

    Parameters
    ----------
    training
        What the model was fitted on; only its rows are read, all labelled before the cutoff.
    """
    if training.origins:
        model.intervals_ = Intervals(level).fit(*unseen_pairs(model, training))
    return model


def unseen_pairs(model: ValueModel, training: Training) -> tuple[np.ndarray, np.ndarray]:
    """Return expected values for labelled rows that no clone of `model` had seen, and what was then spent.

    A model without labels is fitted at each of a few earlier origins and never sees past them. One with
    labels is fitted, on all origins, on the customers of all groups but one, and asked about that one: its
    errors then hold what it cannot know about a customer, and how windows differ from each other.
    """
    cutoffs = training.X.index.get_level_values("cutoff")
    asked = _spread(cutoffs.unique().sort_values(ascending=False))
    if not model.needs_labels:
        return _pairs([_predict(clone(model).fit(X), X, y) for X, y in _origins(training, cutoffs, asked)])
    customers = training.X.index.get_level_values("customer_id")
    group = pd.util.hash_array(customers.to_numpy(dtype=object)) % FOLDS
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for number in range(FOLDS):
        others = group != number
        fitted = clone(model).fit(training.X[others], training.y[others])
        for cutoff in asked:
            here = cutoffs == cutoff
            known, unseen = training.X[here & others], training.X[here & ~others]
            if len(unseen):
                fitted.adapt(known.droplevel("cutoff"))
                found.append(_predict(fitted, unseen.droplevel("cutoff"), training.y[here & ~others]))
        if sum(len(actual) for _, actual in found) >= ENOUGH:
            break
    return _pairs(found)


def _spread(cutoffs: pd.Index) -> list[pd.Timestamp]:
    """Return up to `ORIGINS` cutoffs, evenly from the first to the last given."""
    chosen = np.unique(np.linspace(0, len(cutoffs) - 1, min(ORIGINS, len(cutoffs))).round().astype(int))
    return [cutoffs[position] for position in chosen]


def _origins(
    training: Training, cutoffs: pd.Index, asked: list[pd.Timestamp]
) -> list[tuple[pd.DataFrame, pd.Series]]:
    return [
        (training.X[cutoffs == cutoff].droplevel("cutoff"), training.y[cutoffs == cutoff]) for cutoff in asked
    ]


def _predict(fitted: ValueModel, X: pd.DataFrame, y: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    return fitted.predict(X), y.to_numpy()


def _pairs(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    expected, actual = (np.concatenate(column) for column in zip(*parts, strict=True))
    return expected, actual
