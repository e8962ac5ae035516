"""The written rule by which a challenger replaces the champion, and the paired intervals behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError, unknown_name
from cltv_ml.evaluation.bootstrap import DRAWS, bootstrap_metrics
from cltv_ml.evaluation.bounds import BIAS_BOUND, DECILE_BOUND, overstep
from cltv_ml.evaluation.metrics import METRICS, Targeting, profit
from cltv_ml.inline import Inline
from cltv_ml.models.fit_cache import once
from cltv_ml.tables import pandas_only

#: Differences below this share of the metric are irrelevant, even if they are significant.
SAME = 1e-5

#: Measure that judges the ranking of customers: the Gini, or the profit of a campaign.
Objective = Literal["gini", "profit"]


@dataclass(frozen=True)
class Verdict(Inline):
    """The champion and the sentence that gives the reason."""

    champion: str
    within_bounds: bool
    reason: str


@dataclass(frozen=True)
class Challenge(Inline):
    """Whether a challenger replaces the champion, and the sentence that gives the reason."""

    replace: bool
    reason: str


@pandas_only
def compare_models(
    y_true: pd.Series,
    values: pd.DataFrame,
    champion: str,
    *,
    targeting: Targeting | None = None,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return every model against the champion on the same customers, with paired bootstrap intervals.

    Columns `model`, `metric`, `value`, `champion_value`, `difference` (value less the champion's; for bias
    of their sizes, so that less is better), `lower`, `upper` (interval of the difference at `confidence`) and
    `better`: "model" or "champion" where the interval excludes zero, else "neither". The champion itself has
    no rows. Rank correlation is left out: its ranks change with every draw.

    Parameters
    ----------
    values
        Expected values, one column per model, rows as in `y_true`.
    targeting
        The campaign for the metric `profit`; without one it is left out.

    Raises
    ------
    InputError
        The champion is no column of `values`, or a value is missing.
    """
    if champion not in values.columns:
        raise InputError(f"champion {champion!r} is not a column of values. Found {list(values.columns)}.")
    if not 0 < confidence < 1:
        raise InputError(f"confidence must be between 0 and 1, got {confidence!r}.")
    points = {str(name): _point(y_true, values[name], targeting) for name in values.columns}
    samples = bootstrap_metrics(y_true, values, targeting=targeting, draws=draws, seed=seed)
    rows = [
        _comparison_row(name, metric, points, samples[metric], champion, confidence)
        for name in points
        if name != champion
        for metric in points[name]
    ]
    return pd.DataFrame(rows)


