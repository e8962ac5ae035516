"""Bounds within which a model is trusted with money, and whether a miss beyond them may be chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cltv_ml.evaluation.metrics import group_totals, relative_errors
from cltv_ml.models.inputs import paired

#: A model is trusted with money when it misses the total and the deciles by no more than this.
BIAS_BOUND = 0.10
DECILE_BOUND = 0.25

#: A miss beyond its bound counts against a model if chance alone is less likely than this to cause it.
LEAST_CHANCE = 0.05

#: Fewest buyers from whom the scatter of spending is measured; a group with fewer is joined with its neighbours.
_LEAST_BUYERS = 30


def decile_chance(y_true: ArrayLike, y_pred: ArrayLike, *, draws: int = 1_000, seed: int = 0) -> float:
    r"""Return the probability that true expected values miss the totals of ten groups by at least as much as these.

    Few buyers make the decile error large whatever the model. The groups are those of `metrics.decile_mape`, scaled to
    the realised total \(T\), so that only errors of the shares count. With \(P_g\) and \(R_g\) the predicted and the
    realised total of a group and \(\phi_g\) the variance of spending over its mean, the statistic is that of Hosmer
    and Lemeshow, \(\sum_g (R_g - P_g)^2 / (\phi_g P_g)\). Its distribution is simulated: a group's total is a compound
    Poisson sum of exponential amounts with mean \(P_g\) and variance \(\phi_g P_g\), and all groups add up to
    \(T\). \(\phi_g\) is measured around the values scaled to \(R_g\), so wrong shares do not hide behind the scatter
    that they cause. Source: D. Hosmer and S. Lemeshow, Goodness of Fit Tests for the Multiple Logistic Regression
    Model, 1980.

    NaN when nobody spent anything or nothing was predicted.

    >>> expected = np.repeat([1.0, 2.0, 4.0, 8.0], 500)
    >>> spent = np.random.default_rng(1).exponential(expected)
    >>> bool(decile_chance(spent, expected) > 0.05), bool(decile_chance(spent, expected**2) < 0.01)
    (True, True)
    """
    groups = _draw_groups(y_true, y_pred, draws, seed)
    if groups is None:
        return float("nan")
    total = groups.realised.sum()

    def statistic(totals: np.ndarray) -> np.ndarray:
        """Return the sum of squared errors over their variance, a value per row of totals."""
        variance = np.maximum(groups.scatter * groups.predicted, 1e-12 * total**2)
        return np.asarray(((totals - groups.predicted) ** 2 / variance).sum(axis=-1))

    as_far = statistic(groups.drawn) >= statistic(groups.realised) * (1 - 1e-9)
    return float((1 + as_far.sum()) / (1 + len(groups.drawn)))


def decile_error_by_chance(y_true: ArrayLike, y_pred: ArrayLike, *, draws: int = 1_000) -> float:
    """Return the decile error that true expected values would exceed in half of such windows.

    It is the median decile error of the draws of `decile_chance`. NaN when nobody spent anything or nothing was
    predicted.

    >>> expected = np.repeat([1.0, 2.0, 4.0, 8.0], 500)
    >>> spent = np.random.default_rng(1).exponential(expected)
    >>> round(decile_error_by_chance(spent, expected), 2)
    0.06
    """
    groups = _draw_groups(y_true, y_pred, draws, seed=0)
    if groups is None:
        return float("nan")
    return float(np.median(relative_errors(groups.predicted, groups.drawn).mean(axis=-1)))


class _Groups(NamedTuple):
    """Totals of ten groups: predicted, realised, drawn around the predicted ones, and the variance over the mean."""

    predicted: np.ndarray
    realised: np.ndarray
    drawn: np.ndarray
    scatter: np.ndarray


def _draw_groups(y_true: ArrayLike, y_pred: ArrayLike, draws: int, seed: int) -> _Groups | None:
    """Return the groups at the realised total; None when nobody spent anything or nothing was predicted."""
    true, pred = paired(y_true, y_pred)
    if true.sum() <= 0 or pred.sum() <= 0:
        return None
    pred = pred * (true.sum() / pred.sum())
    predicted, realised = group_totals(true, pred)
    scatter = np.maximum(_scatter(true, pred, predicted, realised), 1e-12 * true.sum())
    rng = np.random.default_rng(seed)
    purchases = rng.poisson(np.minimum(2 * predicted / scatter, 1e9), size=(draws, len(predicted)))
    drawn = rng.standard_gamma(np.maximum(purchases, 1e-9)) * (scatter / 2) * (purchases > 0)
    drawn = drawn[drawn.sum(axis=1) > 0]
    drawn *= true.sum() / drawn.sum(axis=1, keepdims=True)
    return _Groups(predicted, realised, drawn, scatter)


def _scatter(true: np.ndarray, pred: np.ndarray, predicted: np.ndarray, realised: np.ndarray) -> np.ndarray:
    """Return the variance of spending over its mean for each group, in currency."""
    scale = np.divide(realised, predicted, out=np.zeros(len(predicted)), where=predicted > 0)
    squares, products, own, buyers = (
        group_totals(values, pred)[1] for values in (true**2, true * pred, pred**2, (true > 0).astype(float))
    )
    variance = np.maximum(squares - 2 * scale * products + scale**2 * own, 0.0)
    found = np.empty(len(predicted))
    for group in range(len(predicted)):
        for reach in range(len(predicted)):
            near = slice(max(0, group - reach), group + reach + 1)
            if buyers[near].sum() >= _LEAST_BUYERS:
                break
        found[group] = variance[near].sum() / realised[near].sum()
    return found


def misses(scores: Mapping[str, float] | pd.Series) -> tuple[float, float]:
    """Return |bias| and decile error in units of their bounds: at most 1 is within, NaN unknown.

    A miss that chance explains (`bias_chance`, `decile_chance`, where they are known) counts as 1 at most.

    >>> misses({"bias": -0.2, "decile_mape": 0.2}), misses({"bias": -0.2, "bias_chance": 0.4})
    ((2.0, 0.8), (1.0, nan))
    """
    sizes = []
    for name, chance, bound in _BOUNDED:
        size = abs(scores.get(name, np.nan)) / bound
        sizes.append(float(min(size, 1.0) if scores.get(chance, 0.0) >= LEAST_CHANCE else size))
    return sizes[0], sizes[1]


def overstep(scores: Mapping[str, float] | pd.Series) -> float:
    """Return the larger of both `misses`: at most 1 is within bounds, NaN unknown.

    >>> overstep({"bias": -0.2, "decile_mape": 0.2}), overstep({})
    (2.0, nan)
    """
    return float(np.fmax(*misses(scores)))


def is_within_bounds(scores: Mapping[str, float] | pd.Series) -> bool:
    """Return whether a model with these scores is trusted with money.

    >>> is_within_bounds({"bias": -0.08, "decile_mape": 0.2})
    True
    """
    return overstep(scores) <= 1


def tell_overstep(scores: Mapping[str, float]) -> str:
    """Return a sentence on how far a model was outside its bounds on its test; empty where it was inside or unknown.

    >>> tell_overstep({"bias": -0.113, "decile_mape": 0.2})
    'In its test, the model was outside its bounds: its total was 11.3% too low (10% is allowed).'
    >>> tell_overstep({"bias": 0.02, "decile_mape": 0.2}), tell_overstep({})
    ('', '')
    """
    bias, decile = misses(scores)
    oversteps = []
    if bias > 1:
        oversteps.append(f"its total was {percent_off(scores['bias'])} ({BIAS_BOUND:.0%} is allowed)")
    if decile > 1:
        oversteps.append(
            f"the value of a tenth of the customers was {scores['decile_mape']:.1%} off on average "
            f"({DECILE_BOUND:.0%} is allowed)"
        )
    return f"In its test, the model was outside its bounds: {' and '.join(oversteps)}." if oversteps else ""


def tell_chance(scores: Mapping[str, float], by_chance: float) -> list[str]:
    """Return a sentence for each miss beyond its bound that chance explains; `by_chance` is `decile_error_by_chance`.

    >>> tell_chance({"bias": 0.3, "bias_chance": 0.2, "decile_mape": 0.2}, 0.1)[0].partition(", which ")[2]
    "is within the forecast's 95% interval: expect errors of this size."
    """
    sentences = []
    bias, decile = (abs(scores.get(name, np.nan)) > bound for name, _, bound in _BOUNDED)
    within = [size <= 1 for size in misses(scores)]
    if bias and within[0]:
        sentences.append(
            f"In the test, the total was {percent_off(scores['bias'])}, which is within the forecast's "
            f"{1 - LEAST_CHANCE:.0%} interval: expect errors of this size."
        )
    if decile and within[1]:
        sentences.append(
            f"In the test, the value of a tenth of the customers was {scores['decile_mape']:.0%} off on average. That "
            f"may be chance, because few customers of some tenths bought: correct values would typically be "
            f"{by_chance:.0%} off. The test therefore does not show whether the values of small groups are right."
        )
    return sentences


def percent_off(bias: float) -> str:
    """Return a bias in words.

    >>> percent_off(0.123), percent_off(-0.04)
    ('12.3% too high', '4.0% too low')
    """
    return f"{abs(bias):.1%} too {'high' if bias >= 0 else 'low'}"


#: Metric, the probability of such a miss by chance, and bound.
_BOUNDED = (("bias", "bias_chance", BIAS_BOUND), ("decile_mape", "decile_chance", DECILE_BOUND))
