"""BG/NBD: customers buy at a Poisson rate and may leave after any repeat purchase."""

from __future__ import annotations

import numpy as np

from cltv_ml.models.beta_geometric import BetaGeometric
from cltv_ml.models.fitting import Params
from cltv_ml.models.simulation import draw_gamma, draw_last, until_purchase


class BGNBD(BetaGeometric):
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
    first = 0

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        r, alpha, a, b = params
        odds = np.log(a / (b + np.maximum(x - 1, 0))) + (r + x) * (np.log(alpha + T) - np.log(alpha + tx))
        return np.where(x > 0, np.exp(-np.logaddexp(0.0, odds)), 1.0)

    def _simulate(
        self, params: Params, T: np.ndarray, horizon: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        r, alpha, a, b = params
        rate = draw_gamma(r, alpha, T.shape, rng)
        return until_purchase(rate, draw_last(rng.beta(a, b, T.shape), rng), T, horizon, rng)
