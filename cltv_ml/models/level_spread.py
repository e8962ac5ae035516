"""The spread of a total around its forecast."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats


class Spread(NamedTuple):
    """The distribution of a total around its forecast: the log ratio is Student's t, with this scale and freedom.

    The scale is learned from errors of total forecasts, so it includes the randomness of customers' purchases.
    """

    sigma: float
    freedom: float

    def interval(self, total: float, coverage: float = 0.9) -> tuple[float, float]:
        """Return the bounds of the interval that holds the total with probability `coverage`, given its forecast."""
        reach = float(stats.t.ppf((1 + coverage) / 2, self.freedom)) * self.sigma
        low, high = sorted((total * float(np.exp(-reach)), total * float(np.exp(reach))))
        return low, high

    def chance(self, ratio: float) -> float:
        """Return the probability of a total at least as far from its forecast as `ratio` times it, on either side.

        >>> round(Spread(0.1, 10).chance(1.2), 3), Spread(0.1, 10).chance(1.0)
        (0.098, 1.0)
        """
        if not ratio > 0 or self.sigma <= 0:
            return float(ratio == 1)
        return float(2 * stats.t.sf(abs(np.log(ratio)) / self.sigma, self.freedom))

    def factors(self, count: int = 9) -> np.ndarray:
        """Return equally likely ratios of the true total to the forecast, from low to high, shape (count,)."""
        chances = (np.arange(count) + 0.5) / count
        return np.exp(stats.t.ppf(chances, self.freedom) * self.sigma)
