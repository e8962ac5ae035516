r"""Abe's likelihood on points of both rates that many customers share.

With the density phi of both logarithms, a history's likelihood is a sum of two products of functions of one rate each,

    sum over lambda, mu of phi lambda / (lambda + mu) (lambda^x e^{-lambda T}) (e^{-mu T})
                         + phi     mu / (lambda + mu) (lambda^x e^{-lambda t_x}) (e^{-mu t_x})

so that the sums of all customers are products of matrices. Covariates move the means of both logarithms by delta and
eta standard deviations, which multiplies phi by a function of each rate too:

    exp((u (delta - rho eta) + v (eta - rho delta) - (delta^2 - 2 rho delta eta + eta^2) / 2) / (1 - rho^2))

The trapezoid rule is exact to some ten digits where points lie closer than what is summed is wide.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import wrightomega

from cltv_ml.models.purchase_history import Rows

_REACHED = 7.5  # standard deviations of a logarithm beyond which no customer is
_CLOSE = 1.25  # points within a standard deviation of what is summed
_WIDEST_STEP = 0.45  # distance of points that exp(-rate T) allows
_MOST_POINTS = 1_500  # points of a rate that pay
_FURTHEST = 30.0  # what lies further down than this is left out
_AT_END = 1e-11  # share of a likelihood at the first and the last point from which more points are laid
_SMALLEST = 1e-250  # likelihood below which digits are lost


class Population(NamedTuple):
    """The means of both logarithms, one value or one per customer, their standard deviations, correlation rho and
    sqrt(1 - rho^2).
    """

    y: np.ndarray
    z: np.ndarray
    sigma: float
    tau: float
    rho: float
    rest: float


class Sums(NamedTuple):
    """Log-likelihoods, the means of u, u^2, e, e^2 and u e, and the share of each at the ends of the points."""

    value: np.ndarray
    means: tuple[np.ndarray, ...]
    at_end: np.ndarray


def share_points(population: Population, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]] | None:
    """Return log-likelihoods, and the means of u, u^2, e, e^2 and u e; None where points would be too many or a
    customer too unlikely.
    """
    sigma, tau, rest = population.sigma, population.tau, population.rest
    close = min(1 / np.sqrt(float(rows.x.max()) + (sigma * rest) ** -2.0) / _CLOSE, _WIDEST_STEP)
    z = _even_points(*_around(population.z, tau), min(tau * rest / _CLOSE, _WIDEST_STEP))
    for low, high in (_near(population, rows), _anywhere(population, rows)):
        y = _even_points(low, high, close)
        if y is None or z is None:
            return None
        found = _sums(population, rows, y, z)
        if found is None or not (found.at_end > _AT_END).any():
            break
    return None if found is None else (found.value, found.means)


def _around(mean: np.ndarray, deviation: float) -> tuple[float, float]:
    """Return the range of a logarithm in which customers are."""
    return float(np.min(mean)) - _REACHED * deviation, float(np.max(mean)) + _REACHED * deviation


def _anywhere(population: Population, rows: Rows) -> tuple[float, float]:
    """Return the range of log lambda in which customers and what they bought are."""
    low, high = _around(population.y, population.sigma)
    bought = rows.tx > 0
    return low, max(high, float(np.log((rows.x[bought] / rows.tx[bought]).max(initial=1e-300))) + 1.0)


def _near(population: Population, rows: Rows) -> tuple[float, float]:
    """Return the range of log lambda that the rows' purchases leave likely, whatever their dropout."""
    ends, variance = [], population.sigma**2
    for side, t in ((-1.0, rows.T), (1.0, rows.tx)):
        push = population.y + variance * rows.x
        peak = push - wrightomega(push + np.log(np.maximum(t, 1e-300) * variance))
        steep = np.maximum(t * np.exp(np.minimum(peak, 300.0)), 1e-12)
        root = np.sqrt(2 * _FURTHEST)
        tail = (_FURTHEST + np.sqrt(_FURTHEST**2 + 8 * _FURTHEST * steep)) / (2 * steep)
        ends.append(side * float((side * peak + np.minimum(tail, root * population.sigma)).max()))
    return ends[0], ends[1]


def _even_points(low: float, high: float, step: float) -> np.ndarray | None:
    """Return points of a logarithm on multiples of the step, so that they do not move with the parameters, or None if
    there would be too many.
    """
    step = 2.0 ** (np.floor(4 * np.log2(step)) / 4)
    if not high - low < _MOST_POINTS * step:
        return None
    return step * np.arange(np.floor(low / step), np.ceil(high / step) + 1)


def _sums(population: Population, rows: Rows, y: np.ndarray, z: np.ndarray) -> Sums | None:
    """Return the sums over points y and z, or None where digits would be lost."""
    _, _, sigma, tau, rho, rest = population
    middle = [(np.min(mean) + np.max(mean)) / 2 for mean in population[:2]]
    u, v = (y - middle[0]) / sigma, (z - middle[1]) / tau
    delta, eta = (
        np.broadcast_to((mean - centre) / spread, rows.x.shape)
        for mean, centre, spread in zip(population[:2], middle, (sigma, tau), strict=True)
    )
    e = (v - rho * u[:, None]) / rest
    area = (y[1] - y[0]) * (z[1] - z[0]) / (2 * np.pi * sigma * tau * rest)
    density = area * np.exp(-(u[:, None] ** 2 + e**2) / 2)
    first = 1 / (1 + np.exp(z - y[:, None]))  # lambda / (lambda + mu)
    x, tx, T = (one[:, None] for one in (rows.x, rows.tx, rows.T))
    lam, mu = np.exp(y), np.exp(z)
    buys = x * y + ((delta - rho * eta) / rest**2)[:, None] * u
    stays = ((eta - rho * delta) / rest**2)[:, None] * v
    tops = [np.max(of - tx * rate, axis=1, keepdims=True) for of, rate in ((buys, lam), (stays, mu))]
    powers = np.stack([np.ones_like(u), u, u**2], axis=1)
    total, at_end = np.zeros((6, len(rows))), np.zeros(len(rows))
    for t, cell in ((T, density * first), (tx, density * (1 - first))):
        bought, stayed = np.exp(buys - t * lam - tops[0]), np.exp(stays - t * mu - tops[1])
        by_v = [(stayed * v**power) @ cell.T for power in range(3)]
        weights = bought * by_v[0]
        total[:3] += (weights @ powers).T
        total[3:5] += ((bought * by_v[1]) @ powers[:, :2]).T
        total[5] += (bought * by_v[2]).sum(axis=1)
        at_end += weights[:, 0] + weights[:, -1]
    if not (total[0] > _SMALLEST).all():
        return None
    value = np.log(total[0]) + tops[0][:, 0] + tops[1][:, 0]
    value -= (delta**2 - 2 * rho * delta * eta + eta**2) / (2 * rest**2)
    u1, u2, v1, uv, v2 = total[1:] / total[0]
    uv, u2, v2 = (
        uv - delta * v1 - eta * u1 + delta * eta,
        u2 - 2 * delta * u1 + delta**2,
        v2 - 2 * eta * v1 + eta**2,
    )
    u1, v1 = u1 - delta, v1 - eta
    by_e = (v1 - rho * u1) / rest, (v2 - 2 * rho * uv + rho**2 * u2) / rest**2, (uv - rho * u2) / rest
    return Sums(value, (u1, u2, *by_e), at_end / total[0])