@pandas_only
def compare_pair(
    y_true: pd.Series,
    champion_values: pd.Series | np.ndarray,
    challenger_values: pd.Series | np.ndarray,
    *,
    targeting: Targeting | None = None,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a challenger against the champion, a row per metric: what `decide_challenge` reads.

    Columns `champion`, `challenger`, `difference` (of sizes for bias), `lower`, `upper` and `better`
    ("challenger", "champion" or "neither"), indexed by `metric`. See `compare_models`.

    >>> spent = pd.Series([0.0, 0, 5, 30] * 50)
    >>> table = compare_pair(spent, np.ones(200), spent * 0.9 + 1)
    >>> table.at["gini", "better"], round(float(table.at["gini", "difference"]), 3)
    ('challenger', 1.0)
    """
    values = pd.DataFrame(
        {"champion": np.asarray(champion_values), "challenger": np.asarray(challenger_values)}
    )
    table = compare_models(
        y_true, values, "champion", targeting=targeting, confidence=confidence, draws=draws, seed=seed
    )
    table = table.rename(columns={"value": "challenger", "champion_value": "champion"}).set_index("metric")
    table["better"] = table["better"].replace("model", "challenger")
    return table[["champion", "challenger", "difference", "lower", "upper", "better"]]


@pandas_only
def decide_challenge(
    pair: pd.DataFrame,
    *,
    simpler: bool = False,
    newer: bool = False,
    objective: Objective = "gini",
    chances: Mapping[str, float] | None = None,
) -> Challenge:
    """Return whether the challenger of `compare_pair` replaces the champion, by the written rule.

    1. A challenger outside the bounds for bias and decile error is refused, unless the champion oversteps
       them by more.
    2. It replaces a champion that is outside the bounds where it oversteps them by less and the paired
       interval of the difference in |bias| or in decile error lies below zero.
    3. It replaces the champion where the paired interval of the difference in `objective` lies above zero.
    4. A `simpler` challenger, or the same recipe fitted to a `newer` log, also replaces it at equal quality: where
       that interval includes zero and neither |bias| nor decile error is shown to be worse.

    Parameters
    ----------
    chances
        `bounds.decile_chance` of both sides: a decile error that chance explains is within its bound.
    """
    _check_objective(objective, pair.index)
    steps = {
        side: overstep({**pair[side], "decile_chance": (chances or {}).get(side, 0.0)})
        for side in ("champion", "challenger")
    }
    row = pair.loc[objective]
    evidence = (
        f"difference in {_OBJECTIVE_NAMES[objective]} {_figure(objective, row['difference'], signed=True)}, "
        f"{_figure(objective, row['lower'], signed=True)} to {_figure(objective, row['upper'], signed=True)}"
    )
    if not np.isfinite([*steps.values(), row["lower"], row["upper"]]).all():
        return Challenge(False, "kept: nobody bought anything in the window, so there is nothing to compare")
    if steps["challenger"] > max(1.0, steps["champion"]):
        return Challenge(
            False,
            f"kept: the challenger is outside the bounds (bias {pair.at['bias', 'challenger']:+.1%}, allowed "
            f"{BIAS_BOUND:.0%}; decile error {pair.at['decile_mape', 'challenger']:.1%}, allowed {DECILE_BOUND:.0%})",
        )
    level = (pair.loc[_LEVEL, "better"] == "challenger").any()
    if steps["champion"] > 1 and steps["challenger"] < steps["champion"] and level:
        return Challenge(
            True,
            "replaced: both models are outside the bounds, but the challenger is closer to them "
            f"({evidence})",
        )
    if row["better"] == "challenger":
        return Challenge(True, f"replaced: better on the same customers ({evidence})")
    equal = row["better"] == "neither" and not (pair.loc[_LEVEL, "better"] == "champion").any()
    if equal and (simpler or newer):
        return Challenge(True, f"replaced: {'simpler' if simpler else 'newer'} at equal quality ({evidence})")
    return Challenge(False, f"kept: the challenger is not shown to be better ({evidence})")


_OBJECTIVE_NAMES = {"gini": "Gini", "profit": "profit"}
_LEVEL = ["bias", "decile_mape"]


def _check_objective(objective: str, metrics: pd.Index) -> None:
    if objective not in _OBJECTIVE_NAMES:
        raise unknown_name("objective", objective, _OBJECTIVE_NAMES)
    if objective not in metrics:
        raise InputError(f"objective {objective!r} was not measured; give a Targeting to compare profits.")


def _point(y_true: pd.Series, y_pred: pd.Series, targeting: Targeting | None) -> dict[str, float]:
    """Return each metric of a model, computed once per training for the choice, the notes and the report."""
    sides = (np.asarray(side, dtype=np.float64) for side in (y_true, y_pred))
    return once(partial(_all_points, y_true, y_pred, targeting), f"point {targeting}", *sides)


def _all_points(y_true: pd.Series, y_pred: pd.Series, targeting: Targeting | None) -> dict[str, float]:
    scores = {name: one.function(y_true, y_pred) for name, one in METRICS.items() if name != "spearman"}
    return scores if targeting is None else {**scores, "profit": profit(y_true, y_pred, targeting)}


def _comparison_row(
    name: str,
    metric: str,
    points: Mapping[str, Mapping[str, float]],
    samples: pd.DataFrame,
    champion: str,
    confidence: float,
) -> dict[str, object]:
    value, reference = points[name][metric], points[champion][metric]
    size = np.abs if metric == "bias" else np.positive
    drawn = size(samples[name].to_numpy()) - size(samples[champion].to_numpy())
    drawn = drawn[np.isfinite(drawn)]
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(drawn, [tail, 1 - tail]) if len(drawn) else (np.nan, np.nan)
    more_is_better = metric == "profit" or METRICS[metric].more_is_better
    # Two optimisers that end a hair apart are the same model to everybody.
    least = SAME * max(abs(value), abs(reference))
    side = int(lower > least) - int(upper < -least)
    return {
        "model": name,
        "metric": metric,
        "value": value,
        "champion_value": reference,
        "difference": float(size(value) - size(reference)),
        "lower": float(lower),
        "upper": float(upper),
        "better": ("neither", "model", "champion")[side if more_is_better else -side],
    }


def _figure(objective: str, value: float, *, signed: bool = False) -> str:
    return f"{value:{'+' if signed else ''}{',.0f' if objective == 'profit' else '.3f'}}"
