"""Shares of several horizons in a value, learned on earlier windows, and the models that carry them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.calibration import calibrate, learn_intervals
from cltv_ml.evaluation.forecasts import calibrated
from cltv_ml.evaluation.levels import forecast_levels, set_level
from cltv_ml.evaluation.metrics import METRICS
from cltv_ml.evaluation.panel import Training, fit, prepare_fresh
from cltv_ml.evaluation.validation import Validation
from cltv_ml.log import Log
from cltv_ml.models import Horizons, Level, ParetoNBD, ProbabilisticValue, Tweedie, ValueModel
from cltv_ml.models.base import FittedIntervals
from cltv_ml.models.out_of_fold import MIN_ROWS, OUT_OF_TIME
from cltv_ml.windows import Window

#: Largest number of earlier windows on which shares are tried; each needs trees per shorter horizon.
SHARE_WINDOWS = 3

#: Powers of the trees of a shorter horizon (`models.Horizons`), and the gain in Gini that they must bring.
POWERS = (0.0, 0.5, 1.0)
_GAIN = 0.001

#: Trees of a shorter horizon: its labels are noisier than those of the main one.
_TREES = 100


@dataclass(frozen=True)
class Earlier:
    """Results of several horizons, `days`, on earlier windows; shorter horizons learn from `features`.

    `powers` are those of `models.Horizons`, by shorter horizon. `expected` and `y_true` hold by horizon the
    out-of-fold values and the realised ones, indexed by (`cutoff`, `customer_id`).
    """

    days: tuple[int, ...]
    features: tuple[str, ...]
    powers: tuple[float, ...] = ()
    expected: Mapping[int, pd.Series] = field(default_factory=dict)
    y_true: Mapping[int, pd.Series] = field(default_factory=dict)

    def before(self, day: int, cutoff: pd.Timestamp) -> tuple[pd.Series, pd.Series] | None:
        """Return expected and realised values of a horizon in windows that had ended by `cutoff`, None without any."""
        if day not in self.expected:
            return None
        ended = _ended(self.expected[day], day, cutoff)
        return (self.expected[day][ended], self.y_true[day][ended]) if ended.any() else None


def fit_several(
    log: Log,
    result: WindowResult,
    champion: str,
    training: Training,
    cutoff: pd.Timestamp,
    earlier: Earlier,
) -> ValueModel:
    """Return the champion of a comparison fitted on what lay before `cutoff`, with values for several horizons.

    Raises
    ------
    InputError
        It learns from labels, and there are none before the cutoff.
    """
    model = result.models[champion]
    if model.needs_labels and not training.origins:
        raise InputError("the log has no window before it that the champion could learn from.")
    levels = forecast_levels(log, cutoff, earlier.days)
    main = model.horizon
    fitted = set_level(fit(model, training), levels[main], training.X_now)
    fitted = calibrated(fitted, training, _validation_before(result.validation, cutoff), levels[main])
    return add_horizons(log, fitted, training, cutoff, earlier, levels)


def add_horizons(
    log: Log,
    model: ValueModel,
    training: Training,
    cutoff: pd.Timestamp,
    earlier: Earlier,
    levels: Mapping[int, Level | None],
) -> ValueModel:
    """Return the fitted model with values for several horizons: their shares, totals and intervals."""
    X, values = training.X_now, model.predict(training.X_now)
    days, features = earlier.days, earlier.features
    shares = Horizons(model.horizon, list(days), list(earlier.powers))
    short_days = [day for day, power in zip(shares.shorter, earlier.powers, strict=False) if power > 0]
    rows = _with_fresh(log, training, cutoff, short_days, features) if short_days else training.X
    models = {day: _learn(log, rows, day, cutoff, features) for day in short_days}
    shares.fit(X, {day: model for day, model in models.items() if model is not None}, values)
    totals = {day: level.total for day, level in levels.items() if level is not None}
    if model.horizon in totals and hasattr(model, "level_factor_"):  # the naive rule keeps its own level
        shares.bring_to(totals, X, values)
    others = [day for day in days if day != model.horizon]
    intervals = {day: _intervals(day, training, earlier.before(day, cutoff), levels[day]) for day in others}
    return model.set_horizons(
        shares.set_intervals({day: one for day, one in intervals.items() if one is not None})
    )


def look_earlier(
    log: Log, result: WindowResult, champion: str, days: Sequence[int], features: Sequence[str]
) -> Earlier:
    """Return the shares that did best on windows before the test, and their out-of-fold values.

    For each shorter horizon trees are used as far as they raise the mean Gini of these windows. They are tried only if
    every window is predicted by fits on windows that had ended before it.
    """
    validation, training = result.validation, result.training
    key = tuple(days), tuple(features)
    if (
        validation is None
        or champion not in validation.predictions
        or validation.days < result.window.horizon
    ):
        return Earlier(*key, tuple(0.0 for day in days if day < result.window.horizon))
    tried: dict[int, list[pd.DataFrame]] = {day: [] for day in days if day != result.window.horizon}
    for cutoff in validation.cutoffs[:SHARE_WINDOWS]:
        values = validation.predictions.loc[cutoff, champion]
        learn = validation.protocol == OUT_OF_TIME
        for day, table in _try(log, training, cutoff, values, days, features, learn=learn).items():
            window = Window(cutoff, day)
            if window.end <= result.window.cutoff:
                truth = log.target(window, table.index)
                tried[day].append(pd.concat([table.assign(truth=truth)], keys=[cutoff], names=["cutoff"]))
    best = {day: _best_power(tables) for day, tables in tried.items() if tables}
    powers = tuple(best.get(day, 0.0) for day in days if day < result.window.horizon)
    whole = {day: pd.concat(tables) for day, tables in tried.items() if tables}
    expected = {day: table[best[day]].rename("expected") for day, table in whole.items()}
    return Earlier(*key, powers, expected, {day: table["truth"] for day, table in whole.items()})


def _try(
    log: Log,
    training: Training,
    cutoff: pd.Timestamp,
    values: pd.Series,
    days: Sequence[int],
    features: Sequence[str],
    *,
    learn: bool,
) -> dict[int, pd.DataFrame]:
    """Return by horizon the values of an earlier window's customers, a column per power of the trees."""
    X = training.X.xs(cutoff, level="cutoff").loc[values.index]
    by_power: dict[int, dict[float, np.ndarray]] = {day: {} for day in days if day != training.horizon}
    shorter = [day for day in days if day < training.horizon]
    fits = {day: _learn(log, training.X, day, cutoff, features) for day in shorter if learn}
    models = {day: model for day, model in fits.items() if model is not None}
    for power in POWERS if models else POWERS[:1]:
        shares = Horizons(training.horizon, list(days), [power] * len(shorter))
        table = shares.fit(X, models if power else None, values.to_numpy()).values(X, values.to_numpy())
        for day in by_power:
            by_power[day][power] = table[day].to_numpy()
    return {day: pd.DataFrame(columns, index=values.index) for day, columns in by_power.items()}


