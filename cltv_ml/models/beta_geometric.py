"""Beta-geometric dropout, shared by BG/NBD and MBG/NBD: customers may leave after any purchase.

While alive, a customer buys at rate lambda ~ Gamma(r, alpha) and leaves after each purchase with probability
p ~ Beta(a, b). Given both, the customer leaves at rate lambda p, and E[purchases in t] = (1 - exp(-lambda p t)) / p.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from scipy.special import betainc, betaln, digamma, gammaln, hyp2f1

from cltv_ml.models.covariates import CovariateModel
from cltv_ml.models.distinct_rows import group_rows
from cltv_ml.models.fitting import Params
from cltv_ml.models.purchase_history import Rows
from cltv_ml.models.simulation import draw_gamma, draw_last, draw_poisson

_SIDE = 2e-4  # at a = 1 the closed form is 0 / 0: a straight line between neighbours is right to 1e-8
_GRID, _FINE_GRID = np.linspace(-1.0, 1.0, 161), np.linspace(-1.0, 1.0, 801)


class BetaGeometric(CovariateModel):
    """The base of BG/NBD and MBG/NBD; `first` is 1 where customers may leave after the first purchase."""

    first: ClassVar[int]
    param_names = ("r", "alpha", "a", "b")
    dropout_effect = (("a", 1), ("b", 1))

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        return [
            (r, r / rate, a, b)
            for r, a, b in ((0.7, 0.8, 2.5), (3.0, 1.0, 10.0), (0.3, 0.2, 0.5), (1, 5, 50))
        ]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        return terms(params, rows, self.first)

    def _survivor(self, params: Params, x: np.ndarray, T: np.ndarray) -> Params:
        r, alpha, a, b = params
        return r + x, alpha + T, a + 0 * x, b + x + self.first

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        return expected(params, t)

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        return survival(params, t)

    def _alive_none(self, params: Params, t: float) -> np.ndarray:
        return none(params, t)

    def _alive_pmf(self, params: Params, n: int, t: float) -> np.ndarray:
        return pmf(params, n, t)

    def _alive_sample(self, params: Params, t: float, size: int, rng: np.random.Generator) -> np.ndarray:
        return sample(params, t, size, rng)


def terms(params: Params, rows: Rows, first: int) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return each row's log-likelihood and its derivatives by r, alpha, a and b.

    `first` is 1 when a customer may already leave after the first purchase (MBG/NBD), 0 when not (BG/NBD):
    there were `x + first` chances to leave. What depends on x alone is computed once for each distinct x,
    unless covariates move a and b.
    """
    r, alpha, a, b = params
    own = np.ndim(b) > 0
    at = rows.x if own else rows.distinct_x
    place = slice(None) if own else rows.place_x
    left = b + np.maximum(at + (first - 1), 0)
    if_left = np.where(at + first > 0, np.log(a / left), -np.inf)
    stay, by_a, by_b = _stayed(a, b, at + first)
    p, age, last = r + rows.x, alpha + rows.T, alpha + rows.tx
    log_age = np.log(age)
    waited = log_age - np.log(last)
    odds = if_left[place] + p * waited  # of having left after the last purchase, as a logarithm
    ratio = np.exp(np.minimum(odds, 700.0))
    gone = np.log(1 + ratio)
    if odds.max() > 700:
        gone = np.maximum(gone, odds)
    dead = ratio / (1 + ratio)
    value = (gammaln(r + at) - gammaln(r) + stay)[place] + r * np.log(alpha) - p * log_age + gone
    return value, (
        (digamma(r + at) - digamma(r))[place] + np.log(alpha) - log_age + dead * waited,
        r / alpha - p * (1 / age + dead * (1 / last - 1 / age)),
        by_a[place] + dead / a,
        by_b[place] - dead * (1 / left)[place],
    )


def stayed(a: np.ndarray, b: np.ndarray, rows: Rows, first: int) -> Sequence[np.ndarray]:
    """Return log B(a, b + x + first) - log B(a, b) and its derivatives by a and by b, computed once for
    each distinct x where covariates do not move a and b.
    """
    if np.ndim(b) == 0:
        return [part[rows.place_x] for part in _stayed(a, b, rows.distinct_x + first)]
    return _stayed(a, b, rows.x + first)


def _stayed(a: np.ndarray, b: np.ndarray, chances: np.ndarray) -> Sequence[np.ndarray]:
    value, by_b = _log_rising(b, chances)
    both, by_both = _log_rising(a + b, chances)
    return value - both, -by_both, by_b - by_both


