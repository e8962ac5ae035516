"""Scores of a model on earlier windows, from out-of-fold predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.results import measure
from cltv_ml.models import SameRate
from cltv_ml.models.level_candidates import PACE
from cltv_ml.models.out_of_fold import OUT_OF_TIME
from cltv_ml.windows import Window


@dataclass(frozen=True)
class EarlierWindow:
    """One model on one window before the test."""

    cutoff: pd.Timestamp
    #: "out of time" if the fit saw nothing from the cutoff on; "other customers" if it saw what other customers spent
    #: in the same window, so that the level is not tested.
    protocol: str
    #: Number of customers predicted; a sample in large logs.
    customers: int
    #: Metric -> value.
    scores: dict[str, float]


def earlier_windows(result: WindowResult, name: str) -> list[EarlierWindow]:
    """Return the out-of-fold scores of a model on each validation window before the test, the latest first.

    Its values are scaled to the level forecast at that cutoff, like those of the test window. Models keep their own
    total if the log has no level or windows are shorter than the horizon; the naive rule always does.
    """
    validation = result.validation
    if validation is None or name not in validation.predictions:
        return []
    # A model without labels sees nothing past a cutoff, whatever the others were fitted on.
    protocol = validation.protocol if result.models[name].needs_labels else OUT_OF_TIME
    windows = []
    for cutoff in validation.cutoffs:
        y_true = validation.y_true.loc[cutoff]
        values = _at_level(validation.predictions.loc[cutoff, name], y_true, cutoff, result)
        table = values.to_frame("expected_value")
        rows = measure(Window(cutoff, validation.days), y_true, {name: table}, {name: np.nan})
        scores = rows.dropna(subset="value").set_index("metric")["value"].to_dict()
        windows.append(EarlierWindow(cutoff, protocol, len(y_true), scores))
    return windows


def _at_level(values: pd.Series, y_true: pd.Series, cutoff: pd.Timestamp, result: WindowResult) -> pd.Series:
    """Return the values scaled to the level forecast nearest to the cutoff; levels are a month apart."""
    level, window, validation = result.level, result.window, result.validation
    whole = validation is not None and validation.days == window.horizon
    if level is None or not whole or not len(level.record) or values.name == SameRate.name:
        return values
    away = (level.record["ago"] - (window.cutoff - cutoff).days).abs()
    row = level.record.loc[away.idxmin()]
    if away.min() > PACE / 2 or values.sum() <= 0:
        return values
    return values * (float(y_true.sum()) * row["forecast"] / row["total"] / float(values.sum()))