def _best_power(tables: Sequence[pd.DataFrame]) -> float:
    """Return the power with the best mean Gini over all windows, the smallest of equals."""
    powers = [power for power in POWERS if all(power in table for table in tables)]
    gini = METRICS["gini"].function
    ginis = pd.Series(
        {power: np.nanmean([gini(one["truth"], one[power]) for one in tables]) for power in powers}
    )
    if not np.isfinite(ginis[0.0]):
        return 0.0
    return float(ginis.index[ginis >= ginis.max()][0]) if ginis.max() > ginis[0.0] + _GAIN else 0.0


def _learn(
    log: Log, rows: pd.DataFrame, day: int, cutoff: pd.Timestamp, features: Sequence[str]
) -> ValueModel | None:
    """Return trees fitted on spend in a horizon that had ended by `cutoff`, None where too few customers bought."""
    cutoffs = rows.index.get_level_values("cutoff")
    X = rows[cutoffs + pd.Timedelta(days=day) <= cutoff]
    parts = [
        pd.Series(
            log.target(Window(at, day), one.index.get_level_values("customer_id")).to_numpy(), index=one.index
        )
        for at, one in X.groupby(level="cutoff", sort=False)
    ]
    if len(X) < MIN_ROWS or not any((part > 0).any() for part in parts):
        return None
    names = [name for name in features if name in X]
    return Tweedie(day, features=names, n_estimators=_TREES).fit(X, pd.concat(parts).loc[X.index])


def _with_fresh(
    log: Log, training: Training, cutoff: pd.Timestamp, days: Sequence[int], features: Sequence[str]
) -> pd.DataFrame:
    """Return the training's rows with those of origins that are too recent for labels of the main horizon."""
    if not training.origins:
        return training.X
    fresh = prepare_fresh(log, training, cutoff, days, features)
    return training.X if fresh is None else pd.concat([training.X, fresh[training.X.columns]])


def _intervals(
    day: int,
    training: Training,
    errors: tuple[pd.Series, pd.Series] | None,
    level: Level | None,
) -> FittedIntervals | None:
    """Return intervals from a horizon's errors, else from simulation; None if neither is possible."""
    if errors is not None:
        return learn_intervals(*errors, of_total=level)
    try:
        model = ProbabilisticValue(ParetoNBD(), horizon=day).fit(training.X_now)
    except InputError:
        return None
    return calibrate(model, training, of_total=level).intervals_


def _validation_before(validation: Validation | None, cutoff: pd.Timestamp) -> Validation | None:
    """Return the validation windows that had ended by a cutoff, None where none had."""
    if validation is None:
        return None
    ended = _ended(validation.y_true, validation.days, cutoff)
    if not ended.any():
        return None
    return Validation(
        validation.predictions[ended],
        validation.y_true[ended],
        validation.protocol,
        validation.days,
        validation.notes,
        validation.carries_over,
    )


def _ended(rows: pd.Series, days: int, cutoff: pd.Timestamp) -> np.ndarray:
    return np.asarray(rows.index.get_level_values("cutoff") + pd.Timedelta(days=days) <= cutoff)
