"""What settings are chosen on: labelled windows before the test cutoff, divided by time, never by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.metrics import METRICS
from cltv_ml.evaluation.panel import Training
from cltv_ml.models import ValueModel
from cltv_ml.models.unseen import EARLIER_WINDOWS, fit_at, split
from cltv_ml.models.unseen import Fold as Rows

#: Validation windows at most, the latest ones: each costs another fit.
MAX_FOLDS = 3

#: What a fold is judged by; the same that decide on the champion.
JUDGED_BY = ("gini", "bias", "decile_mape")


@dataclass(frozen=True)
class Fold:
    """Labelled rows to learn from, customers known at the later `cutoff`, those asked about and what they spent."""

    cutoff: pd.Timestamp
    X: pd.DataFrame
    y: pd.Series
    known: pd.DataFrame
    ask: pd.DataFrame
    y_true: np.ndarray


def compute_folds(training: Training, most: int = MAX_FOLDS) -> tuple[str, list[Fold]]:
    """Return the protocol of `models.unseen` and the folds, the earliest cutoff first.

    Each of the latest origins that has windows before it to learn from is a fold. Where none has, the customers
    of the latest origin are divided instead.

    Raises
    ------
    InputError
        There is no labelled origin, or fewer than two customers bought after the latest one.
    """
    if not training.origins:
        raise InputError(
            "the log is too short: no window of this horizon ends before the test cutoff; give a longer log, a "
            "later cutoff or a shorter horizon."
        )
    X, y, horizon = training.X, training.y, training.origins[0].horizon
    protocol, parts = split(X, y, horizon)
    if protocol != EARLIER_WINDOWS:
        return protocol, [_fold(X, y, part) for part in parts]
    cutoffs = X.index.get_level_values("cutoff")
    folds = []
    for cutoff in sorted(cutoffs.unique())[-most:]:
        known = cutoffs <= cutoff
        if (y[cutoffs == cutoff] > 0).sum() < 2:
            continue  # a window in which nobody bought ranks nobody
        found, parts = split(X[known], y[known], horizon)
        if found == EARLIER_WINDOWS:
            folds += [_fold(X[known], y[known], part) for part in parts]
    return protocol, folds


def judge_fold(model: ValueModel, fold: Fold) -> dict[str, float]:
    """Return `gini`, `bias` and `decile_mape` of a fresh copy of the model on the customers asked about."""
    predicted = fit_at(model, fold.X, fold.y, fold.known).predict(fold.ask)
    return {name: METRICS[name].function(fold.y_true, predicted) for name in JUDGED_BY}


def folds_sentence(protocol: str, folds: Sequence[Fold]) -> str:
    """Return what was judged on, in one sentence."""
    days = sorted({f"{fold.cutoff:%Y-%m-%d}" for fold in folds})
    many = "fold" if len(folds) == 1 else "folds"
    return f"Judged on {protocol} ({len(folds)} {many} at {', '.join(days)}), before the test cutoff."


def _fold(X: pd.DataFrame, y: pd.Series, rows: Rows) -> Fold:
    ask = X.iloc[rows.ask]
    return Fold(
        cutoff=ask.index.get_level_values("cutoff")[0],
        X=X.iloc[rows.learn],
        y=y.iloc[rows.learn],
        known=X.iloc[rows.known].droplevel("cutoff"),
        ask=ask.droplevel("cutoff"),
        y_true=y.iloc[rows.ask].to_numpy(),
    )
