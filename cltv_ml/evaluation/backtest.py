"""Models x test windows -> one tidy table, each window seen by nothing before it is judged on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
from sklearn.base import clone

from cltv_ml.errors import InputError
from cltv_ml.evaluation.calibration import calibrate
from cltv_ml.evaluation.interval_metrics import INTERVAL_METRICS, QUANTILE_METRICS
from cltv_ml.evaluation.learned_total import LearnedTotal, learned_total, with_learned
from cltv_ml.evaluation.levels import forecast_level, set_level
from cltv_ml.evaluation.metrics import (
    METRICS,
    PURCHASE_METRICS,
    Targeting,
)
from cltv_ml.evaluation.panel import Training, fit, prepare, trainable
from cltv_ml.evaluation.results import measure
from cltv_ml.evaluation.validation import Validation, can_validate, validate
from cltv_ml.features import default_features
from cltv_ml.inline import Inline
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import Level, ValueModel, by_name, read_by
from cltv_ml.models.out_of_fold import for_each
from cltv_ml.models.state import to_state
from cltv_ml.windows import Window

#: Called with what is being done and the share of the work that is behind.
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class WindowResult(Inline):
    """One test window: fitted models, their predictions, the truth, and RESULTS.

    `validation` holds out-of-fold predictions for windows before the test, None where the log is too short for a
    labelled window before the cutoff or next to nobody bought in it. `left` says by name why models that were
    to compete did not. `level` is the total that all but the naive rule were brought to, None where each keeps
    its own, `learned` the total of trees that had a say in it.
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
        known = (*METRICS, "profit", *PURCHASE_METRICS, *INTERVAL_METRICS, *QUANTILE_METRICS)
        measured = [name for name in known if name in wide]
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
        """What had to be left out before the comparison, a sentence each."""
        left = [f"{name} did not compete: {reason}" for name, reason in self.left.items()]
        return [*self.training.notes, *(self.validation.notes if self.validation else ()), *left]

    @property
    def values(self) -> pd.DataFrame:
        """Expected values, one column per model."""
        return pd.DataFrame({name: table["expected_value"] for name, table in self.predictions.items()})


def silent(message: str, done: float) -> None:
    """Report progress to nobody."""


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
    """Return how well `models` predicted the holdout of `window`, which no fit has seen.

    With `targeting` the profit of that campaign to the customers ranked highest is measured too.

    The total is a question of its own: every model but the naive rule is brought to one level, which the log
    before the cutoff tells (`models.level`).

    Raises
    ------
    InputError
        No model can be fitted.
    """
    models = by_name(models)
    _check_members(models)
    log = Log.of(log)
    progress("building features", 0.0)
    training = prepare(log, window, [*features, *read_by(models)], max_origins=max_origins)
    level = forecast_level(log, window)
    return judge_prepared(log, window, training, models, level=level, targeting=targeting, progress=progress)


def judge_prepared(
    log: AnyLog,
    window: Window,
    training: Training,
    models: Mapping[str, ValueModel] | Sequence[ValueModel],
    *,
    level: Level | None = None,
    targeting: Targeting | None = None,
    progress: Progress = silent,
) -> WindowResult:
    """Return how well `models` predicted the holdout of `window` for the customers of a training.

    A training that learned from a share of the customers (`panel.prepare`) is judged on the others so. Without a
    level each model keeps its own total.

    Raises
    ------
    InputError
        No model can be fitted.
    """
    made = forecast(training, models, progress, level=level)
    progress("comparing with what happened", 0.65)
    y_true = Log.of(log).target(window, training.X_now.index)
    p_buy = {name: model.p_buy(training.X_now) for name, model in made.models.items()}
    results = measure(window, y_true, made.predictions, made.seconds, p_buy, targeting=targeting)
    return WindowResult(
        window,
        made.training,
        made.models,
        made.predictions,
        y_true,
        results,
        made.validation,
        made.left,
        made.level,
        made.learned,
    )


@dataclass(frozen=True)
class Forecasts:
    """Fitted models by name with what they predict for today's customers, before anything is known of the holdout.

    `training` is what they learned from, `seconds` what each took to fit and predict; for `validation` and `left` see
    `WindowResult`.
    """

    training: Training
    models: dict[str, ValueModel]
    predictions: dict[str, pd.DataFrame]
    seconds: dict[str, float]
    validation: Validation | None
    left: dict[str, str]
    level: Level | None = None
    learned: LearnedTotal | None = None


def forecast(
    training: Training,
    models: Mapping[str, ValueModel] | Sequence[ValueModel],
    progress: Progress = silent,
    *,
    level: Level | None = None,
) -> Forecasts:
    """Return what the models that can be fitted on a training predict for today's customers.

    A model that cannot be fitted is left out, and `left` says why; so are those that need labels where the log is too
    short for a labelled origin before the cutoff: `training.origins` is then empty. All but the naive rule are brought
    to `level` where it is given, with the total of trees among its forecasts (`learned_total`).

    Raises
    ------
    InputError
        No model can be fitted.
    """
    models = by_name(models)
    _check_members(models)
    left = {model.name: _NO_LABELS for model in models if model.needs_labels and not training.origins}
    competing = [trainable(model, training) for model in models if model.name not in left]
    progress("predicting earlier windows out of fold", 0.1)
    training, validation = _validated(competing, training)
    fitted, seconds = _fit_all(competing, training, validation, left, progress)
    learned = learned_total(fitted, training, validation) if level is not None else None
    level = with_learned(level, learned)
    predictions = {}
    for name, model in fitted.items():
        started = time.perf_counter()
        set_level(model, level, training.X_now)
        predictions[name] = calibrated(model, training, validation, level).predict_table(training.X_now)
        seconds[name] += time.perf_counter() - started
    return Forecasts(training, fitted, predictions, seconds, validation, left, level, learned)


