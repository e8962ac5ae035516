"""BG/NBD: customers buy at a Poisson rate and may leave after any repeat purchase."""

from __future__ import annotations

import numpy as np

from cltv_ml.models import beta_geometric
from cltv_ml.models.fitting import Params
from cltv_ml.models.purchase_history import Rows
from cltv_ml.models.purchases import CovariateModel
from cltv_ml.models.simulation import draw_gamma, draw_last, until_purchase


class BGNBD(CovariateModel):
    """Purchases at rate lambda ~ Gamma(r, alpha); after each repeat purchase the customer leaves with p ~ Beta(a, b).

    Fader, Hardie and Lee (2005), "Counting Your Customers the Easy Way". By construction P(alive) is 1 for
    everybody without a repeat purchase, so never rank churn by it: MBGNBD and ParetoNBD do not share this.
    T runs to the last calibration day and purchases of one day count as one, the paper's convention.

    Parameters
    ----------
    time_unit
        The unit of `recency`, `T` and every `t`: days, weeks, months or years.
    purchase_covariates, dropout_covariates
        Columns that do not change with time: alpha exp(-slope z) and a, b exp(slope z), as in Fader and Hardie
        (2007), "Incorporating Time-Invariant Covariates", and CLVTools. Text must be one-hot encoded first.
    penalty
        Weight of the sum of squared slopes against the mean log-likelihood, CLVTools' lambda: one number, or
        one for purchase and one for dropout covariates. It never touches r, alpha, a, b.
    """

    name = "bg_nbd"
    param_names = ("r", "alpha", "a", "b")
    dropout_effect = (("a", 1), ("b", 1))

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        return [
            (r, r / rate, a, b)
            for r, a, b in ((0.7, 0.8, 2.5), (3.0, 1.0, 10.0), (0.3, 0.2, 0.5), (1, 5, 50))
        ]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        return beta_geometric.terms(params, rows, first=0)

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        r, alpha, a, b = params
        odds = np.log(a / (b + np.maximum(x - 1, 0))) + (r + x) * (np.log(alpha + T) - np.log(alpha + tx))
        return np.where(x > 0, np.exp(-np.logaddexp(0.0, odds)), 1.0)

    def _survivor(self, params: Params, x: np.ndarray, T: np.ndarray) -> Params:
        r, alpha, a, b = params
        return r + x, alpha + T, a + 0 * x, b + x

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
        return until_purchase(rate, draw_last(rng.beta(a, b, T.shape), rng), T, horizon, rng)
