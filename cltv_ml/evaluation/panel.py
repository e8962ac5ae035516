"""The training panel: labelled customers at earlier origins, and the same customers as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cltv_ml.engine import Tabular
from cltv_ml.features import build_features
from cltv_ml.models import ValueModel
from cltv_ml.models.unseen import fit_at
from cltv_ml.windows import Window, rolling_origins, span


@dataclass(frozen=True)
class Training:
    """What the models may learn from, and the customers as they are at the cutoff."""

    X: pd.DataFrame
    y: pd.Series
    origins: list[Window]
    X_now: pd.DataFrame


def prepare(
    log: Tabular, window: Window, features: Sequence[str], *, max_origins: int = 6, step: int | str = "1m"
) -> Training:
    """Return training rows from origins whose holdouts end by `window.cutoff`, and today's customers.

    Everything comes from before `window.cutoff`: the latest origin lies one horizon before it. Where the
    log is too short for a single origin `X` and `y` are empty and only models without labels can compete.
    """
    first, _ = span(log)
    origins = rolling_origins(first, window, step, max_origins)
    cutoffs = [window.cutoff, *(origin.cutoff for origin in origins)]
    panel = build_features(log, cutoffs, names=list(features))
    X_now = panel.xs(window.cutoff, level="cutoff")
    X = panel.loc[panel.index.get_level_values("cutoff") < window.cutoff]
    labels = [
        origin.target(log, X.loc[[origin.cutoff]].index.get_level_values("customer_id")).to_numpy()
        for origin in sorted(origins, key=lambda origin: origin.cutoff)
    ]
    y = pd.Series([value for part in labels for value in part], index=X.index, dtype="float64", name="value")
    return Training(X, y, origins, X_now)


def fit(model: ValueModel, training: Training) -> ValueModel:
    """Return a fitted copy: on labelled earlier origins where it needs labels, else on today's customers."""
    return fit_at(model, training.X, training.y, training.X_now)
