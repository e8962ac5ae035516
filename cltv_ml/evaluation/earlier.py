"""Scores of a model on earlier windows, from out-of-fold predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cltv_ml.evaluation.backtest import WindowResult, measure
from cltv_ml.models.out_of_fold import OUT_OF_TIME
from cltv_ml.windows import Window


@dataclass(frozen=True)
class EarlierWindow:
    """One model on one window before the test.

    Attributes
    ----------
    protocol
        "out of time" where the fit saw nothing from the cutoff on; "other customers" where it saw what other
        customers spent in this very window, so that its level there says nothing.
    customers
        How many were predicted: of a large log not all.
    scores
        Metric -> value.
    """

    cutoff: pd.Timestamp
    protocol: str
    customers: int
    scores: dict[str, float]


def earlier_windows(result: WindowResult, name: str) -> list[EarlierWindow]:
    """Return how right a model was out of fold on each validation window before the test, the latest first."""
    validation = result.validation
    if validation is None or name not in validation.predictions:
        return []
    # A model without labels sees nothing past a cutoff, whatever the others were fitted on.
    protocol = validation.protocol if result.models[name].needs_labels else OUT_OF_TIME
    windows = []
    for cutoff in validation.cutoffs:
        y_true = validation.y_true.loc[cutoff]
        table = validation.predictions.loc[cutoff, name].to_frame("expected_value")
        rows = measure(Window(cutoff, validation.days), y_true, {name: table}, {name: np.nan})
        scores = rows.dropna(subset="value").set_index("metric")["value"].to_dict()
        windows.append(EarlierWindow(cutoff, protocol, len(y_true), scores))
    return windows