def _check_members(models: Sequence[ValueModel]) -> None:
    """Raise InputError where a member of an ensemble shares a competitor's name and is another model."""
    competing = {model.name: model for model in models}
    for blend in models:
        for member in blend.components():
            other = competing.get(member.name, member)
            if to_state(clone(other)) != to_state(member):
                raise InputError(
                    f"models: {member.name!r} competes and is a member of {blend.name!r}, with other settings; give "
                    "one of them another name."
                )


def _validated(models: Sequence[ValueModel], training: Training) -> tuple[Training, Validation | None]:
    """Return the out-of-fold predictions, None where there can be none; the training then says why."""
    if not can_validate(training):
        return training, None
    try:
        return training, validate(models, training)
    except InputError as error:
        note = f"No earlier window could be predicted: {error}"
        return replace(training, notes=(*training.notes, note)), None


_NO_LABELS = "it learns from labels, and the log holds no window before the cutoff to learn from."


def _fit_all(
    models: Sequence[ValueModel],
    training: Training,
    validation: Validation | None,
    left: dict[str, str],
    progress: Progress,
) -> tuple[dict[str, ValueModel], dict[str, float]]:
    """Return fitted models and the seconds each took; whoever cannot be fitted is added to `left`.

    Single models are fitted side by side, then those that are made of them.
    """
    single = [model for model in models if not model.components()]
    progress(f"fitting {', '.join(model.name for model in single)}", 0.35)
    made = for_each(single, lambda place: _tried(single[place], training, {}, validation))
    tried = dict(zip([model.name for model in single], made, strict=True))
    fitted: dict[str, ValueModel] = {}
    seconds: dict[str, float] = {}
    for number, model in enumerate(models):
        if model.name not in tried:
            progress(f"fitting {model.name}", 0.35 + 0.3 * number / len(models))
            tried[model.name] = _tried(model, training, fitted, validation)
        found, seconds[model.name] = tried[model.name]
        if isinstance(found, str):
            left[model.name] = found
        else:
            fitted[model.name] = found
    if not fitted:
        raise InputError(
            f"no model could be fitted. {'; '.join(f'{name}: {why}' for name, why in left.items())}"
        )
    return fitted, seconds


def _tried(
    model: ValueModel, training: Training, fitted: Mapping[str, ValueModel], validation: Validation | None
) -> tuple[ValueModel | str, float]:
    """Return a fitted copy, or why there is none, and the seconds that it took."""
    started = time.perf_counter()
    try:
        found: ValueModel | str = _fit(model, training, fitted, validation)
    except InputError as error:
        found = str(error)
    return found, time.perf_counter() - started


def _fit(
    model: ValueModel, training: Training, fitted: Mapping[str, ValueModel], validation: Validation | None
) -> ValueModel:
    """Return a fitted copy; one that combines others is made of those that have been fitted already."""
    names = [member.name for member in model.components()]
    if not names or not set(names) & set(fitted):
        return fit(model, training)
    if validation is None:
        raise InputError(
            "it is weighted on an earlier window, and the log holds none in which two customers bought."
        )
    kept = [name for name in names if name in fitted and name in validation.predictions]
    if len(kept) < 2:
        raise InputError("fewer than two of the models that it combines could be fitted.")
    return model.keep(kept).combine_weighted(
        {name: fitted[name] for name in kept},
        validation.predictions[kept],
        validation.y_true,
        training.X_now,
        carries_over=validation.carries_over,
    )


def calibrated(
    model: ValueModel, training: Training, validation: Validation | None, level: Level | None
) -> ValueModel:
    """Return the model with intervals from its errors on validation windows of the horizon, or from simulation."""
    if validation is None or validation.days < model.horizon or model.name not in validation.predictions:
        return calibrate(model, training, of_total=level)
    return calibrate(model, training, validation.predictions[model.name], validation.y_true, of_total=level)


def backtest(
    log: AnyLog,
    windows: Sequence[Window],
    models: Mapping[str, ValueModel] | Sequence[ValueModel],
    features: Sequence[str] | None = None,
    *,
    max_origins: int = 6,
    targeting: Targeting | None = None,
    further: Callable[[WindowResult], Sequence[pd.DataFrame]] = lambda _: (),
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return RESULTS for models x windows: one row per model, cutoff, horizon and metric.

    Parameters
    ----------
    log
        A clean transaction log.
    windows
        Test windows; each is judged by models that saw nothing from its cutoff on.
    models
        A list of models of different names, or a mapping of names of your own, by which results are keyed.
    features
        Feature names to build; the default set for the log's columns if None.
    targeting
        A campaign whose profit from the customers ranked highest is measured too.
    further
        More RESULTS of a judged window, such as those of other horizons (`evaluation.horizons`).
    """
    log = Log.of(log)
    names = features if features is not None else default_features(log.columns)
    parts = []
    for number, window in enumerate(windows):

        def tell(
            message: str, done: float, before: int = number, cutoff: object = window.cutoff.date()
        ) -> None:
            """Pass on how far this window has come, as a share of all windows."""
            progress(f"{cutoff}: {message}", (before + done) / len(windows))

        judged = judge(
            log, window, models, names, max_origins=max_origins, targeting=targeting, progress=tell
        )
        parts += [judged.results, *further(judged)]
    return pd.concat(parts, ignore_index=True)
