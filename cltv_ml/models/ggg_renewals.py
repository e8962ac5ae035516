"""Purchases ahead of one rhythm and one rate in Pareto/GGG: a table for all rhythms, silences and lengths of time.

Time is counted in mean gaps, so that the table knows no parameter and is laid once for all models and customers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import gammainc, gammaincc, gammaln

from cltv_ml.models.gaps import legendre

_PART, _SHARE = legendre(20)
_NEXT, _NEXT_SHARE = 1 - (1 - _PART) ** 2, 2 * (1 - _PART) * _SHARE  # dense where the time ahead runs out
_GAPS = np.unique(np.rint(np.r_[np.arange(1.0, 50), 50 * 1.02 ** np.arange(400)]))
_LAST_GAP = 600.0  # k times a gap, beyond which its probability is no floating-point number


class Axis(NamedTuple):
    """Nodes evenly spaced in arcsinh((value - centre) / width): dense around the centre, wide apart far from it."""

    centre: float
    width: float
    first: float
    step: float
    size: int

    @property
    def nodes(self) -> np.ndarray:
        """The values at the nodes."""
        return self.centre + self.width * np.sinh(self.first + self.step * np.arange(self.size))

    def place(self, values: np.ndarray) -> np.ndarray:
        """Return where values lie, in nodes after the first one; what lies outside is taken for the end."""
        bent = (np.arcsinh((values - self.centre) / self.width) - self.first) / self.step
        return np.clip(bent, 0.0, self.size - 1.0)

    def weights(self, values: np.ndarray) -> np.ndarray:
        """Return the weights of the nodes in a cubic spline at values, one more axis than these."""
        return CubicSpline(np.arange(self.size), np.eye(self.size))(self.place(values))


def axis_over(low: float, high: float, step: float, centre: float = 0.0, width: float = 1e4) -> Axis:
    """Return nodes from low to high that are at most `step` apart around the centre."""
    first, last = np.arcsinh((np.array([low, high]) - centre) / width)
    count = max(int(np.ceil((last - first) * width / step)) + 1, 4)
    return Axis(centre, width, float(first), float((last - first) / (count - 1)), count)


#: Logarithms of k, of the silence and of the time ahead, both in mean gaps.
RHYTHMS = axis_over(-5.1, 4.5, 0.3)
SILENCES = axis_over(-14.0, 8.0, 0.1, 0.0, 1.0)
LENGTHS = axis_over(-14.0, 12.0, 0.1, 0.3, 1.2)


@lru_cache(maxsize=1)
def purchases_ahead() -> np.ndarray:
    """Return the expected purchases of customers with one rhythm and a rate of 1 who never leave, by RHYTHMS, SILENCES
    and LENGTHS.
    """
    return np.array([_of_rhythm(k) for k in np.exp(RHYTHMS.nodes)], dtype=np.float32)


def _of_rhythm(k: float) -> np.ndarray:
    """Return the expected purchases by silence and length: whether the next one comes, and those after it."""
    after, moment = _after_purchase(k), _moment_of_hazard(k)
    silent = np.minimum(np.exp(SILENCES.nodes), _LAST_GAP / 2 / k)[:, None]
    length = np.exp(LENGTHS.nodes)
    before = _hazard(k, silent)
    comes = -np.expm1(before - _hazard(k, silent + length))
    end, total = silent + length, np.ones(comes.shape)
    for part, share in zip(_NEXT, _NEXT_SHARE, strict=True):
        total += share * after(end - moment(before - np.log1p(-part * comes)))
    return comes * total


def _hazard(k: float, gap: np.ndarray) -> np.ndarray:
    """Return minus the logarithm of the probability of a longer gap."""
    return -np.log(np.maximum(gammaincc(k, np.minimum(k * gap, _LAST_GAP)), 1e-300))


def _moment_of_hazard(k: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return the inverse of `_hazard`."""
    last = np.log(_LAST_GAP / k)
    logs = np.r_[np.linspace(-25 / k, -1 / k, 60)[:-1], np.linspace(-1 / k, last, 160)]
    hazard, least = _hazard(k, np.exp(logs)), k * (logs + np.log(k)) - gammaln(k + 1)
    spline = CubicSpline(np.where(hazard > 1e-9, np.log(np.maximum(hazard, 1e-300)), least), logs)
    return lambda hazard: np.exp(np.minimum(spline(np.log(np.maximum(hazard, 1e-300))), last))


def _after_purchase(k: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return the expected purchases in a time after a purchase: a sum over gaps, beyond some time its asymptote."""
    logs = np.linspace(max(-14.0, -250 / k), np.log(max(40 / k, 3 + 0.6 * k)), 220)
    total = np.zeros(len(logs))
    for first, last in pairwise(_GAPS):  # all gaps from one number to the next are taken for the middle one
        comes = (last - first) * gammainc((first + last - 1) / 2 * k, k * np.exp(logs))
        total += comes
        if comes.max() < 1e-13 * total.max():
            break
    spline = CubicSpline(logs, np.log(total))

    def expected(time: np.ndarray) -> np.ndarray:
        """Return the expected purchases; they rise with time^k at first."""
        at = np.log(np.maximum(time, 1e-300))
        near = np.exp(spline(np.clip(at, logs[0], logs[-1])) + k * np.minimum(at - logs[0], 0.0))
        return np.where(at > logs[-1], time + (1 / k - 1) / 2, near)

    return expected
