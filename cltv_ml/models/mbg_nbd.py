"""MBG/NBD: as BG/NBD, but a customer may already leave after the first purchase."""

from __future__ import annotations

import numpy as np

from cltv_ml.models import beta_geometric
from cltv_ml.models.fitting import Params
from cltv_ml.models.purchase_history import Rows
from cltv_ml.models.purchases import CovariateModel
from cltv_ml.models.simulation import draw_gamma, draw_last, until_purchase


class MBGNBD(CovariateModel):
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
    param_names = ("r", "alpha", "a", "b")
    dropout_effect = (("a", 1), ("b", 1))

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        return [
            (r, r / rate, a, b)
            for r, a, b in ((0.7, 0.8, 2.5), (3.0, 1.0, 10.0), (0.3, 0.2, 0.5), (1, 5, 50))
        ]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        return beta_geometric.terms(params, rows, first=1)

    def _newcomer(self, params: Params) -> tuple[np.ndarray | float, Params]:
        r, alpha, a, b = params
        return b / (a + b), (r, alpha, a, b + 1)

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        r, alpha, a, b = params
        odds = np.log(a / (b + x)) + (r + x) * (np.log(alpha + T) - np.log(alpha + tx))
        return np.exp(-np.logaddexp(0.0, odds))

    def _survivor(self, params: Params, x: np.ndarray, T: np.ndarray) -> Params:
        r, alpha, a, b = params
        return r + x, alpha + T, a + 0 * x, b + x + 1

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        return beta_geometric.expected(params, t)

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        return beta_geometric.survival(params, t)

    def _alive_none(self, params: Params, t: float) -> np.ndarray:
        return beta_geometric.none(params, t)

    def _alive_pmf(self, params: Params, n: int, t: float) -> np.ndarray:
        return beta_geometric.pmf(params, n, t)

    def _alive_sample(self, params: Params, t: float, size: int, rng: np.random.Generator) -> np.ndarray:
        return beta_geometric.sample(params, t, size, rng)

    def _simulate(
        self, params: Params, T: np.ndarray, horizon: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        r, alpha, a, b = params
        rate = draw_gamma(r, alpha, T.shape, rng)
        return until_purchase(rate, draw_last(rng.beta(a, b, T.shape), rng) - 1, T, horizon, rng)
