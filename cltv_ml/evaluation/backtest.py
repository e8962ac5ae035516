"""Models x test windows -> one tidy table, each window seen by nothing before it is judged on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

import cltv_ml
from cltv_ml.engine import Tabular, columns
from cltv_ml.evaluation.metrics import METRICS
from cltv_ml.evaluation.panel import Training, fit, prepare
from cltv_ml.evaluation.validation import Validation, can_validate, validate
from cltv_ml.features import default_features
from cltv_ml.models import ValueModel
from cltv_ml.windows import Window

#: Called with what is being done and the share of the work that is behind.
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class WindowResult:
    """One test window: fitted models, their predictions, the truth, and RESULTS.

    `validation` is what clones of the models predicted for earlier customers unseen, None where the log is
    too short for a labelled window before the cutoff or next to nobody bought in it.
    """

    window: Window
    training: Training
    models: dict[str, ValueModel]
    predictions: dict[str, pd.DataFrame]
    y_true: pd.Series
    results: pd.DataFrame
    validation: Validation | None = None

    @property
    def scores(self) -> pd.DataFrame:
        """Metrics as columns, one row per model in the order given."""
        wide = self.results.pivot(index="model", columns="metric", values="value")
        return wide.loc[list(self.models), list(METRICS)]

    @property
    def values(self) -> pd.DataFrame:
        """Expected values, one column per model."""
        return pd.DataFrame({name: table["expected_value"] for name, table in self.predictions.items()})


def silent(message: str, done: float) -> None:
    """Report progress to nobody."""


def judge(
    log: Tabular,
    window: Window,
    models: Sequence[ValueModel],
    features: Sequence[str],
    *,
    max_origins: int = 6,
    progress: Progress = silent,
) -> WindowResult:
    """Return how well `models` foresaw the holdout of `window`, which no fit has seen.

    Models that need labels are left out when the log is too short for a labelled origin before the
    cutoff: `training.origins` is then empty.
    """
    progress("building features", 0.0)
    training = prepare(log, window, features, max_origins=max_origins)
    competing = [model for model in models if training.origins or not model.needs_labels]
    fitted, predictions, seconds = {}, {}, {}
    for number, model in enumerate(competing):
        progress(f"fitting {model.name}", 0.1 + 0.2 * number / len(competing))
        started = time.perf_counter()
        fitted[model.name] = fit(model, training)
        predictions[model.name] = fitted[model.name].predict_table(training.X_now)
        seconds[model.name] = time.perf_counter() - started
    progress("predicting earlier customers unseen", 0.35)
    validation = validate(competing, training) if can_validate(training) else None
    progress("comparing with what happened", 0.65)
    y_true = window.target(log, training.X_now.index)
    results = measure(window, y_true, predictions, seconds)
    return WindowResult(window, training, fitted, predictions, y_true, results, validation)


def backtest(
    log: Tabular,
    windows: Sequence[Window],
    models: Sequence[ValueModel],
    features: Sequence[str] | None = None,
    *,
    max_origins: int = 6,
) -> pd.DataFrame:
    """Return RESULTS for models x windows: one row per model, cutoff and metric.

    Parameters
    ----------
    log
        A clean transaction log.
    windows
        Test windows; each is judged by models that saw nothing from its cutoff on.
    features
        Feature names to build; the default set for the log's columns if None.
    """
    names = features if features is not None else default_features(columns(log))
    parts = [judge(log, window, models, names, max_origins=max_origins).results for window in windows]
    return pd.concat(parts, ignore_index=True)


def measure(
    window: Window, y_true: pd.Series, predictions: dict[str, pd.DataFrame], seconds: dict[str, float]
) -> pd.DataFrame:
    """Return RESULTS of predictions by model's name: every metric; `seconds` is what each model took."""
    rows = [
        (
            name,
            window.cutoff,
            window.horizon,
            metric,
            METRICS[metric].function(y_true, table["expected_value"]),
        )
        for name, table in predictions.items()
        for metric in METRICS
    ]
    frame = pd.DataFrame(rows, columns=["model", "cutoff", "horizon", "metric", "value"])
    return frame.assign(seconds=frame["model"].map(seconds), version=cltv_ml.__version__)
