"""How right a model was on windows before the test, measured on what no fit had seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cltv_ml.evaluation.backtest import WindowResult, measure
from cltv_ml.models.unseen import EARLIER_WINDOWS, OTHER_CUSTOMERS
from cltv_ml.windows import Window


@dataclass(frozen=True)
class EarlierWindow:
    """One model on one window before the test.

    Attributes
    ----------
    protocol
        "earlier windows" where the fit saw nothing from the cutoff on; "other customers" where it saw what
        other customers spent in this very window, so that its level there says nothing.
    customers
        Who was asked: of a large log not all.
    scores
        Metric -> value.
    """

    cutoff: pd.Timestamp
    protocol: str
    customers: int
    scores: dict[str, float]


def earlier_windows(result: WindowResult, name: str) -> list[EarlierWindow]:
    """Return how right a model was on each window before the test on which it was asked unseen, the latest first.

    The latest is the one the champion was chosen on (`WindowResult.validation`), the others those that intervals
    were measured on (`WindowResult.kept`).
    """
    found = {}
    for cutoff, protocol, y_true, predicted in _asked(result, name):
        if cutoff not in found:
            window = Window(cutoff, result.window.horizon)
            table = predicted.to_frame("expected_value").reset_index(drop=True)
            rows = measure(window, y_true.reset_index(drop=True), {name: table}, {name: np.nan})
            scores = rows.dropna(subset="value").set_index("metric")["value"].to_dict()
            found[cutoff] = EarlierWindow(cutoff, protocol, len(y_true), scores)
    return [found[cutoff] for cutoff in sorted(found, reverse=True)]


def _asked(result: WindowResult, name: str) -> Iterator[tuple[pd.Timestamp, str, pd.Series, pd.Series]]:
    """Yield cutoff, protocol, truth and prediction of each window a model was asked about unseen."""
    validation, training = result.validation, result.training
    if validation is not None and name in validation.predictions:
        for cutoff, y_true in validation.y_true.groupby(level="cutoff"):
            yield cutoff, validation.protocol, y_true, validation.predictions.loc[y_true.index, name]
    if name in result.kept:
        protocol = OTHER_CUSTOMERS if result.models[name].needs_labels else EARLIER_WINDOWS
        expected = result.kept[name]
        y_true = training.y.iloc[expected.index]
        for cutoff, rows in y_true.groupby(level="cutoff"):
            at = (y_true.index.get_level_values("cutoff") == cutoff).nonzero()[0]
            yield cutoff, protocol, rows, expected.iloc[at]
