"""Pareto/NBD: customers buy at a Poisson rate and may leave at any moment."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, expit, gammaln

from cltv_ml.models.history import Rows
from cltv_ml.models.purchases import Params, PurchaseModel

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2
_NATS = 38.0  # what lies further down than this is below double precision


class ParetoNBD(PurchaseModel):
    """Purchases at rate lambda ~ Gamma(r, alpha) until a lifetime of rate mu ~ Gamma(s, beta) ends.

    Schmittlein, Morrison and Colombo (1987), "Counting Your Customers"; the likelihood as the sum of being
    alive at T and of having left at each moment since the last purchase, Fader and Hardie (2005), "A Note
    on Deriving the Pareto/NBD Model". The integral over that moment is done by Gauss-Legendre quadrature
    in logarithmic time, which holds where the usual hypergeometric forms overflow.

    """

    name = "pareto_nbd"
    param_names = ("r", "alpha", "s", "beta")
    time_params = ("alpha", "beta")
    purchase_effect = (("alpha", -1),)
    dropout_effect = (("beta", -1),)
    chunk = 2048

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        return [(r, r / rate, s, s / 0.7) for r, s in ((0.7, 0.7), (2.0, 3.0), (0.3, 0.1), (10.0, 0.5))]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        r, alpha, s, beta = params
        x, p = rows.x, r + rows.x
        gone, (by_r, by_alpha, by_s, by_beta) = _log_gone(params, x, rows.tx, rows.T)
        log_alpha, log_beta = np.log(alpha + rows.T), np.log(beta + rows.T)
        alive = -p * log_alpha - s * log_beta
        dead = expit(gone - alive)
        lives = 1 - dead
        terms = (
            (gammaln(r + rows.distinct_x) - gammaln(r))[rows.place_x]
            + r * np.log(alpha)
            + s * np.log(beta)
            + np.logaddexp(alive, gone)
        )
        digammas = (digamma(r + rows.distinct_x) - digamma(r))[rows.place_x]
        return terms, (
            r * (digammas + np.log(alpha) - lives * log_alpha + dead * by_r),
            r - alpha * lives * p / (alpha + rows.T) + dead * by_alpha * alpha,
            s * (np.log(beta) - lives * log_beta + dead * by_s),
            s - beta * lives * s / (beta + rows.T) + dead * by_beta * beta,
        )

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        r, alpha, s, beta = params
        alive = -(r + x) * np.log(alpha + T) - s * np.log(beta + T)
        return expit(alive - _log_gone(params, x, tx, T)[0])

    def _survivor(self, params: Params, x: np.ndarray, T: np.ndarray) -> Params:
        r, alpha, s, beta = params
        return r + x, alpha + T, s + 0 * T, beta + T

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        r, alpha, s, beta = params
        return r / alpha * beta * _expm1_over((1 - s), np.log1p(t / beta))

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        _, _, s, beta = params
        return np.exp(-s * np.log1p(t / beta))


def _log_gone(
    params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return log s + log of the integral of (alpha+u)^-(r+x) (beta+u)^-(s+1) over u in [tx, T], and its
    derivatives by r, alpha, s, beta: expectations under the same nodes.
    """
    r, alpha, s, beta = params
    p, q, A, B = r + x, s + 1, alpha + tx, beta + tx
    near, far = np.minimum(A, B), np.maximum(A, B)
    decayed = A * np.expm1(np.minimum(_NATS / np.maximum(p - 1, 1e-9), 600.0))
    left = B * np.expm1(np.minimum(_NATS / s, 600.0))
    reach = np.log1p(np.minimum(np.maximum(T - tx, 1e-12), np.minimum(decayed, left)) / near)
    y = _NODES[:, None] * reach
    slow = np.log1p(np.expm1(y) * (near / far))
    first = A <= B
    log_a, log_b = np.where(first, y, slow), np.where(first, slow, y)
    weights = _WEIGHTS[:, None] * np.exp(y - p * log_a - q * log_b)
    total = weights.sum(axis=0)
    weights /= total
    value = np.log(s) + np.log(total * reach * near) - p * np.log(A) - q * np.log(B)
    return value, (
        -np.log(A) - (weights * log_a).sum(axis=0),
        -p / A * (weights * np.exp(-log_a)).sum(axis=0),
        1 / s - np.log(B) - (weights * log_b).sum(axis=0),
        -q / B * (weights * np.exp(-log_b)).sum(axis=0),
    )


def _expm1_over(k: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return (exp(k * length) - 1) / k, which is `length` at k = 0."""
    scaled = np.clip(k * length, -700.0, 700.0)
    small = np.abs(scaled) < 1e-6
    safe = np.where(small, 1.0, scaled)
    return length * np.where(small, 1 + scaled / 2, np.expm1(safe) / safe)
