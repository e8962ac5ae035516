"""BG/BB: customers who buy or not at each of a known number of opportunities, and may leave between them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import betaln, digamma, gammaln

from cltv_ml.models.fitting import Params
from cltv_ml.models.purchase_history import Rows, read_periods
from cltv_ml.models.purchases import PurchaseModel
from cltv_ml.models.sbg import renewals
from cltv_ml.models.simulation import draw_last


class BGBB(PurchaseModel):
    """Customers buy at an opportunity with p ~ Beta(alpha, beta); before each they leave with theta ~
    Beta(gamma, delta).

    Fader, Hardie and Shang (2010), "Customer-Base Analysis in a Discrete-Time Noncontractual Setting".
    `frequency` counts opportunities taken, `recency` is the number of the last one taken (0 if none) out of
    `n_opportunities` seen; `t` counts opportunities to come. P(alive) now is that of not having left by the
    last opportunity seen; the paper's P(alive), at the next one, is `p_alive(X, 1)`.
    """

    name = "bg_bb"
    param_names = ("alpha", "beta", "gamma", "delta")
    time_params = ()
    columns = ("frequency", "recency", "n_opportunities")
    discrete = True
    chunk = 2048

    def _read(self, X: pd.DataFrame) -> tuple[np.ndarray, ...]:
        return read_periods(self, X, self.columns, at_least=0)

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        return [(1.0, 1.0, 0.8, 3.0), (0.5, 2.0, 0.3, 0.5), (3.0, 1.0, 2.0, 20.0), (10.0, 30.0, 1.0, 5.0)]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        alpha, beta, gamma, delta = params
        x, left, chances, log_paths = _paths(params, rows.x, rows.tx, rows.T)
        value = _log_sum_of_rows(log_paths)
        weight = np.exp(log_paths - value[:, None])
        buys = digamma(alpha + beta) - digamma(alpha + beta + chances)
        stays = digamma(gamma + delta) - digamma(gamma + delta + chances + left)

        def mean(derivative: np.ndarray) -> np.ndarray:
            """Return the mean of a derivative over the ways a history can have come about."""
            return (weight * derivative).sum(axis=1)

        return value, (
            mean(digamma(alpha + x) - digamma(alpha) + buys),
            mean(digamma(beta + chances - x) - digamma(beta) + buys),
            mean(digamma(gamma + left) - digamma(gamma) + stays),
            mean(digamma(delta + chances) - digamma(delta) + stays),
        )

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        log_paths = _paths(params, x, tx, T)[-1]
        return np.exp(log_paths[:, 0] - _log_sum_of_rows(log_paths))

    def _survivor(self, params: Params, x: np.ndarray, T: np.ndarray) -> Params:
        alpha, beta, gamma, delta = params
        return alpha + x, beta + T - x, gamma + 0 * T, delta + T

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        return self._alive_discounted(params, t, 0.0)

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        _, _, gamma, delta = params
        return np.exp(betaln(gamma, delta + t) - betaln(gamma, delta))

    def _alive_none(self, params: Params, t: float) -> np.ndarray:
        return self._alive_pmf(params, 0, t)

    def _alive_pmf(self, params: Params, n: int, t: float) -> np.ndarray:
        """Return P(n of t opportunities taken): equation 8 of the paper, from the present."""
        if n > t:
            return 0.0 * params[0]
        alpha, beta, gamma, delta = params
        start = betaln(alpha, beta) + betaln(gamma, delta)
        total = np.exp(_log_choose(t, n) + betaln(alpha + n, beta + t - n) + betaln(gamma, delta + t) - start)
        for i in range(n, int(t)):  # takes n of the first i, then leaves
            path = _log_choose(i, n) + betaln(alpha + n, beta + i - n) + betaln(gamma + 1, delta + i)
            total = total + np.exp(path - start)
        return np.minimum(total, 1.0)

    def _alive_discounted(self, params: Params, t: float, rate: float) -> np.ndarray:
        alpha, beta, gamma, delta = params
        return alpha / (alpha + beta) * renewals((gamma, delta), self._length(t), rate)

    def _alive_sample(self, params: Params, t: float, size: int, rng: np.random.Generator) -> np.ndarray:
        alpha, beta, gamma, delta = params
        shape = (len(alpha), size)
        lived = np.minimum(draw_last(rng.beta(gamma, delta, shape), rng) - 1, t).astype(np.int64)
        return rng.binomial(lived, rng.beta(alpha, beta, shape))

    def _simulate(
        self, params: Params, T: np.ndarray, horizon: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        alpha, beta, gamma, delta = params
        p = rng.beta(alpha, beta, T.shape)
        life = draw_last(rng.beta(gamma, delta, T.shape), rng) - 1
        x, tx = np.zeros(T.shape), np.zeros(T.shape)
        for opportunity in range(1, int(T.max()) + 1):
            bought = (rng.random(T.shape) < p) & (opportunity <= np.minimum(life, T))
            x, tx = x + bought, np.where(bought, opportunity, tx)
        later = rng.binomial(np.clip(life - T, 0, horizon).astype(np.int64), p)
        return x, tx, life >= T, later


def _paths(
    params: Params, x: np.ndarray, tx: np.ndarray, n: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return purchases, whether the customer left, opportunities lived, and the log-probability of each way a history
    can have come about, shape (rows, ways): alive at n first, then gone after tx, tx + 1, ... n - 1.
    """
    alpha, beta, gamma, delta = params
    ways = np.arange(int((n - tx).max()) + 1)
    left = np.where(ways == 0, 0.0, 1.0)[None, :]
    chances = np.where(ways == 0, n[:, None], tx[:, None] + ways - 1)
    possible = (chances < n[:, None]) | (ways == 0)
    chances, x = np.minimum(chances, n[:, None]), x[:, None]
    log_paths = betaln(alpha + x, beta + chances - x) - betaln(alpha, beta)
    log_paths = log_paths + betaln(gamma + left, delta + chances) - betaln(gamma, delta)
    return x, left, chances, np.where(possible, log_paths, -np.inf)


def _log_sum_of_rows(logs: np.ndarray) -> np.ndarray:
    most = logs.max(axis=1, keepdims=True)
    return (most + np.log(np.exp(logs - most).sum(axis=1, keepdims=True)))[:, 0]


def _log_choose(n: float, k: float) -> float:
    return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
