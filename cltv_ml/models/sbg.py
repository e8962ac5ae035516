"""sBG: renewals of a contract with a constant chance of cancellation per customer."""

from __future__ import annotations

import numpy as np
from scipy.special import betaln, digamma

from cltv_ml.models.contract import ContractModel
from cltv_ml.models.fitting import Params
from cltv_ml.models.purchase_history import Rows
from cltv_ml.models.simulation import draw_last


class SBG(ContractModel):
    """At each renewal a customer leaves with probability theta ~ Beta(alpha, beta).

    Fader and Hardie (2007), "How to Project Customer Retention". Purchases are renewals, and cancellations are
    observed: `recency` is the last contract period the customer paid for and `T` the current one, both counted from 1,
    so that a customer is active when they are equal, and left at the renewal after `recency` otherwise. `t` counts
    renewals to come.
    """

    name = "sbg"
    param_names = ("alpha", "beta")

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        return [(1.0, 2.0), (0.3, 0.3), (5.0, 20.0)]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        alpha, beta = params
        gone = (rows.tx < rows.T).astype(np.float64)
        renewed = rows.tx - 1
        both = digamma(alpha + beta) - digamma(alpha + beta + renewed + gone)
        return betaln(alpha + gone, beta + renewed) - betaln(alpha, beta), (
            digamma(alpha + gone) - digamma(alpha) + both,
            digamma(beta + renewed) - digamma(beta) + both,
        )

    def _survivor(self, params: Params, x: np.ndarray, T: np.ndarray) -> Params:
        alpha, beta = params
        return alpha + 0 * T, beta + T - 1

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        return renewals(params, t, 0.0)

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        alpha, beta = params
        return np.exp(betaln(alpha, beta + t) - betaln(alpha, beta))

    def _alive_discounted(self, params: Params, t: float, rate: float) -> np.ndarray:
        return renewals(params, self._length(t), rate)

    def _alive_sample(self, params: Params, t: float, size: int, rng: np.random.Generator) -> np.ndarray:
        alpha, beta = params
        renewed = draw_last(rng.beta(alpha, beta, (len(alpha), size)), rng) - 1
        return np.minimum(renewed, t).astype(np.int64)

    def _simulate(
        self, params: Params, T: np.ndarray, horizon: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        last = draw_last(rng.beta(params[0], params[1], T.shape), rng)  # the last period paid for
        later = np.clip(last - T, 0, horizon).astype(np.int64)
        return np.minimum(last, T), np.minimum(last, T), last >= T, later


def renewals(params: Params, t: float, rate: float) -> np.ndarray:
    """Return the expected survivals of a hazard ~ Beta(alpha, beta) at 1, 2, ..., t, the one at i counted as
    exp(-rate i).
    """
    alpha, beta = params
    survival, total = np.ones_like(np.asarray(beta, dtype=np.float64)), 0.0 * beta
    for i in range(1, int(t) + 1):
        survival = survival * (beta + i - 1) / (alpha + beta + i - 1)
        total = total + np.exp(-rate * i) * survival
    return total
