"""BdW: renewals of a contract whose chance of being cancelled changes with the customer's tenure."""

from __future__ import annotations

import numpy as np
from scipy.special import betaln, digamma

from cltv_ml.models.contract import ContractModel
from cltv_ml.models.fitting import Params
from cltv_ml.models.purchase_history import Rows


class BdW(ContractModel):
    """A customer survives t renewals with probability (1 - theta)^(t^c), theta ~ Beta(gamma, delta).

    Fader, Hardie, Liu, Davin and Steenburgh (2018), "How to Project Customer Retention" Revisited: The Role of Duration
    Dependence. With c = 1 it is sBG; above 1 the chance of leaving rises from renewal to renewal, below 1 it
    falls. The columns are those of `SBG`: `recency`, the last contract period paid for, and `T`, the current one,
    counted from 1; `t` counts renewals to come.
    """

    name = "bdw"
    param_names = ("gamma", "delta", "c")

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        return [(1.0, 2.0, 1.0), (0.3, 0.3, 1.0), (5.0, 20.0, 1.5), (0.5, 5.0, 0.7)]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        gamma, delta, c = params
        stayed, slopes = _log_survival(gamma, delta, c, rows.tx - 1)
        further, later = _log_survival(gamma, delta, c, rows.tx)
        left = rows.tx < rows.T
        ratio = np.where(
            left, np.exp(further - stayed), 0.0
        )  # customers who are still there have survived, no more
        leaves = np.where(left, np.maximum(-np.expm1(further - stayed), 1e-300), 1.0)
        value = stayed + np.log(leaves)
        return value, tuple((one - ratio * other) / leaves for one, other in zip(slopes, later, strict=True))

    def _survivor(self, params: Params, x: np.ndarray, T: np.ndarray) -> Params:
        gamma, delta, c = params
        return gamma + 0 * T, delta + 0 * T, c + 0 * T, T - 1

    def _newcomer(self, params: Params) -> tuple[float, Params]:
        return 1.0, (*params, 0.0 * params[0])

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        gamma, delta, c, passed = params
        log_now, log_then = (_log_survival(gamma, delta, c, age)[0] for age in (passed, passed + t))
        return np.exp(log_then - log_now)

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        return self._alive_discounted(params, t, 0.0)

    def _alive_discounted(self, params: Params, t: float, rate: float) -> np.ndarray:
        total = 0.0 * params[0]
        for renewal in range(1, int(self._length(t)) + 1):
            total = total + np.exp(-rate * renewal) * self._alive_survival(params, float(renewal))
        return total

    def _alive_sample(self, params: Params, t: float, size: int, rng: np.random.Generator) -> np.ndarray:
        gamma, delta, c, passed = params
        theta = rng.beta(gamma, delta + passed**c, (len(gamma), size))
        reached = _draw_age(theta, c, rng, passed)
        return np.clip(np.floor(reached - passed), 0, t).astype(np.int64)

    def _simulate(
        self, params: Params, T: np.ndarray, horizon: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        gamma, delta, c = params
        last = 1 + np.floor(
            _draw_age(rng.beta(gamma, delta, T.shape), c, rng, 0.0)
        )  # the last period paid for
        later = np.clip(last - T, 0, horizon).astype(np.int64)
        return np.minimum(last, T), np.minimum(last, T), last >= T, later


def _log_survival(
    gamma: np.ndarray, delta: np.ndarray, c: np.ndarray, t: np.ndarray | float
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return the log-probability of more than `t` renewals and its derivatives by gamma, delta and c."""
    log_t = np.log(np.maximum(t, 1e-300))
    power = np.where(np.asarray(t) > 0, np.exp(np.minimum(c * log_t, 600.0)), 0.0)
    both = digamma(gamma + delta) - digamma(gamma + delta + power)
    by_delta = digamma(delta + power) - digamma(delta) + both
    by_power = digamma(delta + power) - digamma(gamma + delta + power)
    by_c = np.where(np.asarray(t) > 0, by_power * power * log_t, 0.0)
    return betaln(gamma, delta + power) - betaln(gamma, delta), (both, by_delta, by_c)


def _draw_age(
    theta: np.ndarray, c: np.ndarray, rng: np.random.Generator, start: np.ndarray | float
) -> np.ndarray:
    """Return a real number whose whole part is the number of renewals of a customer who has made `seen` already."""
    waited = rng.exponential(1.0, theta.shape) / -np.log1p(-np.clip(theta, 1e-15, 1 - 1e-15))
    return np.minimum((np.asarray(start) ** c + waited) ** (1 / c), 1e15)
