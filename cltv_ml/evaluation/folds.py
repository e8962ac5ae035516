"""Folds for tuning: labelled windows before the test cutoff, divided by time, never by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.metrics import METRICS
from cltv_ml.evaluation.panel import Training, trainable
from cltv_ml.evaluation.shape import share_out
from cltv_ml.models import ValueModel
from cltv_ml.models.out_of_fold import OTHER_CUSTOMERS, OUT_OF_TIME, Fold, predict_fold, split

#: Validation windows at most, the latest ones: each costs another fit.
MAX_FOLDS = 3

_PROTOCOL_NAMES = {OUT_OF_TIME: "out of time", OTHER_CUSTOMERS: "on other customers"}

#: Metrics of a fold, the ones that decide on the champion. The total is the level's, not the model's.
JUDGED_BY = ("gini", "decile_mape")


@dataclass(frozen=True)
class TuningFold:
    """One fit of a trial: the training and validation rows, as row numbers."""

    training: Training
    rows: Fold

    @property
    def protocol(self) -> str:
        """The protocol of `models.out_of_fold`."""
        return self.rows.protocol

    @property
    def validation(self) -> pd.DataFrame:
        """The rows to predict."""
        return self.training.X.iloc[self.rows.windows[0][1]]


def compute_folds(training: Training) -> list[TuningFold]:
    """Return the folds of `models.out_of_fold` at the latest origins, the earliest cutoff first.

    Each of the latest origins that has windows before it to learn from is a fold. Where none has, the customers
    of the latest origin are divided instead.

    Raises
    ------
    InputError
        There is no labelled origin of the horizon, or fewer than two customers bought after the latest one.
    """
    if not training.origins:
        raise InputError(
            "the log is too short: no window to learn from ends before the test cutoff; use a longer log, a "
            "later cutoff or a shorter horizon."
        )
    cutoffs = sorted(training.X.index.get_level_values("cutoff").unique())[-MAX_FOLDS:]
    folds = split(training.X, training.y, training.label_days, cutoffs)
    if folds[0].protocol == OUT_OF_TIME:
        return [TuningFold(training, fold) for fold in folds]
    latest = split(training.X, training.y, training.label_days, cutoffs[-1:])
    return [TuningFold(training, fold) for fold in latest]


def judge_fold(model: ValueModel, fold: TuningFold) -> dict[str, float]:
    """Return the scores of a fresh copy of the model on the fold's validation rows.

    `gini`, `decile_mape` after the values are scaled to the realised total, and `bias` of the model's own total,
    which no rule uses.
    """
    training = fold.training
    copy = trainable(model, training).set_params(horizon=training.label_days)
    ((rows, predicted),) = predict_fold(copy, training.X, training.y, fold.rows)
    y_true, values = training.y.iloc[rows], pd.Series(predicted, index=training.y.index[rows])
    scores = {name: METRICS[name].function(y_true, values) for name in ("gini", "bias")}
    shared = share_out(values.to_frame("value"), y_true)["value"]
    return scores | {"decile_mape": METRICS["decile_mape"].function(y_true, shared)}


def folds_sentence(folds: Sequence[TuningFold]) -> str:
    """Return the validation protocol in words."""
    days = sorted({f"{fold.validation.index.get_level_values('cutoff')[0]:%Y-%m-%d}" for fold in folds})
    many = "fold" if len(folds) == 1 else "folds"
    how = _PROTOCOL_NAMES[folds[0].protocol]
    return f"Validated {how} ({len(folds)} {many} at {', '.join(days)}), before the test cutoff."
