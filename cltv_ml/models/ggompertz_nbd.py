"""GGompertz/NBD: customers buy at a Poisson rate, and their hazard of leaving rises with time."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from cltv_ml.models.covariates import CovariateModel
from cltv_ml.models.fitting import Params
from cltv_ml.models.pareto_nbd import BELOW_PRECISION, alive_or_gone, log_nbd
from cltv_ml.models.purchase_history import Rows
from cltv_ml.models.simulation import draw_gamma, draw_poisson, until_moment

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


class GGompertzNBD(CovariateModel):
    """Purchases at rate lambda ~ Gamma(r, alpha) until a Gompertz lifetime ends, whose hazard eta b exp(b t) rises with
    time, eta ~ Gamma(s, beta).

    Bemmaor and Glady (2012), "Modeling Purchasing Behavior with Sudden 'Death': A Flexible Customer Lifetime Model". As
    b falls to 0 and beta with it, it is Pareto/NBD with the dropout scale beta / b. The integral over the moment of
    leaving is done by Gauss-Legendre quadrature in logarithmic time.

    The arguments are those of `ParetoNBD`.
    """

    name = "ggompertz_nbd"
    param_names = ("r", "alpha", "b", "s", "beta")
    time_params = ("alpha",)
    rate_params = ("b",)
    dropout_effect = (("beta", -1),)
    chunk = 2048

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        shapes = ((0.7, 0.5, 0.7, 0.5), (0.7, 0.01, 0.7, 0.01), (2.0, 3.0, 0.5, 3.0), (0.3, 1.0, 0.2, 0.1))
        return [(r, r / rate, b, s, beta) for r, b, s, beta in shapes]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        r, alpha, b, s, beta = params
        p = r + rows.x
        gone, (by_r, by_alpha, by_b, by_s, by_beta) = _log_gone(params, rows.x, rows.tx, rows.T)
        log_A, log_B = np.log(alpha + rows.T), _log_clock(b, beta, rows.T)
        alive = -p * log_A - s * log_B
        value, lives, dead, digammas = alive_or_gone((r, alpha, s, beta), rows, alive, gone)
        return value, (
            digammas + np.log(alpha) - lives * log_A + dead * by_r,
            r / alpha - lives * p / (alpha + rows.T) + dead * by_alpha,
            -lives * s * rows.T * np.exp(b * rows.T - log_B) + dead * by_b,
            np.log(beta) - lives * log_B + dead * by_s,
            s / beta - lives * s * np.exp(-log_B) + dead * by_beta,
        )

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        r, alpha, b, s, beta = params
        alive = -(r + x) * np.log(alpha + T) - s * _log_clock(b, beta, T)
        return expit(alive - _log_gone(params, x, tx, T)[0])

    def _survivor(self, params: Params, x: np.ndarray, T: np.ndarray) -> Params:
        r, alpha, b, s, beta = params
        return r + x, alpha + T, b + 0 * T, s + 0 * T, np.exp(_log_clock(b, beta, T) - b * T)

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        r, alpha, b, s, beta = (param[..., None] for param in params)
        near = beta / b
        reach = np.log1p(np.minimum(t, _age_when_gone(b, s, beta)) / near)
        y = _NODES * reach
        u = near * np.expm1(y)
        stays = np.exp(y - s * (_log_clock(b, beta, u) - np.log(beta)))
        return (r / alpha * near * reach * _WEIGHTS * stays).sum(axis=-1)

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        _, _, b, s, beta = params
        return np.exp(-s * (_log_clock(b, beta, t) - np.log(beta)))

    def _alive_none(self, params: Params, t: float) -> np.ndarray:
        r, alpha, _, s, beta = params
        stays = np.exp(-r * np.log1p(t / alpha)) * self._alive_survival(params, t)
        if t == 0:
            return stays
        log_gone = _log_gone(params, 0.0 * r, 0.0 * r, t + 0.0 * r)[0]
        return np.minimum(stays + np.exp(log_gone + r * np.log(alpha) + s * np.log(beta)), 1.0)

    def _alive_pmf(self, params: Params, n: int, t: float) -> np.ndarray:
        if t == 0:
            return 0.0 * params[0]
        r, alpha, b, s, beta = (param[..., None] for param in params)
        stays = np.exp(log_nbd(r, alpha, n, t))[..., 0] * self._alive_survival(params, t)
        near = np.minimum(alpha, beta / b)
        reach = np.log1p(np.minimum(t, _age_when_gone(b, s, beta)) / near)
        y = _NODES * reach
        u = near * np.expm1(y)
        density = np.log(s * b * near) + y + b * u + s * np.log(beta) - (s + 1) * _log_clock(b, beta, u)
        gone = reach * _WEIGHTS * np.exp(log_nbd(r, alpha, n, np.maximum(u, 1e-300)) + density)
        return np.minimum(stays + gone.sum(axis=-1), 1.0)

    def _alive_sample(self, params: Params, t: float, size: int, rng: np.random.Generator) -> np.ndarray:
        r, alpha, b, s, beta = params
        life = _draw_life(b, s, beta, (len(r), size), rng)
        return draw_poisson(draw_gamma(r, alpha, life.shape, rng) * np.minimum(life, t), rng)

    def _simulate(
        self, params: Params, T: np.ndarray, horizon: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        r, alpha, b, s, beta = params
        life = _draw_life(b, s, beta, T.shape, rng)
        return until_moment(draw_gamma(r, alpha, T.shape, rng), life, T, horizon, rng)


def _log_gone(
    params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return log (s b) + log of the integral of (alpha+u)^-(r+x) e^(bu) (beta+e^(bu)-1)^-(s+1) over u in [tx, T], and
    its derivatives by r, alpha, b, s, beta.
    """
    r, alpha, b, s, beta = (np.asarray(param)[..., None] for param in params)
    x, tx, T = x[..., None], tx[..., None], T[..., None]
    p, q, left = r + x, s + 1, np.exp(_log_clock(b, beta, tx) - b * tx)
    near = np.minimum(alpha + tx, left / b)
    decayed = (alpha + tx) * np.expm1(np.minimum(BELOW_PRECISION / np.maximum(p - 1, 1e-9), 600.0))
    longest = np.minimum(decayed, _age_when_gone(b, s, left))
    reach = np.log1p(np.minimum(np.maximum(T - tx, 1e-12), longest) / near)
    y = _NODES * reach
    u = tx + near * np.expm1(y)
    log_A, log_B = np.log(alpha + u), _log_clock(b, beta, u)
    exponent = y - p * log_A + b * u - q * log_B
    top = exponent.max(axis=-1, keepdims=True)
    weight = _WEIGHTS * np.exp(exponent - top)
    total = weight.sum(axis=-1, keepdims=True)
    share = weight / total

    def mean(of: np.ndarray) -> np.ndarray:
        """Return the mean over the moments of leaving."""
        return np.einsum("...j,...j->...", share, of)

    value = np.log(s * b * near * reach * total) + top
    return value[..., 0], (
        -mean(log_A),
        -p[..., 0] * mean(1 / (alpha + u)),
        1 / b[..., 0] + mean(u) - q[..., 0] * mean(u * np.exp(b * u - log_B)),
        1 / s[..., 0] - mean(log_B),
        -q[..., 0] * mean(np.exp(-log_B)),
    )


def _log_clock(b: np.ndarray, beta: np.ndarray, t: np.ndarray | float) -> np.ndarray:
    """Return log(beta + e^(bt) - 1), where e^(bt) may be beyond any number."""
    passed = b * t
    late = passed + np.log1p((beta - 1) * np.exp(-np.maximum(passed, 1.0)))
    return np.where(passed > 1, late, np.log(beta + np.expm1(np.minimum(passed, 1.0))))


def _age_when_gone(b: np.ndarray, s: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return the age by which almost nobody is left, from age 0."""
    log_B = np.log(beta) + np.minimum(BELOW_PRECISION / s, 600.0)
    return np.where(log_B > 30, log_B, np.log1p(np.maximum(np.exp(np.minimum(log_B, 30.0)) - beta, 0.0))) / b


def _draw_life(
    b: np.ndarray, s: np.ndarray, beta: np.ndarray, size: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    return np.log1p(rng.exponential(1.0, size) / np.maximum(draw_gamma(s, beta, size, rng), 1e-290)) / b
