"""NBD: customers buy at a Poisson rate and never leave; the benchmark that every dropout model must beat."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from cltv_ml.models.fitting import Params
from cltv_ml.models.purchase_history import Rows
from cltv_ml.models.purchases import PurchaseModel
from cltv_ml.models.simulation import draw_gamma, draw_poisson, until_moment


class NBD(PurchaseModel):
    """Purchases at rate lambda ~ Gamma(r, alpha) without end: P(alive) is 1, and recency carries no information.

    Ehrenberg (1959), "The Pattern of Consumer Purchases". The likelihood is that of the moments of purchase,
    as in the models with dropout, so that the log-likelihoods can be compared.
    """

    name = "nbd"
    param_names = ("r", "alpha")

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        return [(r, r / rate) for r in (0.7, 3.0, 0.1)]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        r, alpha = params
        p, log_T = r + rows.x, np.log(alpha + rows.T)
        value = (gammaln(r + rows.distinct_x) - gammaln(r))[rows.place_x] + r * np.log(alpha) - p * log_T
        digammas = (digamma(r + rows.distinct_x) - digamma(r))[rows.place_x]
        return value, (digammas + np.log(alpha) - log_T, r / alpha - p / (alpha + rows.T))

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        return np.ones_like(x)

    def _survivor(self, params: Params, x: np.ndarray, T: np.ndarray) -> Params:
        r, alpha = params
        return r + x, alpha + T

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        r, alpha = params
        return r / alpha * t

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        return np.ones_like(params[0])

    def _alive_none(self, params: Params, t: float) -> np.ndarray:
        r, alpha = params
        return np.exp(-r * np.log1p(t / alpha))

    def _alive_pmf(self, params: Params, n: int, t: float) -> np.ndarray:
        r, alpha = params
        share = np.log(max(t, 1e-300)) - np.log(alpha + t)
        return np.exp(gammaln(r + n) - gammaln(r) - gammaln(n + 1.0) - r * np.log1p(t / alpha) + n * share)

    def _alive_sample(self, params: Params, t: float, size: int, rng: np.random.Generator) -> np.ndarray:
        r, alpha = params
        return draw_poisson(draw_gamma(r, alpha, (len(r), size), rng) * t, rng)

    def _simulate(
        self, params: Params, T: np.ndarray, horizon: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        r, alpha = params
        return until_moment(draw_gamma(r, alpha, T.shape, rng), np.full(T.shape, np.inf), T, horizon, rng)
