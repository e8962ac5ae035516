"""Pareto/NBD with a Sarmanov distribution: purchase and dropout rates may be correlated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from cltv_ml.models.base import check_fitted
from cltv_ml.models.covariates import CovariateModel
from cltv_ml.models.fitting import Params
from cltv_ml.models.likelihood import Maximum
from cltv_ml.models.pareto_nbd import ParetoNBD
from cltv_ml.models.problem import Problem
from cltv_ml.models.purchase_history import Rows, build_rows
from cltv_ml.models.simulation import draw_gamma, draw_poisson, until_moment

_UNCORRELATED = ParetoNBD()
_CLOSE_TO_END = (
    0.98  # share of the highest or lowest possible correlation from which one counts as lying there
)


class ParetoNBDSarmanov(CovariateModel):
    """Pareto/NBD whose purchase rate lambda and dropout rate mu are correlated.

    Their density is that of Pareto/NBD, Gamma(r, alpha) x Gamma(s, beta), times 1 + m (e1 - c1) (e2 - c2), where e1 =
    exp(-alpha lambda), e2 = exp(-beta mu), and c1 = 2^-r and c2 = 2^-s are their means. Every prediction is then a sum
    over four Pareto/NBD models, with alpha or 2 alpha and with beta or 2 beta. m lies between the bounds beyond which
    the density would be negative: at w = 1 it is 0, near the lower bound as w falls to 0, near the upper one as w
    grows.

    Sarmanov's family as in Park and Fader (2004), "Modeling Browsing Behavior at Multiple Websites", and CLVTools'
    `use.cor`. There the exponents are lambda and mu times one unit of time, which allows almost no correlation where
    alpha and beta are many units.

    The arguments are those of `ParetoNBD`.
    """

    name = "pareto_nbd_sarmanov"
    param_names = ("r", "alpha", "s", "beta", "w")
    time_params = ("alpha", "beta")
    dropout_effect = (("beta", -1),)
    tilts: ClassVar[tuple[float, float]] = (1.0, 1.0)  # the exponents, as multiples of alpha and beta

    @property
    def correlation_(self) -> float:
        """The correlation of purchase and dropout rates among customers with the same covariates."""
        check_fitted(self)
        return self._correlation(np.array([self.params_[name] for name in self.param_names]))

    @property
    def correlation_error_(self) -> float:
        """The standard error of `correlation_`, by the delta method; NaN where the correlation lies on its bound."""
        check_fitted(self)
        theta = np.log([self.params_[name] for name in self.param_names])
        shapes, steps = len(theta), 1e-5 * np.eye(len(theta))
        by = [self._correlation(np.exp(theta + up)) - self._correlation(np.exp(theta - up)) for up in steps]
        slope = np.array(by) / 2e-5
        return float(np.sqrt(slope @ self.covariance_[:shapes, :shapes] @ slope))

    @property
    def correlation_bounds_(self) -> tuple[float, float]:
        """The lowest and the highest correlation that the fitted r and s allow."""
        check_fitted(self)
        values = np.array([self.params_[name] for name in self.param_names])
        return self._correlation(np.r_[values[:4], 0.0]), self._correlation(np.r_[values[:4], 1e30])

    def _correlation(self, values: np.ndarray) -> float:
        r, _, s, _, w = values
        one, other = (tilt / (1 + tilt) for tilt in self.tilts)
        return float(_bounded(w, *self._odds(r, s))[0] * np.sqrt(r * s) * one * other)

    def _learn(self, maximum: Maximum, problem: Problem) -> None:
        """Store a maximum; where the correlation lies on a bound, the advice names it instead of w."""
        super()._learn(maximum, problem)
        value, (low, high) = self.correlation_, self.correlation_bounds_
        if value > _CLOSE_TO_END * high or value < _CLOSE_TO_END * low:
            end, read = ("highest", "at least") if value > 0 else ("lowest", "at most")
            self.convergence_ |= {
                "verdict": "at_bound",
                "advice": (
                    f"The correlation of {value:+.3f} is the {end} that this model can have with the fitted "
                    f"r and s. Read it as {read} that, without a standard error; the forecasts remain valid, "
                    "and ParetoNBDAbe allows any correlation."
                ),
            }

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        plain = [(*start, 1.0) for start in _UNCORRELATED._starts(rate)]
        return [*plain, (1.0, 1 / rate, 1.0, 1.4, 20.0), (1.0, 1 / rate, 1.0, 1.4, 0.05)]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        r, _, s, _, w = params
        odds = c1, c2 = self._odds(r, s)
        value, means, slopes = self._history(params, rows)
        k, by_w, *by_odds = _bounded(w, c1, c2)
        corners, shares = _corners(k, c1, c2), _shares(means)
        total = _sum_of_products(corners, shares)
        weights = [f * e for f, e in zip(_signed(corners), means, strict=True)]
        by = [_sum_of_products(weights, derivative) for derivative in zip(*slopes, strict=True)]
        p00, p01, p10, p11 = shares[0], shares[1] / c2, shares[2] / c1, shares[3] / c1 / c2
        by_k = p00 - p01 - p10 + p11
        for place, p, tilt, c, slope in zip((0, 2), (p10, p01), self.tilts, odds, by_odds, strict=True):
            by[place] = by[place] - (k * (p - p11) + slope * by_k) * np.log1p(tilt) * (1 + c)
        return value + np.log(total), tuple(derivative / total for derivative in (*by, by_w * by_k))

    def _history(
        self, params: Params, rows: Rows
    ) -> tuple[np.ndarray, list[np.ndarray], list[tuple[np.ndarray, ...]]]:
        """Return the log-likelihoods of Pareto/NBD, the means of 1, e2, e1 and e1 e2 given each history, and the
        derivatives of the logarithms of both together by r, alpha, s and beta.
        """
        r, alpha, s, beta, _ = params
        (a, b), (log_a, log_b) = self.tilts, np.log1p(self.tilts)
        values: list[np.ndarray] = []
        slopes: list[tuple[np.ndarray, ...]] = []
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            more, longer = 1 + i * a, 1 + j * b
            value, by = _UNCORRELATED._terms((r, alpha * more, s, beta * longer), rows)
            values.append(value - i * r * log_a - j * s * log_b)
            slopes.append((by[0] - i * log_a, by[1] * more, by[2] - j * log_b, by[3] * longer))
        return values[0], [np.exp(value - values[0]) for value in values], slopes

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        none = np.zeros((len(x), 0))
        _, observed, _ = self._history(params, build_rows(x, tx, T, np.ones_like(x), none, none))
        corners, survivor = self._prior(params), self._survivor(params, x, T)
        chance = _sum_of_products(corners, _shares(self._alive_means(survivor))) / _sum_of_products(
            corners, _shares(observed)
        )
        return np.minimum(_UNCORRELATED._p_alive(params[:4], x, tx, T) * chance, 1.0)

    def _survivor(self, params: Params, x: np.ndarray, T: np.ndarray) -> Params:
        return *_UNCORRELATED._survivor(params[:4], x, T), *params

    def _newcomer(self, params: Params) -> tuple[np.ndarray | float, Params]:
        return 1.0, (*params[:4], *params)

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        return self._mean(params, lambda part: _UNCORRELATED._alive_expected(part, t))

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        return self._mean(params, lambda part: _UNCORRELATED._alive_survival(part, t))

    def _alive_none(self, params: Params, t: float) -> np.ndarray:
        return self._mean(params, lambda part: _UNCORRELATED._alive_none(part, t))

    def _alive_pmf(self, params: Params, n: int, t: float) -> np.ndarray:
        return self._mean(params, lambda part: _UNCORRELATED._alive_pmf(part, n, t))

    def _alive_discounted(self, params: Params, t: float, rate: float) -> np.ndarray:
        return self._mean(params, lambda part: _UNCORRELATED._alive_discounted(part, t, rate))

    def _alive_sample(self, params: Params, t: float, size: int, rng: np.random.Generator) -> np.ndarray:
        rate, life = self._draw_rates(params, (len(params[0]), size), rng)
        return draw_poisson(rate * np.minimum(life, t), rng)

    def _simulate(
        self, params: Params, T: np.ndarray, horizon: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return until_moment(*self._draw_rates(self._newcomer(params)[1], T.shape, rng), T, horizon, rng)

    def _mean(self, params: Params, answer: Callable[[Params], np.ndarray]) -> np.ndarray:
        """Return the answer of Pareto/NBD for customers known to be alive over the four of them."""
        r, alpha, s, beta, *first = params
        corners, means = self._prior(tuple(first)), self._alive_means(params)
        more, longer = self.tilts[0] * first[1], self.tilts[1] * first[3]
        parts = [(r, alpha + i * more, s, beta + j * longer) for i in (0, 1) for j in (0, 1)]
        weights = [f * e for f, e in zip(_signed(corners), means, strict=True)]
        return np.maximum(
            _sum_of_products(weights, map(answer, parts)) / _sum_of_products(corners, _shares(means)), 0.0
        )

    def _draw_rates(
        self, params: Params, shape: tuple[int, ...], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return draws of lambda and of lifetimes: the density is a sum, with no negative weight, of gamma densities
        times e or 1 - e, and Gamma(r, alpha) times 1 - e is Gamma(r + 1, a) for a between alpha and what e adds to it.
        """
        r, alpha, s, beta, *first = params
        weights = [
            f * p for f, p in zip(self._prior(tuple(first)), _shares(self._alive_means(params)), strict=True)
        ]
        chosen = rng.random(shape) * sum(weights)
        component = sum(chosen > edge for edge in np.cumsum(weights[:3], axis=0))
        drawn = []
        for scale, power, more, tilted in (
            (alpha, r, self.tilts[0] * first[1], component >= 2),
            (beta, s, self.tilts[1] * first[3], component % 2 == 1),
        ):
            missing = -np.expm1(-power * np.log1p(more / scale))
            between = scale * np.exp(-np.log1p(-rng.random(shape) * missing) / power)
            drawn.append(
                draw_gamma(
                    np.where(tilted, power, power + 1), np.where(tilted, scale + more, between), shape, rng
                )
            )
        return drawn[0], rng.exponential(1.0, shape) / np.maximum(drawn[1], 1e-290)

    def _alive_means(self, params: Params) -> list[np.ndarray]:
        """Return the means of 1, e2, e1 and e1 e2 of Pareto/NBD customers known to be alive."""
        r, alpha, s, beta, _, more, _, longer, _ = params
        e1 = np.exp(-r * np.log1p(self.tilts[0] * more / alpha))
        e2 = np.exp(-s * np.log1p(self.tilts[1] * longer / beta))
        return [np.ones_like(e1 * e2), e2, e1, e1 * e2]

    def _prior(self, params: Params) -> list[np.ndarray]:
        """Return the density's factor in its four corners."""
        r, _, s, _, w = params
        odds = self._odds(r, s)
        return _corners(_bounded(w, *odds)[0], *odds)

    def _odds(self, r: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return c / (1 - c) of both means."""
        lengths = r * np.log1p(self.tilts[0]), s * np.log1p(self.tilts[1])
        one, other = (np.maximum(np.exp(-length) / -np.expm1(-length), 1e-40) for length in lengths)
        return one, other


def _bounded(w: np.ndarray, c1: np.ndarray, c2: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return k = m c1 c2 between its bounds, and its derivatives by w and by the logarithms of both odds."""
    high, low = np.minimum(c1, c2), np.minimum(c1 * c2, 1.0)
    scale = w / high + 1 / low
    of_high, of_low = (w - 1) * w / high / scale**2, (w - 1) / low / scale**2
    below = np.where(c1 * c2 < 1, of_low, 0.0)
    return (
        (w - 1) / scale,
        (1 / low + 1 / high) / scale**2,
        np.where(c1 <= c2, of_high, 0.0) + below,
        np.where(c1 <= c2, 0.0, of_high) + below,
    )


def _corners(k: np.ndarray, c1: np.ndarray, c2: np.ndarray) -> list[np.ndarray]:
    """Return the density's factor where e1, e2 are 0, 0, then 0, 1, then 1, 0, then 1, 1."""
    factors = 1 + k, 1 - k / c2, 1 - k / c1, 1 + k / c1 / c2
    return [np.maximum(factor, 0.0) for factor in factors]


def _signed(corners: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the weights of 1, e2, e1 and e1 e2 in the density's factor."""
    f00, f01, f10, f11 = corners
    return [f00, f01 - f00, f10 - f00, f11 - f10 - f01 + f00]


def _shares(means: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the means of (1 - e1) (1 - e2), (1 - e1) e2, e1 (1 - e2) and e1 e2."""
    _, e2, e1, both = means
    return [np.maximum(share, 0.0) for share in (1 - e1 - e2 + both, e2 - both, e1 - both, both)]


def _sum_of_products(left: Iterable[Any], right: Iterable[Any]) -> Any:
    """Return the sum of products of arrays."""
    return sum(a * b for a, b in zip(left, right, strict=True))
