r"""Spend that customers keep from one year to the next, and the dropout that a purchase model misses by it.

Customers who were known on a day spent \(a_i\) in a window that begins there and \(b_i\) in the same days a year
later. A purchase model expects the ratio \(\rho\) of the two sums, so \(x = \ln(\sum b / \sum a) - \ln \rho\) is what
the log kept in excess of it. The customers who happen to be in the log let \(x\) stray by

    s = sqrt(sum_i (b_i / B - a_i / A)^2),   A = sum a, B = sum b

(linearisation of a ratio of sums: W. G. Cochran, 1977, Sampling Techniques, ch. 6). A shortfall counts as dropout only
as far as it is beyond chance and lasts: the smallest of \(-(x + t\,s)\), with t such that chance exceeds it in one of
twenty logs, and of the shortfalls in the two halves of the window. With windows of several years, means weighted by the
first window's spend are taken, and s is at least what the years differ by. Halves are summed over the years first: one
in which few customers bought would outvote the others in a mean of log ratios.

A shop that lost a part of its sales within weeks, once, has lost no customers: the shortfall counts only as far as it
exceeds the sharpest fall (`models.spend_falls`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from cltv_ml.models.spend_falls import growth_of_sum, sharpest_fall

#: Days between the two windows: the same season.
YEAR = 365

#: Share of logs in which chance alone may look like a shortfall.
_SEEN_BY_CHANCE = 0.05


@dataclass(frozen=True)
class YearApart:
    """What customers known on a day spent from then on, and in the same days a year later.

    Parameters
    ----------
    X
        The customers' frequency, recency, T and monetary value on that day.
    width
        Days of each window.
    spent
        Of shape (n, 4): the first and second half of the first window, then those of the second.
    ends
        Days from the first window's beginning to the end of each month until the end of the second, m + 1 of them.
    monthly
        What they spent in each of these m months, shape (n, m).
    shop
        What all customers of the shop spent in these months and in those before, but for their first days.
    """

    X: pd.DataFrame
    width: int
    spent: np.ndarray
    ends: Sequence[int]
    monthly: np.ndarray
    shop: np.ndarray


class MissedDropout(NamedTuple):
    """Shares of a year's spend that the log kept and that the model expects, and the yearly rate of missed dropout."""

    kept: float
    expected: float
    rate: float


def missed_dropout(
    windows: Sequence[YearApart], expected: Callable[[pd.DataFrame, list[int]], np.ndarray]
) -> MissedDropout | None:
    """Return how much more customers leave than a purchase model expects; None without windows in which they spent.

    Parameters
    ----------
    windows
        The same log's windows, the latest year first.
    expected
        The model's expected spend of customers within each of some days, shape (n, len(days)).
    """
    usable = [window for window in windows if (window.spent.sum(axis=0) > 0).all()]
    if not usable:
        return None
    rows = np.array([_excess(window, expected) for window in usable])
    money = np.array([window.spent[:, :2].sum() for window in usable])
    weights = money / money.sum()
    kept, ratio, excess, *_ = weights @ rows
    sums = np.sum([(window.spent.sum(axis=0), _by_half(window, expected)) for window in usable], axis=0)
    first, second = _growth(*sums)
    error = float(np.linalg.norm(weights * rows[:, 3]))
    if len(rows) > 1:
        apart = weights @ (rows[:, 2] - excess) ** 2 / (1 - weights @ weights)
        error = max(error, float(np.sqrt(apart * weights @ weights)))
    chance = stats.t.ppf(1 - _SEEN_BY_CHANCE, rows[:, -1].sum()) * error
    rate = max(min(-excess - chance, -first, -second), 0.0)
    if rate:
        falls = [sharpest_fall(one.monthly, _by_month(one, expected), one.shop, rate) for one in usable]
        rate = max(rate - float(weights @ falls), 0.0)
    return MissedDropout(float(np.exp(kept)), float(np.exp(ratio)), float(rate))


def _excess(
    window: YearApart, expected: Callable[[pd.DataFrame, list[int]], np.ndarray]
) -> tuple[float, ...]:
    """Return log ratios: kept, expected, kept over expected; the standard error and its degrees of freedom."""
    model = _by_half(window, expected)
    before, after = window.spent[:, :2].sum(axis=1), window.spent[:, 2:].sum(axis=1)
    grown = growth_of_sum(before, after)
    ratio = np.log(model[2:].sum() / model[:2].sum())
    return grown.log, ratio, grown.log - ratio, grown.error, grown.freedom


def _by_half(window: YearApart, expected: Callable[[pd.DataFrame, list[int]], np.ndarray]) -> np.ndarray:
    """Return what a model expects the customers of a window to spend in the four halves of `spent`."""
    half = window.width // 2
    days = [half, window.width, YEAR, YEAR + half, YEAR + window.width]
    near, whole, year, later, end = expected(window.X, days).sum(axis=0)
    return np.array([near, whole - near, later - year, end - later])


def _growth(seen: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Return the log ratio of each half to the same half a year before, in excess of what the model expects."""
    return np.asarray(np.log(seen[2:] / seen[:2]) - np.log(model[2:] / model[:2]))


def _by_month(window: YearApart, expected: Callable[[pd.DataFrame, list[int]], np.ndarray]) -> np.ndarray:
    """Return what a model expects the customers of a window to spend in each of its months."""
    days = [day for day in window.ends if day > 0]
    within = expected(window.X, days).sum(axis=0)
    return np.diff(within if len(days) == len(window.ends) else np.append(0.0, within))
