"""MBG/NBD: as BG/NBD, but a customer may already leave after the first purchase."""

from __future__ import annotations

import numpy as np

from cltv_ml.models.beta_geometric import BetaGeometric
from cltv_ml.models.fitting import Params
from cltv_ml.models.simulation import draw_gamma, draw_last, until_purchase


class MBGNBD(BetaGeometric):
    """Purchases at rate lambda ~ Gamma(r, alpha); customers leave after each, the first too, with p ~ Beta(a, b).

    Batislam, Denizel and Filiztekin (2007), "Empirical validation and comparison of models for customer base
    analysis", and Hoppe and Wagner (2007). One-time buyers have a P(alive) below 1, unlike in BGNBD: the
    better default for at-risk lists. T runs to the last calibration day, purchases of one day count as one.

    Parameters
    ----------
    time_unit, purchase_covariates, dropout_covariates, penalty
        As for `BGNBD`.
    """

    name = "mbg_nbd"
    first = 1

    def _newcomer(self, params: Params) -> tuple[np.ndarray | float, Params]:
        r, alpha, a, b = params
        return b / (a + b), (r, alpha, a, b + 1)

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        r, alpha, a, b = params
        odds = np.log(a / (b + x)) + (r + x) * (np.log(alpha + T) - np.log(alpha + tx))
        return np.exp(-np.logaddexp(0.0, odds))

    def _simulate(
        self, params: Params, T: np.ndarray, horizon: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        r, alpha, a, b = params
        rate = draw_gamma(r, alpha, T.shape, rng)
        return until_purchase(rate, draw_last(rng.beta(a, b, T.shape), rng) - 1, T, horizon, rng)
