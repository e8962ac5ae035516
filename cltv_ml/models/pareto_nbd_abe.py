"""Abe's Pareto/NBD: rates of purchase and dropout are jointly log-normal, with covariates in their means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import expit, gammainc, gammaln, wrightomega

from cltv_ml.models.abe_shared import Population, share_points
from cltv_ml.models.covariates import CovariateModel
from cltv_ml.models.distinct_rows import group_rows, in_parts, on_distinct
from cltv_ml.models.fitting import Params
from cltv_ml.models.purchase_history import Rows
from cltv_ml.models.purchases import Answer
from cltv_ml.models.simulation import draw_poisson, until_moment

_POINTS, _FINER = 24, 64  # of an integral in each direction, and where customers are drawn from them
_GRID = np.linspace(-1, 1, _POINTS)
_LEFT_OUT = 25.0  # what lies further down than this is left out
_ROUGH_FROM = 10_000  # distinct rows from which single precision and splines serve
_AGE_KNOTS = 40  # ages between which answers are interpolated, where customers have many
_WIDEST = 5.0  # standard deviation of a logarithm that the points can follow; larger ones are taken for it
_TIGHTEST = 400.0  # w or 1 / w that the points can follow, a correlation of .995; larger ones count as this


class Nodes(NamedTuple):
    """Points of the integral over lambda, shape (n, k, 1), and mu, shape (n, k, k), and their weights; their logarithms
    in standard units of the population are u, shape (n, k), and rho u + sqrt(1 - rho^2) e. `top` is the logarithm
    of what the weights were divided by.
    """

    lam: np.ndarray
    mu: np.ndarray
    u: np.ndarray
    e: np.ndarray
    weight: np.ndarray
    top: np.ndarray


class ParetoNBDAbe(CovariateModel):
    """Purchases at rate lambda until a lifetime of rate mu ends; log lambda and log mu are normal with any correlation.

    Abe (2009), "Counting Your Customers One by One: A Hierarchical Bayes Extension to the Pareto/NBD Model". The paper
    samples the parameters; here they maximise the likelihood, and each customer's rates are integrated out on points
    around their mass. `lambda` and `mu` are medians, the sigmas standard deviations of the logarithms, and (w - 1) /
    (w + 1) is the correlation of the logarithms. A covariate z multiplies a rate by exp(slope z).

    Parameters
    ----------
    time_unit, purchase_covariates, dropout_covariates, penalty
        As in `ParetoNBD`; a positive slope means more purchases, and sooner dropout.

    """

    name = "pareto_nbd_abe"
    param_names = ("lambda", "mu", "sigma_lambda", "sigma_mu", "w")
    time_params = ()
    rate_params = ("lambda", "mu")
    purchase_effect = (("lambda", 1),)
    dropout_effect = (("mu", 1),)
    chunk = 128

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        shapes = ((0.7, 0.7, 1.2, 1.5, 1.0), (1.0, 0.1, 0.7, 1.0, 1.0), (0.3, 2.0, 2.0, 2.0, 1.0))
        return [(rate * share, *others) for share, *others in shapes]

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        value, means = share_points(_population_of(params), rows) or _integrated_alone(params, rows)
        return value, _by_params(params, *means)

    def _of_distinct(
        self, columns: tuple[np.ndarray, ...], answers: Sequence[Answer]
    ) -> tuple[np.ndarray, ...]:
        """Return P(alive), and that times each of the `answers`.

        The points of each integral are laid once for all customers who share them, and for all answers.
        """
        x, _, T, *covariates = columns

        def known_alive(x: np.ndarray, T: np.ndarray, *covariates: np.ndarray) -> np.ndarray:
            """Return the log-likelihood of being alive, in which recency has no part, and the answers."""
            own = self._own(covariates)
            nodes = _nodes(own, (x, 0.0), T, _GRID)
            total = np.log(np.maximum(nodes.weight.sum(axis=(1, 2)), 1e-300)) + nodes.top
            return np.column_stack([total, *(answer((*own, x, T, *nodes)) for answer in answers)])

        known = on_distinct(
            partial(_by_age, partial(in_parts, known_alive, size=self.chunk)), x, T, *covariates
        )
        alive = expit(known[:, 0] - self._log_gone(columns))
        return (alive, *(alive * answer for answer in known[:, 1:].T))

    def _log_gone(self, columns: tuple[np.ndarray, ...]) -> np.ndarray:
        """Return the log-likelihood of having left, the points laid once for all customers who share them."""
        x, tx, T, *covariates = columns
        shared, place = group_rows([x, tx, *covariates])
        members = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])
        gone, since = np.empty(len(x)), np.maximum(T - tx, 1e-12)[:, None]
        for first in range(0, len(members), self.chunk):
            x, tx, *own = (column[first : first + self.chunk] for column in shared)
            nodes = _nodes(self._own(own), (x, 1.0), tx, _GRID)
            both = nodes.lam + nodes.mu
            for rows, rate, weight, top in zip(
                members[first:], both, nodes.weight / both, nodes.top, strict=False
            ):
                if len(T) < _ROUGH_FROM:
                    left = -np.expm1(-since[rows] * rate.ravel()) @ weight.ravel()
                else:  # half the digits, P(alive) to 1e-6
                    single = np.exp(-since[rows].astype(np.float32) * rate.ravel().astype(np.float32))
                    left = weight.sum() - single @ weight.ravel().astype(np.float32)
                gone[rows] = np.log(np.maximum(left, 1e-300)) + top
        return gone

    def _if_alive(self, columns: tuple[np.ndarray, ...], answer: Answer) -> np.ndarray:
        """Return the answer; its points are computed once for all means over them."""
        x, _, T, *covariates = columns

        def once(x: np.ndarray, T: np.ndarray, *given: np.ndarray) -> np.ndarray:
            """Return the answer for customers known to be alive."""
            own = self._own(given)
            return answer((*own, x, T, *_nodes(own, (x, 0.0), T, _GRID)))

        return on_distinct(lambda *distinct: in_parts(once, distinct, self.chunk), x, T, *covariates)

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        alive, gone = (integral(params, x, tx, T)[0] for integral in (_log_alive, _log_gone))
        return expit(alive - gone)

    def _survivor(self, params: Params, x: np.ndarray, T: np.ndarray) -> Params:
        return *params, x, T

    def _newcomer(self, params: Params) -> tuple[np.ndarray | float, Params]:
        return 1.0, (*params, np.zeros(1), np.zeros(1))

    def _alive_expected(self, params: Params, t: float) -> np.ndarray:
        return _mean_of_alive(params, lambda lam, mu: lam * -np.expm1(-mu * t) / mu)

    def _alive_survival(self, params: Params, t: float) -> np.ndarray:
        return _mean_of_alive(params, lambda lam, mu: np.exp(-mu * t) + 0 * lam)

    def _alive_none(self, params: Params, t: float) -> np.ndarray:
        return _mean_of_alive(params, lambda lam, mu: (mu + lam * np.exp(-(lam + mu) * t)) / (lam + mu))

    def _alive_pmf(self, params: Params, n: int, t: float) -> np.ndarray:
        def chance(lam: np.ndarray, mu: np.ndarray) -> np.ndarray:
            """Return P(n purchases and alive) + P(n purchases and gone before t)."""
            both = lam + mu
            stays = np.exp(n * np.log(np.maximum(lam * t, 1e-300)) - both * t - gammaln(n + 1.0))
            return stays + mu / both * (lam / both) ** n * gammainc(n + 1.0, both * t)

        return _mean_of_alive(params, chance)

    def _alive_discounted(self, params: Params, t: float, rate: float) -> np.ndarray:
        if rate == 0 and np.isinf(t):
            return super()._alive_discounted(params, t, rate)
        return _mean_of_alive(params, lambda lam, mu: lam * -np.expm1(-(mu + rate) * t) / (mu + rate))

    def _alive_sample(self, params: Params, t: float, size: int, rng: np.random.Generator) -> np.ndarray:
        n = len(params[-1])
        lam, mu = np.concatenate(
            [
                _draw_rates(
                    tuple(np.broadcast_to(np.ravel(p), n)[first : first + 32] for p in params), size, rng
                )
                for first in range(0, n, 32)
            ],
            axis=1,
        )
        life = rng.exponential(1.0, lam.shape) / mu
        return draw_poisson(lam * np.minimum(life, t), rng)

    def _simulate(
        self, params: Params, T: np.ndarray, horizon: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        lam, mu, sigma, tau, w = params
        rho, rest = _rho(w)
        u, e = rng.standard_normal((2, *T.shape))
        rate, dropout = lam * np.exp(sigma * u), mu * np.exp(tau * (rho * u + rest * e))
        return until_moment(rate, rng.exponential(1.0, T.shape) / dropout, T, horizon, rng)


def _rho(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rho and sqrt(1 - rho^2)."""
    w = np.clip(w, 1 / _TIGHTEST, _TIGHTEST)
    return (w - 1) / (w + 1), 2 * np.sqrt(w) / (w + 1)


