"""Outcome of earlier forecasts: totals in full or so far, and the checks that decide on retraining."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from cltv_ml.engine import MONEY_SCALE, frame, view
from cltv_ml.errors import InputError
from cltv_ml.evaluation.bootstrap import bootstrap_metrics
from cltv_ml.evaluation.drift import compute_shares
from cltv_ml.evaluation.metrics import METRICS
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import ProbabilisticValue, ValueModel
from cltv_ml.tables import values_by_horizon
from cltv_ml.windows import Window

#: Metrics of a closed batch, besides the coverage of its intervals.
MEASURED = ("bias", "gini", "decile_mape")

LEVELS = ("ok", "watch", "retrain")


@dataclass(frozen=True)
class Thresholds:
    """Limits beyond which a batch should be watched, and beyond which the model should be retrained.

    Each is compared with the more favourable end of the interval, so that chance alone does not cross it.
    """

    psi: tuple[float, float] = (0.10, 0.25)  # of the predictions; a feature has moved from the first on
    features_moved: tuple[float, float] = (0.25, 0.75)  # as a share of all; never more than watch
    segment: tuple[float, float] = (0.05, 0.15)
    refused: tuple[float, float] = (0.02, 0.10)
    model_age: tuple[float, float] = (1.0, 2.0)  # in horizons
    log_age: tuple[float, float] = (7.0, 30.0)  # in days
    season: tuple[float, float] = (0.10, 0.20)  # between the horizon of the training and the batch's
    bias: tuple[float, float] = (0.10, 0.20)
    decile_error: tuple[float, float] = (0.25, 0.50)
    gini_fall: tuple[float, float] = (0.03, 0.08)
    coverage_gap: tuple[float, float] = (0.03, 0.10)


def read_thresholds(values: Mapping[str, object]) -> Thresholds:
    """Return thresholds from a TOML table such as `{"bias": [0.1, 0.2]}`; the others keep their defaults.

    Raises
    ------
    InputError
        A name is unknown or a value is not two numbers, the first not above the second.
    """
    names = [entry.name for entry in fields(Thresholds)]
    limits = {}
    for name, value in values.items():
        if name not in names:
            raise InputError(f"thresholds: unknown name {name!r}. Available: {sorted(names)}.")
        pair = value if isinstance(value, (list, tuple)) else ()
        if len(pair) != 2 or not all(isinstance(one, (int, float)) for one in pair) or pair[0] > pair[1]:
            raise InputError(f"thresholds: {name} must be two numbers, watch and retrain, got {value!r}.")
        limits[name] = (float(pair[0]), float(pair[1]))
    return Thresholds(**limits)


def compute_truth(y_true: pd.Series, predicted: pd.DataFrame, *, level: float | None = None) -> pd.DataFrame:
    """Return bias, Gini, decile error and, with intervals, their coverage: columns `value, lower, upper`.

    Indexed by `metric`. The 95% ranges are a bootstrap over customers, for coverage Wilson's.

    Parameters
    ----------
    y_true
        What each customer of the batch spent.
    predicted
        `expected_value`, and `value_lower`, `value_upper` where the batch had them, rows as in `y_true`.
    level
        The coverage that the intervals are meant to have; without it coverage is left out.
    """
    values = predicted["expected_value"]
    draws = bootstrap_metrics(y_true, values.to_frame("model"))
    rows = {}
    for metric in MEASURED:
        drawn = draws[metric]["model"].to_numpy()
        drawn = drawn[np.isfinite(drawn)]
        ends = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
        rows[metric] = (METRICS[metric].function(y_true, values), *ends)
    if level is not None and {"value_lower", "value_upper"} <= set(predicted):
        inside = (y_true >= predicted["value_lower"]) & (y_true <= predicted["value_upper"])
        counts = {"inside": int(inside.sum()), "outside": int((~inside).sum())}
        share = compute_shares(counts, counts).iloc[0]
        rows["coverage"] = (share["share"], share["lower"], share["upper"])
    return pd.DataFrame(rows, index=["value", "lower", "upper"]).T.rename_axis("metric")


def compute_expected_path(model: ValueModel, X: pd.DataFrame, log: AnyLog, past: Window) -> pd.DataFrame:
    """Return the share of the horizon's value that is expected by each of up to 27 days: columns `day`, `share`.

    Purchase models predict shorter horizons themselves. For models of one horizon it is the path of spending after
    `past.cutoff`, among the customers of that day.
    """
    days = np.unique(np.linspace(0, past.horizon, min(26, past.horizon) + 1).round().astype(int))
    if isinstance(model, ProbabilisticValue):
        some = X if len(X) <= 20_000 else X.sample(20_000, random_state=0)
        reached = [0.0, *(_value_by(model, int(day), some) for day in days[1:])]
    else:
        reached = _spent_by(Log.of(log), past, days)
    total = reached[-1] if reached[-1] > 0 else 1.0
    return pd.DataFrame({"day": days, "share": np.array(reached) / total})


def compute_progress(
    log: AnyLog, predicted: pd.DataFrame, window: Window, path: pd.DataFrame, until: pd.Timestamp
) -> pd.DataFrame:
    """Return a batch's expected and realised revenue by each day so far: `day, expected, realised`.

    Parameters
    ----------
    predicted
        PREDICTIONS; what is expected by the end of a shorter horizon is its total.
    path
        `compute_expected_path` of the model.
    until
        First instant that the log does not hold yet.
    """
    passed = (until - window.cutoff).days
    totals = values_by_horizon(predicted, window.horizon).sum()
    totals = totals[totals.index <= window.horizon]
    days = np.unique([*path["day"], *totals.index, passed]).astype(int)
    days = days[days <= passed]
    shares, known = (np.interp(some, path["day"], path["share"]) for some in (days, totals.index))
    return pd.DataFrame(
        {
            "day": days,
            "expected": np.interp(shares, [0.0, *known], [0.0, *totals]),
            "realised": _spent_by(Log.of(log), window, days, predicted.index),
        }
    )


@dataclass(frozen=True)
class Check:
    """One check: its value, the finding in words, and the level that follows."""

    name: str
    at_least: float
    level: str
    sentence: str


def level_check(
    name: str, at_least: float, limits: tuple[float, float], sentence: str, worst: str = "retrain"
) -> Check:
    """Return a check whose level follows from two limits; NaN is harmless, `worst` is the highest level it may give.

    >>> level_check("bias", 0.15, (0.1, 0.2), "").level
    'watch'
    """
    level = "retrain" if at_least > limits[1] else "watch" if at_least > limits[0] else "ok"
    return Check(name, at_least, LEVELS[min(LEVELS.index(level), LEVELS.index(worst))], sentence)


def worst_level(checks: Sequence[Check]) -> str:
    """Return the highest level of all checks, "ok" for none."""
    return max((one.level for one in checks), key=LEVELS.index, default="ok")


def away_from(lower: float, upper: float, target: float = 0.0) -> float:
    """Return the distance of an interval from a target, zero where the interval holds it.

    >>> away_from(0.05, 0.2), away_from(-0.3, -0.1), away_from(-0.1, 0.1)
    (0.05, 0.1, 0.0)
    """
    return float(max(lower - target, target - upper, 0.0))


def _value_by(model: ProbabilisticValue, day: int, X: pd.DataFrame) -> float:
    shorter = copy.copy(model)
    shorter.horizon = day
    return float(shorter.predict(X).sum())


def _spent_by(log: Log, window: Window, days: np.ndarray, customers: pd.Index | None = None) -> list[float]:
    """Return the spend of customers seen before the cutoff (or of those passed) in the first days after it."""
    con = log.connect()
    if customers is None:
        chosen = f"select distinct customer_id from log where timestamp < timestamp '{window.cutoff}'"
    else:
        view(con, "batch", pd.DataFrame({"customer_id": customers.astype(str)}))
        chosen = "select customer_id from batch"
    daily = frame(
        con.sql(
            f"select date_diff('day', timestamp '{window.cutoff}', timestamp) as day, "
            f"sum(cast(round({log.lasting('amount')} * {MONEY_SCALE}) as bigint)) / {MONEY_SCALE}.0 as money from log "
            f"where timestamp >= timestamp '{window.cutoff}' and timestamp < timestamp '{window.end}' "
            f"and customer_id in ({chosen}) group by all"
        )
    )
    # A purchase on day 0 has happened by the end of that day, which is day 1 of the path.
    return [float(daily.loc[daily["day"] < day, "money"].sum()) for day in days]
