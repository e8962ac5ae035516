"""Common random numbers: a customer's interval does not depend on the other rows of the table.

Draws from a single stream would depend on a row's position. Here each draw has one number per variable, spread evenly
(Owen, 1998, "Scrambling Sobol' and Niederreiter-Xing points"), which the inverse distribution function turns into a
value. A customer's draws are then the same in a batch and in a request. All customers share the same numbers, so sums
over customers need `ProbabilisticValue.draw_values`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special
from scipy.stats import qmc

from cltv_ml.models.distinct_rows import group_rows

#: Draws of each customer, a power of two, and numbers of each draw: a purchase model and a spend model take up to
#: seven, the last is the level's.
DRAWS, _NUMBERS = 256, 8

#: Counts above this mean are taken from a normal, whose error is then a small part of one purchase in ten.
_NORMAL_FROM = 1000.0


def even_numbers(seed: int = 0) -> np.ndarray:
    """Return numbers between 0 and 1, shape (numbers, draws), spread evenly in all dimensions at once."""
    points = qmc.Sobol(_NUMBERS, rng=np.random.default_rng(seed)).random(DRAWS).T
    return np.asarray(np.clip(points, 1e-12, 1 - 1e-12))


class CommonDraws:
    """The methods of NumPy's generator that models draw with; each call takes one number per draw.

    >>> common = CommonDraws(np.array([[0.5, 0.9]]))
    >>> common.random((2, 2)).tolist()
    [[0.5, 0.9], [0.5, 0.9]]
    """

    def __init__(self, numbers: np.ndarray) -> None:
        self._numbers = iter(numbers)

    def random(self, size: tuple[int, ...]) -> np.ndarray:
        """Return uniform draws."""
        return np.broadcast_to(next(self._numbers), size)

    def exponential(self, scale: float, size: tuple[int, ...]) -> np.ndarray:
        """Return exponential draws."""
        return np.broadcast_to(-scale * np.log1p(-next(self._numbers)), size)

    def gamma(self, shape: np.ndarray, scale: float = 1.0, size: tuple[int, ...] | None = None) -> np.ndarray:
        """Return Gamma draws."""
        return scale * _by_distinct_params(
            special.gammaincinv, (np.asarray(shape, float),), next(self._numbers), size
        )

    def beta(self, a: np.ndarray, b: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
        """Return Beta draws."""
        return _by_distinct_params(special.betaincinv, (a, b), next(self._numbers), size)

    def poisson(self, mean: np.ndarray) -> np.ndarray:
        """Return counts; at a fixed number the count is a step function of the mean."""
        numbers, counts = next(self._numbers), np.empty(mean.shape, dtype=np.int64)
        for place, number in enumerate(numbers):
            column = mean[:, place]
            few = min(float(column.max(initial=0.0)), _NORMAL_FROM)
            steps = special.gammainccinv(np.arange(1.0, few + 9 * np.sqrt(few) + 12), number)
            many = np.floor(column + special.ndtri(number) * np.sqrt(column) + 0.5)
            counts[:, place] = np.where(column > _NORMAL_FROM, many, np.searchsorted(steps, column))
        return counts


def _by_distinct_params(
    inverse: Callable[..., np.ndarray],
    params: tuple[np.ndarray, ...],
    numbers: np.ndarray,
    size: tuple[int, ...] | None,
) -> np.ndarray:
    """Return the inverse of a distribution at one number per column, computed once per distinct parameters."""
    width = params[0].shape[-1]  # 1 where all columns have the same
    distinct, place = group_rows([one.reshape(-1) for one in params])
    if width == 1:
        table = inverse(*(one[:, None] for one in distinct), numbers)[place]
        return np.broadcast_to(table, size or table.shape)
    place = place.reshape(-1, width)
    columns = [inverse(*distinct, number)[place[:, column]] for column, number in enumerate(numbers)]
    return np.column_stack(columns)
