"""BG/NBD: customers buy at a Poisson rate and may leave after any repeat purchase."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import digamma, gammaln

from cltv_ml.models import beta_geometric
from cltv_ml.models.history import Rows
from cltv_ml.models.purchases import Params, PurchaseModel


class BGNBD(PurchaseModel):
    """Purchases at rate lambda ~ Gamma(r, alpha); after each repeat purchase he leaves with p ~ Beta(a, b).

    Fader, Hardie and Lee (2005), "Counting Your Customers the Easy Way". By construction P(alive) is 1 for
    everybody without a repeat purchase, so never rank churn by it: MBGNBD and ParetoNBD do not share this.
    T runs to the last calibration day and purchases of one day count as one, the paper's convention.
    """

    name = "bg_nbd"
    param_names = ("r", "alpha", "a", "b")
    purchase_effect = (("alpha", -1),)
    dropout_effect = (("a", 1), ("b", 1))

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        return [
            (r, r / rate, a, b)
            for r, a, b in ((0.7, 0.8, 2.5), (3.0, 1.0, 10.0), (0.3, 0.2, 0.5), (1, 5, 50))
        ]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        r, alpha, a, b = params
        x, p = rows.x, r + rows.x
        log_T = np.log(alpha + rows.T)
        waited = log_T - np.log(alpha + rows.tx)
        odds = np.log(a / (b + np.maximum(x - 1, 0))) + p * waited
        decay = np.exp(-np.abs(odds))
        bought = x > 0
        dead = np.where(odds > 0, 1.0, decay) / (1 + decay) * bought
        gone = (np.maximum(odds, 0) + np.log1p(decay)) * bought
        stay, by_a, by_b = stayed(a, b, x, rows)
        terms = (
            (gammaln(r + rows.distinct_x) - gammaln(r))[rows.place_x]
            + r * np.log(alpha)
            + stay
            - p * log_T
            + gone
        )
        digammas = (digamma(r + rows.distinct_x) - digamma(r))[rows.place_x]
        return terms, (
            r * (digammas + np.log(alpha) - log_T + dead * waited),
            r - alpha * p * ((1 - dead) / (alpha + rows.T) + dead / (alpha + rows.tx)),
            a * by_a + dead,
            b * (by_b - dead / (b + np.maximum(x - 1, 0))),
        )

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


def stayed(a: np.ndarray, b: np.ndarray, x: np.ndarray, rows: Rows) -> Sequence[np.ndarray]:
    """Return log B(a, b + x) - log B(a, b) and its derivatives by a and by b.

    Where covariates do not move a and b, each distinct x is computed once.
    """
    if np.ndim(b) == 0:
        return [part[rows.place_x] for part in _stayed(a, b, rows.distinct_x)]
    return _stayed(a, b, x)


def _stayed(a: np.ndarray, b: np.ndarray, x: np.ndarray) -> Sequence[np.ndarray]:
    value = gammaln(b + x) - gammaln(b) - gammaln(a + b + x) + gammaln(a + b)
    by_a = digamma(a + b) - digamma(a + b + x)
    return value, by_a, digamma(b + x) - digamma(b) + by_a
