"""Pareto/NBD: customers buy at a Poisson rate and may leave at any moment."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, expit, gammaln

from cltv_ml.errors import InputError
from cltv_ml.models.covariates import CovariateModel
from cltv_ml.models.fitting import Params
from cltv_ml.models.purchase_history import Rows
from cltv_ml.models.simulation import draw_gamma, draw_poisson, until_moment

_RULES = [
    ((nodes + 1) / 2, weights / 2)
    for nodes, weights in map(np.polynomial.legendre.leggauss, (3, 4, 8, 12, 24))
]
_MANY_NODES, _MANY_WEIGHTS = np.polynomial.legendre.leggauss(96)
_MANY_NODES, _MANY_WEIGHTS = (_MANY_NODES + 1) / 2, _MANY_WEIGHTS / 2
BELOW_PRECISION = 38.0  # what lies further down than this is below double precision


class ParetoNBD(CovariateModel):
    """Purchases at rate lambda ~ Gamma(r, alpha) until a lifetime of rate mu ~ Gamma(s, beta) ends.

    Schmittlein, Morrison and Colombo (1987), "Counting Your Customers"; the likelihood as the sum of being
    alive at T and of having left at each moment since the last purchase, Fader and Hardie (2005), "A Note
    on Deriving the Pareto/NBD Model". The integral over that moment is done by Gauss-Legendre quadrature
    in logarithmic time, which holds where the usual hypergeometric forms overflow. T runs to the last
    calibration day and purchases of one day count as one.

    Parameters
    ----------
    time_unit
        The unit of `recency`, `T` and every `t`: days, weeks, months or years.
    purchase_covariates, dropout_covariates
        Columns that do not change with time: alpha exp(-slope z) and beta exp(-slope z), as in Fader and
        Hardie (2007), "Incorporating Time-Invariant Covariates", and CLVTools. Text must be one-hot encoded first.
    penalty
        Weight of the sum of squared slopes against the mean log-likelihood, CLVTools' lambda: one number, or
        one for purchase and one for dropout covariates. It never touches r, alpha, s, beta.

    """

    name = "pareto_nbd"
    param_names = ("r", "alpha", "s", "beta")
    time_params = ("alpha", "beta")
    dropout_effect = (("beta", -1),)

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        return [(r, r / rate, s, s / 0.7) for r, s in ((0.7, 0.7), (2.0, 3.0), (0.3, 0.1), (10.0, 0.5))]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        r, alpha, s, beta = params
        x, p = rows.x, r + rows.x
        gone, (by_r, by_alpha, by_s, by_beta) = _log_gone(params, x, rows.tx, rows.T)
        log_alpha, log_beta = np.log(alpha + rows.T), np.log(beta + rows.T)
        alive = -p * log_alpha - s * log_beta
        value, lives, dead, digammas = alive_or_gone(params, rows, alive, gone)
        return value, (
            digammas + np.log(alpha) - lives * log_alpha + dead * by_r,
            r / alpha - lives * p / (alpha + rows.T) + dead * by_alpha,
            np.log(beta) - lives * log_beta + dead * by_s,
            s / beta - lives * s / (beta + rows.T) + dead * by_beta,
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
        return r / alpha * beta * expm1_over((1 - s), np.log1p(t / beta))

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        _, _, s, beta = params
        return np.exp(-s * np.log1p(t / beta))

    def _alive_none(self, params: Params, t: float) -> np.ndarray:
        r, alpha, s, beta = params
        stays = np.exp(-r * np.log1p(t / alpha) - s * np.log1p(t / beta))
        if t == 0:
            return stays
        log_gone = _log_gone(params, 0.0 * r, 0.0 * r, t + 0.0 * r)[0]
        return np.minimum(stays + np.exp(log_gone + r * np.log(alpha) + s * np.log(beta)), 1.0)

    def _alive_pmf(self, params: Params, n: int, t: float) -> np.ndarray:
        """Return P(n purchases): still alive at t, or gone at any moment before it (Fader and Hardie, 2006)."""
        r, alpha, s, beta = (param[..., None] for param in params)
        if t == 0:
            return 0.0 * params[0]
        stays = np.exp(log_nbd(r, alpha, n, t) - s * np.log1p(t / beta))[..., 0]
        near = np.minimum(alpha, beta)
        y = _MANY_NODES * np.log1p(t / near)
        u = near * np.expm1(y)
        density = np.log(s / beta) - (s + 1) * np.log1p(u / beta) + np.log(near) + y
        gone = np.log1p(t / near) * _MANY_WEIGHTS * np.exp(log_nbd(r, alpha, n, u) + density)
        return np.minimum(stays + gone.sum(axis=-1), 1.0)

    def _alive_discounted(self, params: Params, t: float, rate: float) -> np.ndarray:
        """Return r / alpha times the integral of exp(-rate u) (1 + u / beta)^-s: at t = inf the DERT of Fader,
        Hardie and Lee (2005), "RFM and CLV", equation 7, without its confluent hypergeometric function.
        """
        if rate == 0:
            if np.isinf(t):
                raise InputError("ParetoNBD: t = inf needs a positive discount rate, got 0.")
            return self._alive_expected(params, t)
        r, alpha, s, beta = (param[..., None] for param in params)
        reach = np.log1p(np.minimum(t, BELOW_PRECISION / rate) / beta)
        y = _MANY_NODES * reach
        inner = np.exp((1 - s) * y - rate * beta * np.expm1(y))
        return (r / alpha * beta * reach * (_MANY_WEIGHTS * inner)).sum(axis=-1)

    def _alive_sample(self, params: Params, t: float, size: int, rng: np.random.Generator) -> np.ndarray:
        r, alpha, s, beta = params
        shape = (len(r), size)
        life = rng.exponential(1.0, shape) / np.maximum(draw_gamma(s, beta, shape, rng), 1e-290)
        return draw_poisson(draw_gamma(r, alpha, shape, rng) * np.minimum(life, t), rng)

    def _simulate(
        self, params: Params, T: np.ndarray, horizon: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        r, alpha, s, beta = params
        life = rng.exponential(1.0, T.shape) / np.maximum(draw_gamma(s, beta, T.shape, rng), 1e-290)
        return until_moment(draw_gamma(r, alpha, T.shape, rng), life, T, horizon, rng)


def alive_or_gone(
    params: Params, rows: Rows, alive: np.ndarray, gone: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return each row's log-likelihood, P(alive), P(gone), and the derivative by r of the gamma functions.

    `params` are r, alpha, s, beta; `alive` and `gone` the log-likelihoods of being alive at T and of having left
    before, without common terms.
    """
    r, alpha, s, beta = params
    dead = expit(gone - alive)
    value = (
        (gammaln(r + rows.distinct_x) - gammaln(r))[rows.place_x]
        + r * np.log(alpha)
        + s * np.log(beta)
        + np.logaddexp(alive, gone)
    )
    return value, 1 - dead, dead, (digamma(r + rows.distinct_x) - digamma(r))[rows.place_x]


