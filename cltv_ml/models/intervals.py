"""Conformal intervals around any model's values, from the errors of held-out customers of similar value."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression
from sklearn.base import BaseEstimator

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_fitted
from cltv_ml.models.inputs import paired

#: Fewest customers behind a quantile, and most groups of predicted value.
GROUP_SIZE = 150
VALUE_GROUPS = 20


class Intervals(BaseEstimator):
    """Conformal intervals of what a customer spends, given the predicted value, with coverage `level`.

    Split-conformal, conditional on the predicted value: held-out customers are sorted by predicted value into groups
    of equal size, and the ratio of spend to prediction in each group gives two quantiles with the conformal correction
    for finite samples. Ratios, because errors grow with the value. Spending is often exactly zero: where that alone is
    more likely than the lower tail, the interval starts at zero and only the upper tail is cut, so that it is no wider
    than it has to be. Between groups bounds run linearly with the predicted value; neither falls as it rises, and 0 <=
    lower <= value <= upper.

    Where more than `level` of a group spend nothing, every interval from zero covers more than `level`;
    the upper bound is then the value itself. Sources: H. Papadopoulos et al., Inductive Confidence Machines
    for Regression, 2002; V. Vovk, Conditional Validity of Inductive Conformal Predictors, 2012.

    >>> rng = np.random.default_rng(0)
    >>> expected = rng.gamma(2, 20, 4000)
    >>> intervals = Intervals(level=0.8).fit(expected, expected * rng.exponential(1, 4000))
    >>> lower, upper = intervals.predict([40.0])  # the true quantiles are 4.2 and 92.1
    >>> bool(3 < lower[0] < 6 and 85 < upper[0] < 100)
    True
    """

    def __init__(self, level: float = 0.9) -> None:
        self.level = level

    def fit(self, expected: ArrayLike, actual: ArrayLike, *, repeats: int = 1) -> Self:
        """Learn from out-of-fold predictions and the customers' later spend, shape (n,) each; return self.

        Where a prediction is uncertain itself, each customer may have `repeats` rows, one per prediction that is
        equally likely. The size of groups and the finite-sample correction then count customers, not rows.

        Raises
        ------
        InputError
            The level is not a probability, or a prediction or amount is missing, infinite or negative.
        """
        if not 0 < self.level < 1:
            raise InputError(f"Intervals: level must be between 0 and 1, got {self.level!r}.")
        value, spent = _checked_pairs(expected, actual)
        groups = _value_groups(value, repeats)
        bounds = np.array([_quantiles(value[rows], spent[rows], self.level, repeats) for rows in groups])
        self.values_ = np.array([value[rows].mean() for rows in groups])
        self.lower_ = np.minimum(_isotonic(bounds[:, 0]), self.values_)
        self.upper_ = np.maximum(_isotonic(bounds[:, 1]), self.values_)
        middle = [_median(value[rows], spent[rows]) for rows in groups]
        self.median_ = np.clip(_isotonic(np.array(middle)), self.lower_, self.upper_)
        self.p_buy_ = _isotonic(np.array([(spent[rows] > 0).mean() for rows in groups]))
        self.customers_ = len(value) // repeats
        return self

    def predict(self, values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and the upper bound for each predicted value, shapes (n,), in currency units."""
        check_fitted(self)
        value = np.asarray(values, dtype=np.float64)
        lower, upper = (_along(value, self.values_, ends) for ends in (self.lower_, self.upper_))
        return np.clip(lower, 0.0, value), np.maximum(upper, value)

    def predict_median(self, values: ArrayLike) -> np.ndarray | None:
        """Return the median spend of customers of each predicted value, shape (n,), in currency units.

        The expected value is the mean, which a few large spenders pull up; half of the customers spend no more than
        the median. None where the intervals were fitted by a version that did not learn it.
        """
        check_fitted(self)
        if not hasattr(self, "median_"):
            return None
        value = np.asarray(values, dtype=np.float64)
        lower, upper = self.predict(value)
        return np.clip(_along(value, self.values_, self.median_), lower, upper)

    def p_buy(self, values: ArrayLike) -> np.ndarray:
        """Return the probability of any spend for customers of each predicted value, shape (n,).

        For models that predict money without a probability. It rises with the value and does not fall.
        """
        check_fitted(self)
        return np.interp(np.asarray(values, dtype=np.float64), self.values_, self.p_buy_)


def _checked_pairs(expected: ArrayLike, actual: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    value, spent = paired(expected, actual, ("expected", "actual"))
    for name, numbers in (("expected", value), ("actual", spent)):
        if (numbers < 0).any():
            raise InputError(
                f"Intervals: {name} contains a negative value, {numbers.min()}, but spend cannot be negative."
            )
    return value, spent


def _value_groups(value: np.ndarray, repeats: int) -> list[np.ndarray]:
    """Return the row numbers of each group, the lowest values first; equal values share a group.

    Values of zero are a group of their own, because ratios to them have no meaning.
    """
    order = np.argsort(value)
    zeros = int((value == 0).sum())
    count = int(np.clip((len(value) - zeros) // (GROUP_SIZE * repeats), 1, VALUE_GROUPS))
    borders = np.linspace(zeros, len(value), count + 1).astype(int)[1:-1]
    starts = np.searchsorted(value[order], value[order][borders], side="left")
    parts = np.split(order, np.unique(np.r_[zeros, starts]))
    return [rows for rows in parts if len(rows)]


def _quantiles(value: np.ndarray, spent: np.ndarray, level: float, repeats: int) -> tuple[float, float]:
    """Return the bounds of a group at its mean value."""
    centre, tail, size = value.mean(), (1 - level) / 2, len(value)
    ratios = spent / (value / centre) if centre > 0 else spent
    if (spent <= 0).mean() >= tail:
        above = _rank(level, size, repeats)
        return 0.0, float(np.partition(ratios, above)[above])
    above = _rank(1 - tail, size, repeats)
    ordered = np.partition(ratios, [size - 1 - above, above])
    return float(ordered[size - 1 - above]), float(ordered[above])


def _median(value: np.ndarray, spent: np.ndarray) -> float:
    """Return the median of a group's spending over its prediction, at its mean value."""
    centre = value.mean()
    scale = value / centre if centre > 0 else np.ones(len(value))
    return float(np.median(spent / scale))


def _rank(share: float, size: int, repeats: int) -> int:
    """Return the rank that another customer does not exceed with probability `share`, at most the last."""
    return min(int(np.ceil(share * (size + repeats) - 1e-9)), size) - 1


def _isotonic(values: np.ndarray) -> np.ndarray:
    """Return the nearest sequence that does not fall; a running maximum would lean upwards."""
    return np.asarray(isotonic_regression(values).x)


def _along(value: np.ndarray, knots: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the bound between the groups' values linearly, beyond the last in proportion to the value."""
    first = (0.0, 0.0) if knots[0] > 0 else (knots[0], ends[0])
    inside = np.interp(value, np.r_[first[0], knots], np.r_[first[1], ends])
    return np.where(value > knots[-1], value * (ends[-1] / max(knots[-1], 1e-300)), inside)
