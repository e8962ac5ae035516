"""Learning curve: one model trained on one earlier origin, then on more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.metrics import METRICS
from cltv_ml.evaluation.panel import Training, fit, prepare
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import ValueModel
from cltv_ml.windows import Window

#: Metrics reported for each number of origins.
LEARNING_METRICS = ("gini", "bias", "decile_mape", "mae")


def compute_learning(
    log: AnyLog, window: Window, model: ValueModel, features: Sequence[str], *, max_origins: int = 6
) -> pd.DataFrame:
    """Return the test scores of clones of `model` by the number of origins that they learned from, the latest first.

    Columns `origins`, `rows` (labelled customers) and the metrics `gini`, `bias`, `decile_mape`, `mae`. It looks
    back at a window that is known by now; nothing is chosen by it.

    Raises
    ------
    InputError
        The model learns from no labelled origin, or the log holds none before the window.
    """
    if not model.needs_labels:
        raise InputError(
            f"{model.name} learns only from today's customers, so it has no learning curve; choose a model "
            "that learns from earlier windows, such as tweedie."
        )
    log = Log.of(log)
    whole = prepare(log, window, features, max_origins=max_origins)
    if not whole.origins:
        raise InputError(
            f"the log has no window of {window.horizon} days before the cutoff {window.cutoff:%Y-%m-%d}; "
            "choose a shorter horizon."
        )
    y_true = log.target(window, whole.X_now.index)
    cutoffs = whole.X.index.get_level_values("cutoff")
    origins = sorted(whole.origins, key=lambda origin: origin.cutoff, reverse=True)
    rows = []
    for count in range(1, len(origins) + 1):
        in_origins = cutoffs >= origins[count - 1].cutoff
        if not (whole.y[in_origins] > 0).any():
            continue
        part = Training(whole.X[in_origins], whole.y[in_origins], origins[:count], whole.X_now)
        predicted = fit(model, part).predict(whole.X_now)
        scores = {name: METRICS[name].function(y_true, predicted) for name in LEARNING_METRICS}
        rows.append({"origins": count, "rows": int(np.sum(in_origins)), **scores})
    return pd.DataFrame(rows)