def _log_rising(b: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return log b (b + 1) ... (b + n - 1) and its derivative by b; by Stirling's series where b is so large
    that the difference of two log-gammas would be noise.
    """
    exact = gammaln(b + n) - gammaln(b), digamma(b + n) - digamma(b)
    large = b > 1e4
    if not np.any(large):
        return exact
    longer = np.log1p(n / b)
    series = (b - 0.5) * longer + n * np.log(b + n) - n, longer + n / (2 * b * (b + n))
    return np.where(large, series[0], exact[0]), np.where(large, series[1], exact[1])


def expected(params: Params, t: float) -> np.ndarray:
    """Return the expected purchases in `t`: Fader, Hardie and Lee (2005), equation 9, with Euler's
    transformation of the hypergeometric function, or by quadrature over p where that overflows.
    """
    r, alpha, a, b = np.broadcast_arrays(*params)
    low = a + b < 1.01
    most = r * t / alpha
    near = np.abs(a - 1) < _SIDE
    value = _closed_form(r, alpha, np.where(near, 1 - _SIDE, a), b, t)
    if near.any():
        share = np.where(near, (a - 1 + _SIDE) / (2 * _SIDE), 0.0)
        value = value + share * (_closed_form(r, alpha, np.where(near, 1 + _SIDE, a), b, t) - value)
    with np.errstate(invalid="ignore"):
        unsure = ~((value >= 0) & (value <= most * (1 + 1e-9)))
    unsure |= (np.maximum(a, b) > 1e3) | (value < 1e-6 * most)
    unsure &= ~low
    value = value.copy()
    if unsure.any():
        chosen = tuple(array[unsure] for array in (r, alpha, a, b))
        value[unsure] = _over_p(chosen, lambda p, r, alpha: -np.expm1(-r * np.log1p(p * t / alpha)) / p)
    if low.any():
        value[low] = _from_larger((r[low], alpha[low], a[low], b[low]), t)
    return np.minimum(value, most)


def _from_larger(params: Params, t: float) -> np.ndarray:
    """Return the expected purchases for a + b near or below 1, where the closed form is unstable: of a share
    b / (a + b) as for b + 1, of the others as for a + 1, since 1 = (1 - p) + p under Beta(a, b).
    """
    r, alpha, a, b = params
    return (b * expected((r, alpha, a, b + 1), t) + a * expected((r, alpha, a + 1, b), t)) / (a + b)


def _closed_form(r: np.ndarray, alpha: np.ndarray, a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    c, z = a + b - 1, t / (alpha + t)
    with np.errstate(all="ignore"):
        return c / (a - 1) * (1 - np.exp((a - 1) * np.log1p(-z)) * hyp2f1(c - r, a - 1, c, z))


def survival(params: Params, t: float) -> np.ndarray:
    """Return the probability of still being alive after `t`: E[(1 + p t / alpha)^-r]."""
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


def sample(params: Params, t: float, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return draws of the purchases in `t`, shape (n, size)."""
    r, alpha, a, b = params
    shape = (len(r), size)
    bought = draw_poisson(draw_gamma(r, alpha, shape, rng) * t, rng)
    return np.minimum(bought, draw_last(rng.beta(a, b, shape), rng)).astype(np.int64)


def _over_p(
    params: Params, function: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return the mean of `function(p, r, alpha)` over p ~ Beta(a, b).

    Without covariates customers with equally many purchases share a and b, and so the values of p and their weights.
    """
    r, alpha, a, b = params
    (some_a, some_b), place = group_rows((a, b))
    p, weight = _beta_grid(some_a, some_b)
    total = weight.sum(axis=1)
    value: np.ndarray = (weight[place] * function(p[place], r[:, None], alpha[:, None])).sum(axis=1)
    return value / total[place]


def _beta_grid(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values of p ~ Beta(a, b) and their weights, a row for each a and b: the trapezoidal rule in a variable
    that is dense at the peak of logit(p) and reaches far into both tails.
    """
    a, b = a[:, None], b[:, None]
    width = np.sqrt(1 / a + 1 / b)
    narrow = np.minimum(width, 1.0)
    reach = np.arcsinh(40.0 * np.maximum(width**2, width) / narrow)
    u = (_GRID if reach.max() < 6 else _FINE_GRID) * reach
    y = np.log(a / b) + narrow * np.sinh(u)
    log_weight = -a * np.logaddexp(0.0, -y) - b * np.logaddexp(0.0, y) + np.log(np.cosh(u))
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return np.exp(-np.logaddexp(0.0, -np.maximum(y, -690.0))), weight
