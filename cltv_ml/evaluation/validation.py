"""Out-of-fold predictions for windows before the test: the basis of weights, intervals and the choice of a champion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone

from cltv_ml.errors import InputError
from cltv_ml.evaluation.panel import Training
from cltv_ml.models import SameRate, ValueModel
from cltv_ml.models.out_of_fold import MIN_FOLD_BUYERS, OUT_OF_TIME, OutOfFold, out_of_fold
from cltv_ml.windows import validation_order

#: Validation windows at most: each costs another fit.
MAX_WINDOWS = 6


@dataclass(frozen=True)
class Validation:
    """Out-of-fold predictions for labelled rows of windows before the test, with what then happened."""

    #: Expected value in currency units, a column per model, indexed by (`cutoff`, `customer_id`).
    predictions: pd.DataFrame
    #: What these customers spent in the window after that cutoff, with the same index.
    y_true: pd.Series
    #: "out of time": every window is predicted by fits on windows that had ended by then, as it will be with
    #: the real future. "other customers": by fits on other customers of the same windows, where the log is
    #: too short for the first; it is no evidence of the level of models that learn from labels.
    protocol: str
    #: The length of these windows: the horizon, or fewer where the log holds no labels of the horizon.
    days: int = 0
    #: A sentence per model or window that had to be left out.
    notes: tuple[str, ...] = ()
    #: Whether these rows were predicted as those of the test window are.
    carries_over: bool = True

    @property
    def cutoffs(self) -> list[pd.Timestamp]:
        """The cutoffs of the windows, the latest first."""
        return sorted(self.y_true.index.get_level_values("cutoff").unique(), reverse=True)


def can_validate(training: Training) -> bool:
    """Return whether the training rows hold a labelled origin after which at least two customers bought."""
    bought = (
        training.y[training.y > 0].groupby(level="cutoff").size()
        if training.origins
        else pd.Series(dtype=int)
    )
    return bool((bought >= MIN_FOLD_BUYERS).any())


def validate(models: Sequence[ValueModel], training: Training) -> Validation:
    """Return out-of-fold predictions of clones of `models` for up to `MAX_WINDOWS` of the training origins.

    `models` are those that `evaluation.panel.trainable` returned. Only rows of `training` are read, all labelled before
    the test cutoff; `models.out_of_fold` has the rule for the protocol. A model that cannot be fitted at the latest
    window is left out; a window where another one cannot is left out for all, so that all are judged on the same rows.

    Raises
    ------
    InputError
        There is no labelled origin, fewer than two customers bought after each, or no model can be fitted.
    """
    if not training.origins:
        raise InputError(
            "validation: the log is too short for a labelled window before the test cutoff; use a longer "
            "log or a shorter horizon."
        )
    days = training.label_days
    shortened = [clone(model).set_params(horizon=days) for model in models]
    single = {model.name: model for model in shortened if not model.components()}
    for member in (member for model in shortened for member in model.components()):
        single.setdefault(member.name, member)
    predicted = _out_of_fold(list(single.values()), training)
    predictions, notes = _without_gaps(predicted)
    y_true = training.y.loc[predictions.index]
    carries_over = predicted.protocol == OUT_OF_TIME or training.cutoff is not None
    for blend in (model for model in shortened if model.components()):
        members = [member.name for member in blend.components() if member.name in predictions]
        if len(members) > 1:  # its members have predicted these rows already
            predictions[blend.name] = blend.keep(members).weigh(
                predictions, y_true, carries_over=carries_over
            )
        else:
            notes.append(f"{blend.name} was left out: fewer than two of its models could be fitted.")
    names = [model.name for model in models if model.name in predictions]
    return Validation(predictions[names], y_true, predicted.protocol, days, tuple(notes), carries_over)


def _out_of_fold(models: Sequence[ValueModel], training: Training) -> OutOfFold:
    cutoffs = [origin.cutoff for origin in training.origins]
    order = validation_order(cutoffs, training.test_cutoff, training.label_days)
    return out_of_fold(models, training.X, training.y, training.label_days, order[:MAX_WINDOWS])


def _without_gaps(predicted: OutOfFold) -> tuple[pd.DataFrame, list[str]]:
    """Return predictions without gaps and a sentence per model or window that is left out for it."""
    values, cutoffs = predicted.predictions, predicted.predictions.index.get_level_values("cutoff")
    latest = values[cutoffs == cutoffs.max()]
    failed = [name for name in values if latest[name].isna().any()]
    if len(failed) == values.shape[1]:
        raise InputError(next(iter(predicted.failures.values())))
    reasons = {
        name: sentence
        for (name, _), sentence in sorted(predicted.failures.items(), key=lambda failure: failure[0][1])
    }
    notes = [
        f"{name} was left out of the choice: {reasons.get(name, 'it predicted no value.')}" for name in failed
    ]
    values = values.drop(columns=failed)
    gaps = values.isna().any(axis="columns")
    for cutoff in cutoffs[gaps].unique().sort_values(ascending=False):
        name = values.columns[values[cutoffs == cutoff].isna().any()][0]
        notes.append(
            f"The validation window of {cutoff:%Y-%m-%d} was left out, because {name} could not be fitted there: "
            f"{predicted.failures.get((name, cutoff), '')}"
        )
    whole = ~np.isin(cutoffs, cutoffs[gaps].unique())
    return values[whole].copy(), notes


def ineligible(models: Sequence[ValueModel], validation: Validation) -> dict[str, str]:
    """Return by name why some of the models cannot be chosen by their accuracy on `validation`.

    A model that could not be fitted there. And where fits on other customers predicted these windows, but a later one
    is to come: models that know customers only from labels, as long as others than the naive rule compete.
    """
    reasons = {
        model.name: "it could not be fitted on an earlier window"
        for model in models
        if model.name not in validation.predictions
    }
    if validation.carries_over:
        return reasons
    left = [model for model in models if model.name not in reasons]
    uncertain = [
        model.name
        for model in left
        if model.needs_labels and not model.level_from_history and not model.components()
    ]
    if {model.name for model in left} <= {SameRate.name, *uncertain}:
        return reasons
    why = "the log has no earlier window that shows whether a model learned from labels still holds in a later one"
    return reasons | dict.fromkeys(uncertain, why)


def eligible(models: Sequence[ValueModel], validation: Validation) -> list[str]:
    """Return the names of the models that may be chosen on `validation`: all but the `ineligible`.

    Without the naive rule, which is a benchmark, where another model is left.
    """
    reasons = ineligible(models, validation)
    names = [model.name for model in models if model.name not in reasons]
    return [name for name in names if name != SameRate.name] or names
