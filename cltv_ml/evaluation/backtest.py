"""Backtests: models x test windows in one tidy table, each window unseen by every fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import pandas as pd

from cltv_ml.evaluation.forecasts import distinct, forecast
from cltv_ml.evaluation.interval_metrics import INTERVAL_METRICS, QUANTILE_METRICS
from cltv_ml.evaluation.learned_total import LearnedTotal
from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.evaluation.metrics import (
    METRICS,
    PURCHASE_METRICS,
    Targeting,
)
from cltv_ml.evaluation.panel import Training, prepare
from cltv_ml.evaluation.progress import Progress, silent
from cltv_ml.evaluation.results import measure
from cltv_ml.evaluation.validation import Validation
from cltv_ml.features import default_features
from cltv_ml.inline import Inline
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import Level, ValueModel, read_by
from cltv_ml.windows import Window


@dataclass(frozen=True)
class WindowResult(Inline):
    """Result of one test window: fitted models, their predictions, the truth, and RESULTS.

    `validation` holds out-of-fold predictions for windows before the test, None where the log is too short for a
    labelled window before the cutoff or almost nobody bought in it. `left` holds, by name, the reasons why models
    were not compared. `level` is the total that all models but the naive rule were scaled to, None if each keeps its
    own; `learned` is the trees' total that has a weight in it.
    """

    window: Window
    training: Training
    models: dict[str, ValueModel]
    predictions: dict[str, pd.DataFrame]
    y_true: pd.Series
    results: pd.DataFrame
    validation: Validation | None = None
    left: Mapping[str, str] = field(default_factory=dict)
    level: Level | None = None
    learned: LearnedTotal | None = None

    @property
    def scores(self) -> pd.DataFrame:
        """Metrics as columns, one row per model in the order given; NaN where a model lacks what one needs."""
        wide = self.results.pivot(index="model", columns="metric", values="value")
        catalogue = (*METRICS, "profit", *PURCHASE_METRICS, *INTERVAL_METRICS, *QUANTILE_METRICS)
        measured = [name for name in catalogue if name in wide]
        return wide.loc[list(self.models), measured]

    def _parts(self) -> dict[str, object]:
        first = ["gini", "bias", "decile_mape", "mae"]
        scores = self.scores
        return {
            "window": f"{self.window.horizon} days from {self.window.cutoff:%Y-%m-%d}",
            "customers": len(self.y_true),
            "realised": float(self.y_true.sum()),
            "scores": scores[[*first, *(name for name in scores if name not in first)]],
            "notes": self.notes,
        }

    @property
    def notes(self) -> list[str]:
        """Sentences on what was left out before the comparison."""
        told = [*self.training.notes, *(self.validation.notes if self.validation else ())]
        left = self.left.items()
        untold = [(name, reason) for name, reason in left if not any(note.endswith(reason) for note in told)]
        return [*told, *(f"{name} did not compete: {reason}" for name, reason in untold)]

    @property
    def values(self) -> pd.DataFrame:
        """Expected values, one column per model."""
        return pd.DataFrame({name: table["expected_value"] for name, table in self.predictions.items()})


def judge(
    log: AnyLog,
    window: Window,
    models: Mapping[str, ValueModel] | Sequence[ValueModel],
    features: Sequence[str],
    *,
    max_origins: int = 6,
    targeting: Targeting | None = None,
    progress: Progress = silent,
) -> WindowResult:
    """Return the results of `models` on the holdout of `window`, which no fit has seen.

    With `targeting` the profit of that campaign to the customers ranked highest is measured too.

    The total is forecast apart from the models: all but the naive rule are scaled to one level, which is forecast from
    the log before the cutoff (`models.level`).

    Raises
    ------
    InputError
        No model can be fitted.
    """
    models = distinct(models)
    log = Log.of(log)
    progress("building features", 0.0)
    training = prepare(log, window, [*features, *read_by(models)], max_origins=max_origins)
    level = forecast_level(log, window)
    outcome = partial(log.target, window, training.X_now.index)
    return judge_prepared(
        window, training, models, outcome, level=level, targeting=targeting, progress=progress
    )


def judge_prepared(
    window: Window,
    training: Training,
    models: Mapping[str, ValueModel] | Sequence[ValueModel],
    outcome: Callable[[], pd.Series],
    *,
    level: Level | None = None,
    targeting: Targeting | None = None,
    progress: Progress = silent,
) -> WindowResult:
    """Return the results of `models` on the holdout of `window` for the customers of a training.

    It evaluates a training that learned from a share of the customers (`panel.prepare`) on the others. Without a
    level each model keeps its own total.

    Parameters
    ----------
    outcome
        Function that returns what each customer of `training.X_now` spent in the holdout; called once, after all
        models are fitted.

    Raises
    ------
    InputError
        No model can be fitted.
    """
    forecasts = forecast(training, models, progress, level=level)
    progress("comparing with what happened", 0.65)
    y_true = outcome()
    p_buy = {name: model.p_buy(training.X_now) for name, model in forecasts.models.items()}
    results = measure(window, y_true, forecasts.predictions, forecasts.seconds, p_buy, targeting=targeting)
    return WindowResult(
        window,
        forecasts.training,
        forecasts.models,
        forecasts.predictions,
        y_true,
        results,
        forecasts.validation,
        forecasts.left,
        forecasts.level,
        forecasts.learned,
    )


def backtest(
    log: AnyLog,
    windows: Sequence[Window],
    models: Mapping[str, ValueModel] | Sequence[ValueModel],
    features: Sequence[str] | None = None,
    *,
    max_origins: int = 6,
    targeting: Targeting | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return RESULTS for models x windows: one row per model, cutoff, horizon and metric.

    Parameters
    ----------
    log
        A clean transaction log.
    windows
        Test windows; for each, models are fitted only on data from before its cutoff.
    models
        A list of models of different names, or a mapping of names of your own, by which results are keyed.
    features
        Feature names to build; the default set for the log's columns if None.
    targeting
        A campaign whose profit from the customers ranked highest is measured too.
    """
    log = Log.of(log)
    names = features if features is not None else default_features(log.columns)
    judged = judge_each(
        log, windows, models, names, max_origins=max_origins, targeting=targeting, progress=progress
    )
    return pd.concat([one.results for one in judged], ignore_index=True)


def judge_each(
    log: AnyLog,
    windows: Sequence[Window],
    models: Mapping[str, ValueModel] | Sequence[ValueModel],
    features: Sequence[str],
    *,
    max_origins: int = 6,
    targeting: Targeting | None = None,
    progress: Progress = silent,
) -> Iterator[WindowResult]:
    """Yield what `judge` returns for each window in turn; `progress` receives shares of all windows."""
    log = Log.of(log)
    for number, window in enumerate(windows):

        def report(
            message: str, done: float, before: int = number, cutoff: object = window.cutoff.date()
        ) -> None:
            """Report the progress of this window as a share of all windows."""
            progress(f"{cutoff}: {message}", (before + done) / len(windows))

        yield judge(
            log, window, models, features, max_origins=max_origins, targeting=targeting, progress=report
        )
