"""Forecasts of competing models, fitted on one training and predicted for its customers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from sklearn.base import clone

from cltv_ml.errors import InputError
from cltv_ml.evaluation.calibration import calibrate
from cltv_ml.evaluation.learned_total import LearnedTotal, learned_total, with_learned
from cltv_ml.evaluation.levels import set_level
from cltv_ml.evaluation.panel import Training, trainable
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.evaluation.validation import Validation, can_validate, validate
from cltv_ml.models import Level, ValueModel, by_name
from cltv_ml.models.out_of_fold import fit_at, for_each
from cltv_ml.models.state import to_state


@dataclass(frozen=True)
class Forecasts:
    """Fitted models by name with their predictions for today's customers, made before the holdout is read.

    `training` holds their training rows, `seconds` the time of each to fit and predict; for `validation` and `left`
    see `WindowResult`.
    """

    training: Training
    models: dict[str, ValueModel]
    predictions: dict[str, pd.DataFrame]
    seconds: dict[str, float]
    validation: Validation | None
    left: dict[str, str]
    level: Level | None = None
    learned: LearnedTotal | None = None


def forecast(
    training: Training,
    models: Mapping[str, ValueModel] | Sequence[ValueModel],
    progress: Progress = silent,
    *,
    level: Level | None = None,
) -> Forecasts:
    """Return the predictions for today's customers of all models that can be fitted on a training.

    A model that cannot be fitted is left out, and `left` holds the reason; so are models that need labels if the log
    is too short for a labelled origin before the cutoff: `training.origins` is then empty. If `level` is given, all
    models but the naive rule are scaled to it, with the total of trees among its forecasts (`learned_total`).

    Raises
    ------
    InputError
        No model can be fitted.
    """
    models = distinct(models)
    left = {model.name: _NO_LABELS for model in models if model.needs_labels and not training.origins}
    competing = [trainable(model, training) for model in models if model.name not in left]
    progress("predicting earlier windows out of fold", 0.1)
    training, validation = _validated(competing, training)
    fitted, seconds = _fit_all(competing, training, validation, left, progress)
    learned = learned_total(fitted, training, validation) if level is not None else None
    level = with_learned(level, learned)
    predictions = {}
    for name, model in fitted.items():
        started = time.perf_counter()
        set_level(model, level, training.X_now)
        predictions[name] = calibrated(model, training, validation, level).predict_table(training.X_now)
        seconds[name] += time.perf_counter() - started
    return Forecasts(training, fitted, predictions, seconds, validation, left, level, learned)


def distinct(models: Mapping[str, ValueModel] | Sequence[ValueModel]) -> list[ValueModel]:
    """Return competing models under their names; InputError where one name stands for two models.

    A member of an ensemble may compete as well, as the same model.
    """
    models = by_name(models)
    competing = {model.name: model for model in models}
    for blend in models:
        for member in blend.components():
            other = competing.get(member.name, member)
            if to_state(clone(other)) != to_state(member):
                raise InputError(
                    f"models: {member.name!r} competes on its own and, with other settings, as a member of "
                    f"{blend.name!r}; give one of them another name."
                )
    return models


def _validated(models: Sequence[ValueModel], training: Training) -> tuple[Training, Validation | None]:
    """Return the out-of-fold predictions, or None if there can be none; the training's notes give the reason."""
    if not can_validate(training):
        return training, None
    try:
        return training, validate(models, training)
    except InputError as error:
        note = f"No earlier window could be predicted: {error}"
        return replace(training, notes=(*training.notes, note)), None


_NO_LABELS = "it learns from labels, and the log has no window before the cutoff to learn from."


def _fit_all(
    models: Sequence[ValueModel],
    training: Training,
    validation: Validation | None,
    left: dict[str, str],
    progress: Progress,
) -> tuple[dict[str, ValueModel], dict[str, float]]:
    """Return fitted models and their seconds; models that cannot be fitted are added to `left`.

    Single models are fitted in parallel, then those that combine them.
    """
    single = [model for model in models if not model.components()]
    progress(f"fitting {', '.join(model.name for model in single)}", 0.35)
    attempts = for_each(single, lambda place: _try_fit(single[place], training, {}, validation))
    tried = dict(zip([model.name for model in single], attempts, strict=True))
    fitted: dict[str, ValueModel] = {}
    seconds: dict[str, float] = {}
    for number, model in enumerate(models):
        if model.name not in tried:
            progress(f"fitting {model.name}", 0.35 + 0.3 * number / len(models))
            tried[model.name] = _try_fit(model, training, fitted, validation)
        outcome, seconds[model.name] = tried[model.name]
        if isinstance(outcome, str):
            left[model.name] = outcome
        else:
            fitted[model.name] = outcome
    if not fitted:
        raise InputError(
            f"no model could be fitted. {'; '.join(f'{name}: {why}' for name, why in left.items())}"
        )
    return fitted, seconds


def _try_fit(
    model: ValueModel, training: Training, fitted: Mapping[str, ValueModel], validation: Validation | None
) -> tuple[ValueModel | str, float]:
    """Return a fitted copy or the error, and the seconds of the fit."""
    started = time.perf_counter()
    try:
        outcome: ValueModel | str = _fit(model, training, fitted, validation)
    except InputError as error:
        outcome = str(error)
    return outcome, time.perf_counter() - started


def _fit(
    model: ValueModel, training: Training, fitted: Mapping[str, ValueModel], validation: Validation | None
) -> ValueModel:
    """Return a fitted copy; a model that combines others uses those already fitted."""
    names = [member.name for member in model.components()]
    if not names or not set(names) & set(fitted):
        return fit_at(model, training.X, training.y, training.present)
    if validation is None:
        raise InputError(
            "its weights come from an earlier window, and the log has none in which two customers bought."
        )
    members = [name for name in names if name in fitted and name in validation.predictions]
    if len(members) < 2:
        raise InputError("fewer than two of the models that it combines could be fitted.")
    weighted = model.keep(members).weighted(
        validation.predictions[members], validation.y_true, carries_over=validation.carries_over
    )
    return weighted.combine({name: fitted[name] for name in members}, training.X_now)


def calibrated(
    model: ValueModel, training: Training, validation: Validation | None, level: Level | None
) -> ValueModel:
    """Return the model with intervals from its errors on validation windows of the horizon, or from simulation."""
    if validation is None or validation.days < model.horizon or model.name not in validation.predictions:
        return calibrate(model, training, of_total=level)
    return calibrate(model, training, validation.predictions[model.name], validation.y_true, of_total=level)
