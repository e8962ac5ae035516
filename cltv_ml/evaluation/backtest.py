"""Models x test windows -> one tidy table, each window seen by nothing before it is judged on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from sklearn.base import clone

import cltv_ml
from cltv_ml.engine import Tabular, columns
from cltv_ml.evaluation.metrics import METRICS
from cltv_ml.features import build_features, default_features
from cltv_ml.models import ValueModel
from cltv_ml.windows import Window, rolling_origins, span

#: Called with what is being done and the share of the work that is behind.
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Training:
    """What the models may learn from, and the customers as they are at the cutoff."""

    X: pd.DataFrame
    y: pd.Series
    origins: list[Window]
    X_now: pd.DataFrame


@dataclass(frozen=True)
class WindowResult:
    """One test window: fitted models, their predictions, the truth, and RESULTS."""

    window: Window
    training: Training
    models: dict[str, ValueModel]
    predictions: dict[str, pd.DataFrame]
    y_true: pd.Series
    results: pd.DataFrame

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
    fresh: ValueModel = clone(model)
    if model.needs_labels:
        return fresh.fit(training.X, training.y).adapt(training.X_now)
    return fresh.fit(training.X_now)


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
        progress(f"fitting {model.name}", 0.2 + 0.4 * number / len(competing))
        started = time.perf_counter()
        fitted[model.name] = fit(model, training)
        predictions[model.name] = fitted[model.name].predict_table(training.X_now)
        seconds[model.name] = time.perf_counter() - started
    progress("comparing with what happened", 0.65)
    y_true = window.target(log, training.X_now.index)
    results = _results(window, y_true, predictions, seconds)
    return WindowResult(window, training, fitted, predictions, y_true, results)


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


def _results(
    window: Window, y_true: pd.Series, predictions: dict[str, pd.DataFrame], seconds: dict[str, float]
) -> pd.DataFrame:
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
