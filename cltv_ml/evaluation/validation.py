"""What each model says about customers whose future is known but was kept from it, before the test cutoff.

Weights, intervals, levels and settings are chosen on these predictions: the test window stays untouched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.panel import Training
from cltv_ml.models import Ensemble, Hybrid, ValueModel
from cltv_ml.models.unseen import EARLIER_WINDOWS, MIN_BUYERS, predict_unseen


@dataclass(frozen=True)
class Validation:
    """Predictions for labelled rows that no fit had seen, with what then happened.

    Attributes
    ----------
    predictions
        Expected value in currency units, a column per model, indexed by (`cutoff`, `customer_id`).
    y_true
        What these customers spent in the window after that cutoff, with the same index.
    protocol
        "earlier windows": fitted on windows that had ended by then, as it will be with the real future.
        "other customers": fitted on other customers of the same window, where the log is too short for the
        first; it says nothing about the level of models that learn from labels.
    """

    predictions: pd.DataFrame
    y_true: pd.Series
    protocol: str


def can_validate(training: Training) -> bool:
    """Return whether the training rows hold a labelled origin after which at least two customers bought."""
    if not training.origins:
        return False
    cutoffs = training.X.index.get_level_values("cutoff")
    return int((training.y[cutoffs == cutoffs.max()] > 0).sum()) >= MIN_BUYERS


def validate(models: Sequence[ValueModel], training: Training) -> Validation:
    """Return what clones of `models` predict for the customers of the latest training origin.

    Only rows of `training` are read, all labelled before the test cutoff. `models.unseen` has the rule which
    protocol is used. Each model is fitted once ("earlier windows") or once per group of customers.

    Raises
    ------
    InputError
        There is no labelled origin, or fewer than two customers bought after the latest one.
    """
    if not training.origins:
        raise InputError(
            "validation: the log is too short for a labelled window before the test cutoff; give a longer log "
            "or a shorter horizon."
        )
    blends = [model for model in models if isinstance(model, Ensemble)]
    single = {model.name: model for model in models if not isinstance(model, Ensemble)}
    for member in (member for blend in blends for member in blend.fresh_members()):
        single.setdefault(member.name, member)
    horizon = training.origins[0].horizon
    predictions, protocol = predict_unseen(list(single.values()), training.X, training.y, horizon)
    y_true = training.y.loc[predictions.index]
    # An ensemble needs no fits of its own: its members have said what they say about these rows.
    for blend in blends:
        predictions[blend.name] = blend.weigh(
            predictions, y_true, carries_over=_carries_over(protocol, training)
        )
    return Validation(predictions[[model.name for model in models]], y_true, protocol)


def eligible(models: Sequence[ValueModel], validation: Validation, training: Training) -> list[str]:
    """Return the names of the models that may be chosen by how right they were on `validation`.

    All, where rows were predicted as those to come will be. Where other customers of the same window were
    asked but a later window is to come, models that know customers only from labels are left out: their level
    there is that of the window learned from, and nothing shows how it carries over.
    """
    if _carries_over(validation.protocol, training):
        return [model.name for model in models]
    kept = [model for model in models if not model.needs_labels or isinstance(model, (Hybrid, Ensemble))]
    return [model.name for model in kept]


def _carries_over(protocol: str, training: Training) -> bool:
    return protocol == EARLIER_WINDOWS or training.cutoff is not None
