"""The life of a customer who may leave after any purchase: shared by BG/NBD and MBG/NBD.

Alive now, he buys at rate lambda ~ Gamma(r, alpha) and leaves after each purchase with probability
p ~ Beta(a, b). Given both, he leaves at rate lambda p, and E[purchases in t] = (1 - exp(-lambda p t)) / p.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, betaln, gammaln, hyp2f1

from cltv_ml.models.purchases import Params

_SIDE = 2e-4  # at a = 1 the closed form is 0 / 0: the mean of two neighbours is right to 1e-8
_GRID = np.linspace(-1.0, 1.0, 161)


def expected(params: Params, t: float) -> np.ndarray:
    """Return the expected purchases in `t`: Fader, Hardie and Lee (2005), equation 9, with Euler's
    transformation of the hypergeometric function, or by quadrature over p where that overflows.
    """
    r, alpha, a, b = np.broadcast_arrays(*params)
    most = r * t / alpha
    near = np.abs(a - 1) < _SIDE
    if near.any():
        low = _closed_form(r, alpha, np.where(near, 1 - _SIDE, a), b, t)
        value = np.where(near, (low + _closed_form(r, alpha, np.where(near, 1 + _SIDE, a), b, t)) / 2, low)
    else:
        value = _closed_form(r, alpha, a, b, t)
    with np.errstate(invalid="ignore"):
        unsure = ~((value >= 0) & (value <= most * (1 + 1e-9)))
    unsure |= (a + b < 1.01) | (np.maximum(a, b) > 1e3) | (value < 1e-6 * most)
    if unsure.any():
        value = value.copy()
        chosen = tuple(array[unsure] for array in (r, alpha, a, b))
        value[unsure] = _over_p(chosen, lambda p, r, alpha: -np.expm1(-r * np.log1p(p * t / alpha)) / p)
    return np.minimum(value, most)


def _closed_form(r: np.ndarray, alpha: np.ndarray, a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    c, z = a + b - 1, t / (alpha + t)
    with np.errstate(all="ignore"):
        return c / (a - 1) * (1 - np.exp((a - 1) * np.log1p(-z)) * hyp2f1(c - r, a - 1, c, z))


def survival(params: Params, t: float) -> np.ndarray:
    """Return the probability of being alive after `t` more: E[(1 + p t / alpha)^-r]."""
    chosen = tuple(np.atleast_1d(array) for array in np.broadcast_arrays(*params))
    return _over_p(chosen, lambda p, r, alpha: np.exp(-r * np.log1p(p * t / alpha)))


def none(params: Params, t: float) -> np.ndarray:
    """Return the probability of no purchase in `t`: nobody leaves without buying."""
    r, alpha, _, _ = params
    return np.exp(-r * np.log1p(t / alpha))


def pmf(params: Params, n: int, t: float) -> np.ndarray:
    """Return the probability of exactly `n` purchases in `t`: Fader, Hardie and Lee (2005), equation 8."""
    r, alpha, a, b = params
    if n == 0:
        return none(params, t)
    z = t / (alpha + t)
    log_nbd = gammaln(r + n) - gammaln(r) - gammaln(n + 1.0) - r * np.log1p(t / alpha)
    stayed = np.exp(betaln(a, b + n) - betaln(a, b) + log_nbd + n * np.log(np.maximum(z, 1e-300)))
    left = np.exp(betaln(a + 1, b + n - 1) - betaln(a, b)) * betainc(float(n), r, z)
    return stayed + left


def _over_p(params: Params, function: object) -> np.ndarray:
    """Return the mean of `function(p, r, alpha)` over p ~ Beta(a, b), by the trapezoidal rule in a variable
    that is dense at the peak of logit(p) and reaches far into both tails.
    """
    r, alpha, a, b = (array[:, None] for array in params)
    width = np.sqrt(1 / a + 1 / b)
    narrow = np.minimum(width, 1.0)
    reach = np.arcsinh(40.0 * np.maximum(width**2, width) / narrow)
    u = _GRID * reach
    y = np.log(a / b) + narrow * np.sinh(u)
    log_weight = -a * np.logaddexp(0.0, -y) - b * np.logaddexp(0.0, y) + np.log(np.cosh(u))
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    p = np.exp(-np.logaddexp(0.0, -np.maximum(y, -690.0)))
    return (weight * function(p, r, alpha)).sum(axis=1) / weight.sum(axis=1)  # type: ignore[operator]
