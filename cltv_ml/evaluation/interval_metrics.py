"""Metrics of intervals and quantiles against the truth, in the catalogues INTERVAL_METRICS and QUANTILE_METRICS."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from cltv_ml.errors import InputError
from cltv_ml.models.inputs import paired


def coverage(y_true: ArrayLike, lower: ArrayLike, upper: ArrayLike, level: float = 0.9) -> float:
    """Share of customers whose realised value lay within its interval, ends included; `level` is best.

    >>> coverage([0, 5, 9], [0, 0, 0], [0, 5, 8])
    0.66...
    """
    true, low, high = _bounds(y_true, lower, upper)
    return float(((true >= low) & (true <= high)).mean())


def mean_width(y_true: ArrayLike, lower: ArrayLike, upper: ArrayLike, level: float = 0.9) -> float:
    """Mean width of the intervals, in currency; less is better at equal coverage.

    >>> mean_width([0, 5], [0, 4], [2, 8])
    3.0
    """
    _, low, high = _bounds(y_true, lower, upper)
    return float((high - low).mean())


def winkler(y_true: ArrayLike, lower: ArrayLike, upper: ArrayLike, level: float = 0.9) -> float:
    """Winkler score: mean width plus 2 / (1 - level) times what lies outside, in currency; less is better.

    No interval scores better in expectation than the true quantiles, so it weighs width against coverage.
    Source: R. Winkler, A Decision-Theoretic Approach to Interval Estimation, 1972.

    >>> winkler([0, 9], [0, 4], [2, 8], level=0.8)
    8.0
    """
    true, low, high = _bounds(y_true, lower, upper)
    outside = np.maximum(low - true, 0) + np.maximum(true - high, 0)
    return float((high - low + 2 / (1 - level) * outside).mean())


def pinball(
    y_true: ArrayLike, lower: ArrayLike, median: ArrayLike, upper: ArrayLike, level: float = 0.9
) -> float:
    """Mean pinball loss of lower bound, median and upper bound, in currency; less is better.

    Each is a quantile, and no other value scores better in expectation than the true one: half the continuous ranked
    probability score, read at three quantiles. Source: T. Gneiting and A. Raftery, Strictly Proper Scoring
    Rules, Prediction, and Estimation, 2007.

    >>> round(pinball([0, 9], [0, 4], [0, 6], [2, 8], level=0.8), 3)
    0.517
    """
    true, low, high = _bounds(y_true, lower, upper)
    _, middle = paired(y_true, median)
    tail = (1 - level) / 2
    losses = [
        np.where(true >= quantile, share * (true - quantile), (1 - share) * (quantile - true)).mean()
        for quantile, share in ((low, tail), (middle, 0.5), (high, 1 - tail))
    ]
    return float(np.mean(losses))


#: Metrics of intervals: (y_true, lower, upper, level) -> float; coverage is best at the level.
INTERVAL_METRICS: dict[str, Callable[[ArrayLike, ArrayLike, ArrayLike, float], float]] = {
    "coverage": coverage,
    "mean_width": mean_width,
    "winkler": winkler,
}

#: Metrics of three quantiles: (y_true, lower, median, upper, level) -> float; less is better.
QUANTILE_METRICS: dict[str, Callable[[ArrayLike, ArrayLike, ArrayLike, ArrayLike, float], float]] = {
    "pinball": pinball,
}


def _bounds(
    y_true: ArrayLike, lower: ArrayLike, upper: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    true, low = paired(y_true, lower)
    _, high = paired(y_true, upper)
    if (wrong := low > high).any():
        row = int(wrong.argmax())
        raise InputError(
            f"lower is above upper in row {row + 1}, {low[row]} > {high[row]}; swap the two ends there."
        )
    return true, low, high