def _log_gone(
    params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return log s + log of the integral of (alpha+u)^-(r+x) (beta+u)^-(s+1) over u in [tx, T], and its
    derivatives by r, alpha, s, beta.
    """
    r, alpha, s, beta = params
    p, q, A, B = r + x, s + 1, alpha + tx, beta + tx
    near, far = np.minimum(A, B), np.maximum(A, B)
    first = A <= B
    steep, flat = np.where(first, p, q), np.where(first, q, p)  # the powers of near and of far
    far_A, far_B = visible(p, s)
    decay = np.minimum(A * far_A, B * far_B)
    reach = np.log1p(np.minimum(np.maximum(T - tx, 1e-12), decay) / near)
    total, by_steep, by_flat, near_inverse, far_inverse = moments(steep, flat, reach, near / far)
    log_A, log_B = np.log(A), np.log(B)
    value = np.log(s) + np.log(total * near) - p * log_A - q * log_B
    return value, (
        -log_A - np.where(first, by_steep, by_flat),
        -p / A * np.where(first, near_inverse, far_inverse),
        1 / s - log_B - np.where(first, by_flat, by_steep),
        -q / B * np.where(first, far_inverse, near_inverse),
    )


def visible(p: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the range in which the integrand (1 + u)^-p (1 + v)^-(s + 1) matters in double precision, in u and in
    v.
    """
    decayed = np.expm1(np.minimum(BELOW_PRECISION / np.maximum(p - 1, 1e-9), 600.0))
    return decayed, np.expm1(np.minimum(BELOW_PRECISION / s, 600.0))


def moments(steep: np.ndarray, flat: np.ndarray, reach: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Return, for the density exp(y) v^-steep w^-flat of y in [0, reach], v = exp(y), w = 1 + ratio (v - 1):
    its integral and the means of log v, log w, 1 / v and 1 / w, shape (5, n).

    The nodes needed grow with how far the density falls and how long the interval is.
    """
    nats = (steep - 1) * reach + flat * np.log1p(np.expm1(reach) * ratio)
    integrals = np.empty((5, len(reach)))
    fall, limits = np.abs(nats), ((0.15, 0.15), (0.5, 0.5), (3, 2), (10, 4))
    rule = np.sum([(fall >= most) | (reach >= far) for most, far in limits], axis=0)
    for number, (nodes, weights) in enumerate(_RULES):
        rows = np.flatnonzero(rule == number)
        if len(rows):
            y = nodes[:, None] * reach[rows]
            v = np.exp(y)
            w = (v - 1) * ratio[rows] + 1
            log_w = np.log(w)
            density = np.exp((1 - steep[rows]) * y - flat[rows] * log_w)
            density *= weights[:, None]
            total = density.sum(axis=0)
            integrals[0, rows] = total * reach[rows]
            for place, of in enumerate((y, log_w, np.divide(1, v, out=v), np.divide(1, w, out=w)), start=1):
                integrals[place, rows] = np.einsum("ij,ij->j", density, of) / total
    return integrals


def log_nbd(r: np.ndarray, alpha: np.ndarray, n: int, t: np.ndarray | float) -> np.ndarray:
    """Return the log-probability of n purchases in t at a rate ~ Gamma(r, alpha) that nothing ends."""
    share = np.log(t) - np.log(alpha + t)
    return gammaln(r + n) - gammaln(r) - gammaln(n + 1.0) - r * np.log1p(t / alpha) + n * share


def expm1_over(k: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return (exp(k * length) - 1) / k, which is `length` at k = 0."""
    scaled = np.clip(k * length, -700.0, 700.0)
    small = np.abs(scaled) < 1e-6
    safe = np.where(small, 1.0, scaled)
    return length * np.where(small, 1 + scaled / 2, np.expm1(safe) / safe)