def _population_of(params: Params) -> Population:
    """Return the population that the points of the integral follow."""
    lam, mu, sigma, tau, w = params
    rho, rest = map(float, _rho(w))
    return Population(
        np.log(lam), np.log(mu), min(float(sigma), _WIDEST), min(float(tau), _WIDEST), rho, rest
    )


def _integrated_alone(params: Params, rows: Rows) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return log-likelihoods and the means of `_integrated`, from points laid around each customer's mass."""
    (alive, lives), (gone, leaves) = (
        integral(params, rows.x, rows.tx, rows.T) for integral in (_log_alive, _log_gone)
    )
    dead = expit(gone - alive)
    return np.logaddexp(alive, gone), [a + dead * (g - a) for a, g in zip(lives, leaves, strict=True)]


def _by_params(
    params: Params, u: np.ndarray, uu: np.ndarray, e: np.ndarray, ee: np.ndarray, ue: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return the derivatives of log-likelihoods by each parameter, from the means of u, u^2, e, e^2 and u e."""
    lam, mu, sigma, tau, w = params
    rho, rest = _rho(w)
    by_u, u_by_u = rho / rest * e - u, rho / rest * ue - uu
    by_v, v_by_v = -e / rest, -(rho * ue / rest + ee)
    by_rho = (rho - rho * ee) / rest**2 + ue / rest
    widths = np.minimum((sigma, tau), _WIDEST)
    return (
        -by_u / widths[0] / lam,
        -by_v / widths[1] / mu,
        (-1 - u_by_u) / sigma * (sigma < _WIDEST),
        (-1 - v_by_v) / tau * (tau < _WIDEST),
        by_rho * 2 / (1 + w) ** 2 * (np.maximum(w, 1 / w) < _TIGHTEST),
    )


def _log_rate_grid(
    mean: np.ndarray, sigma: np.ndarray, power: np.ndarray, t: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return points y at places `at` in [-1, 1] around the mass of exp(power y - t e^y) and a normal of y, in the last
    axis, and dy / d at. They are dense at the peak and reach as far as the tail that falls least.
    """
    push = mean + sigma**2 * power
    peak = push - wrightomega(push + np.log(np.maximum(t, 1e-300) * sigma**2))
    steep = np.maximum(t * np.exp(np.minimum(peak, 300.0)), 1e-12)
    width = 1 / np.sqrt(steep + sigma**-2)
    reach = np.minimum(
        (_LEFT_OUT + np.sqrt(_LEFT_OUT**2 + 8 * _LEFT_OUT * steep)) / (2 * steep),
        np.sqrt(2 * _LEFT_OUT) * sigma,
    )
    near = np.minimum(width, 1.0)[..., None]
    bend = np.arcsinh(reach[..., None] / near)
    away = np.sinh(bend * at)
    return np.clip(peak[..., None] + near * away, -300.0, 300.0), near * bend * np.sqrt(1 + away**2)


def _nodes(params: Params, powers: tuple[np.ndarray, float], t: np.ndarray, at: np.ndarray) -> Nodes:
    """Return the points for lambda^power mu^power exp(-(lambda + mu) t) at the population's density."""
    lam, mu, sigma, tau, w = (np.broadcast_to(np.asarray(p, dtype=np.float64), t.shape) for p in params)
    sigma, tau = np.minimum(sigma, _WIDEST), np.minimum(tau, _WIDEST)
    rho, rest = (values[:, None] for values in _rho(w))
    y, wide = _log_rate_grid(np.log(lam), sigma, powers[0], t, at)
    u, rate = (y - np.log(lam)[:, None]) / sigma[:, None], np.exp(y)
    logs = powers[0][:, None] * y - t[:, None] * rate - u**2 / 2 - np.log(sigma)[:, None]
    middle, spread = np.log(mu)[:, None] + tau[:, None] * rho * u, tau[:, None] * rest
    # the points for mu lie between those of customers who left early and of those who stay
    power, times = np.full(y.shape, powers[1] / 2), np.broadcast_to(t[:, None], y.shape)
    z, high = _log_rate_grid(middle, np.broadcast_to(spread, y.shape), power, times, at)
    e, dropout = (z - middle[..., None]) / spread[..., None], np.exp(z)
    cells = logs[..., None] + powers[1] * z - t[:, None, None] * dropout - e**2 / 2
    top = cells.max(axis=(1, 2), keepdims=True)
    weight = np.exp(cells - top) * (wide / spread * (at[1] - at[0]) ** 2 / (2 * np.pi))[..., None] * high
    return Nodes(rate[..., None], dropout, u, e, weight, top[:, 0, 0])


def _integrated(nodes: Nodes, factor: np.ndarray | float = 1.0) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the logarithm of the integral, and the means of u, u^2, e, e^2 and u e."""
    cells = nodes.weight * factor
    total = np.maximum(cells.sum(axis=(1, 2)), 1e-300)
    u, inner = nodes.u, cells.sum(axis=2)
    first, second = (np.einsum("nij,nij->ni", cells, part) for part in (nodes.e, nodes.e**2))
    sums = (u * inner, u**2 * inner, first, second, u * first)
    return np.log(total) + nodes.top, [part.sum(axis=1) / total for part in sums]


def _log_alive(
    params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the log-likelihood of being alive at T, with the means of `_integrated`."""
    return _integrated(_nodes(params, (x, 0.0), T, _GRID))


def _log_gone(
    params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the log-likelihood of having left between the last purchase and T, with the means of `_integrated`."""
    nodes = _nodes(params, (x, 1.0), tx, _GRID)
    both = nodes.lam + nodes.mu
    return _integrated(nodes, -np.expm1(-both * np.maximum(T - tx, 1e-12)[:, None, None]) / both)


def _mean_of_alive(params: Params, answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the mean of an answer over the rates of customers known to be alive."""
    *population, x, T = params[:7]
    nodes = Nodes(*params[7:]) if len(params) > 7 else _nodes(tuple(population), (x, 0.0), T, _GRID)
    answers = nodes.weight * answer(nodes.lam, nodes.mu)
    return answers.sum(axis=(1, 2)) / nodes.weight.sum(axis=(1, 2))


def _by_age(
    answers: Callable[..., np.ndarray], x: np.ndarray, T: np.ndarray, *others: np.ndarray
) -> np.ndarray:
    """Return the answers of rows, which change with the age smoothly: where rows share few other columns, those of some
    ages and a cubic spline through them.
    """
    kinds, kind = group_rows((x, *others))
    if len(x) < max(_ROUGH_FROM, 2 * _AGE_KNOTS * len(kinds[0])):
        return answers((x, T, *others))
    knots = np.linspace(np.sqrt(T.min()), np.sqrt(T.max()), _AGE_KNOTS)
    first, *rest = (np.repeat(one, _AGE_KNOTS) for one in kinds)
    known = answers((first, np.tile(knots**2, len(kinds[0])), *rest)).reshape(len(kinds[0]), _AGE_KNOTS, -1)
    weights = CubicSpline(knots, np.eye(_AGE_KNOTS))(np.sqrt(T))
    return np.stack([(weights * one[kind]).sum(axis=1) for one in np.moveaxis(known, 2, 0)], axis=1)


def _draw_rates(params: Params, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return draws of lambda and mu of customers known to be alive, shape (2, n, size): anywhere around a point."""
    *population, x, T = params
    at = np.linspace(-1, 1, _FINER)
    nodes = _nodes(tuple(population), (x, 0.0), T, at)
    steps = np.cumsum(nodes.weight.reshape(len(x), -1), axis=1)
    heights = rng.random((len(x), size)) * steps[:, -1:]
    flat = np.array([np.searchsorted(row, height) for row, height in zip(steps, heights, strict=True)])
    first, second = np.divmod(np.minimum(flat, steps.shape[1] - 1), _FINER)
    drawn = []
    for values, before, place in ((nodes.lam, 0, first), (nodes.mu, first * _FINER, second)):
        aside = rng.uniform(-0.5, 0.5, place.shape)
        next_to = np.clip(place + np.where(aside > 0, 1, -1), 0, _FINER - 1)
        here, there = (
            np.take_along_axis(values.reshape(len(x), -1), before + index, axis=1)
            for index in (place, next_to)
        )
        drawn.append(here * (there / here) ** np.abs(aside))
    return np.array(drawn)
