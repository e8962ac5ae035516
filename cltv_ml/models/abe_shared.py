r"""Abe's likelihood on points of both rates that all customers share, for models without covariates.

With the density phi of both logarithms, a history's likelihood is a sum of two products of functions of one rate each,

    sum over lambda, mu of phi lambda / (lambda + mu) (lambda^x e^{-lambda T}) (e^{-mu T})
                         + phi     mu / (lambda + mu) (lambda^x e^{-lambda t_x}) (e^{-mu t_x})

so that the sums of all customers, and their derivatives, are products of matrices. The trapezoid rule is exact to some
ten digits where points lie closer than what is summed is wide.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cltv_ml.models.likelihood import LogLikelihood
from cltv_ml.models.purchase_history import Rows

_REACHED = 7.5  # standard deviations of a logarithm beyond which no customer is
_CLOSE = 1.25  # points within a standard deviation of what is summed
_WIDEST_STEP = 0.45  # distance of points of log mu that exp(-mu T) allows
_MOST_POINTS = 1_500  # points of a rate that pay
_SMALLEST = 1e-250  # likelihood below which digits are lost


def share_points(
    rows: Rows, widest: float, size: int, means: Callable[..., tuple[np.ndarray, ...]], exact: LogLikelihood
) -> LogLikelihood:
    """Return the mean log-likelihood and its gradient as a function of the five log-parameters.

    `means` gives the derivatives from the means of u, u^2, e, e^2 and u e; `exact` answers where points would be too
    many or a customer too unlikely.
    """
    chunks = [rows.take(slice(first, first + size)) for first in range(0, len(rows), size)]
    most, bought = float(rows.x.max()), rows.tx > 0
    fastest = np.log((rows.x[bought] / rows.tx[bought]).max(initial=1e-300))

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the value and its gradient."""
        params = tuple(np.exp(theta))
        lam, mu, sigma, tau, w = params
        sigma, tau, rho, rest = (
            min(sigma, widest),
            min(tau, widest),
            (w - 1) / (w + 1),
            2 * np.sqrt(w) / (w + 1),
        )
        y = _even_points(np.log(lam), sigma, 1 / np.sqrt(most + (sigma * rest) ** -2.0) / _CLOSE, fastest)
        z = _even_points(np.log(mu), tau, min(tau * rest / _CLOSE, _WIDEST_STEP), -np.inf)
        if y is None or z is None:
            return exact(theta)
        u, v = ((y - np.log(lam)) / sigma)[:, None], ((z - np.log(mu)) / tau)[None]
        e = (v - rho * u) / rest
        cell = (y[1] - y[0]) * (z[1] - z[0]) / (2 * np.pi * sigma * tau * rest)
        density = cell * np.exp(-(u**2 + e**2) / 2)
        first = 1 / (1 + np.exp(z[None] - y[:, None]))  # lambda / (lambda + mu)
        value, held = 0.0, 0.0 * density
        for chunk in chunks:
            height, share = _sums(chunk, np.exp(y), y, np.exp(z), (density * first, density * (1 - first)))
            if height is None:
                return exact(theta)
            value, held = value + height, held + share
        total = rows.weight.sum()
        sums = [np.array((held * of).sum() / total) for of in (u, u**2, e, e**2, u * e)]
        return value / total, np.array([p * by for p, by in zip(params, means(params, *sums), strict=True)])

    return objective


def _even_points(centre: float, deviation: float, step: float, at_least: float) -> np.ndarray | None:
    """Return points of a logarithm on multiples of the step, so that they do not move with the parameters, or None if
    there would be too many.
    """
    step = 2.0 ** (np.floor(4 * np.log2(step)) / 4)
    low, high = centre - _REACHED * deviation, max(centre + _REACHED * deviation, at_least + 1.0)
    if not high - low < _MOST_POINTS * step:
        return None
    return step * np.arange(np.floor(low / step), np.ceil(high / step) + 1)


def _sums(
    rows: Rows, lam: np.ndarray, y: np.ndarray, mu: np.ndarray, cells: tuple[np.ndarray, np.ndarray]
) -> tuple[float | None, np.ndarray]:
    """Return the log-likelihood of the rows, and how much each pair of points holds of them, shape (y, z)."""
    x, tx, T = (one[:, None] for one in (rows.x, rows.tx, rows.T))
    early = x * y - tx * lam
    top = early.max(axis=1, keepdims=True)
    buys = [np.exp(x * y - T * lam - top), np.exp(early - top)]
    stays = [np.exp(-T * mu), np.exp(-tx * mu)]
    likelihood = sum((b * (s @ cell.T)).sum(axis=1) for b, s, cell in zip(buys, stays, cells, strict=True))
    if not (likelihood > _SMALLEST).all():
        return None, np.zeros(0)
    share = (rows.weight / likelihood)[:, None]
    held = sum(cell * ((share * b).T @ s) for b, s, cell in zip(buys, stays, cells, strict=True))
    return float(rows.weight @ (np.log(likelihood) + top[:, 0])), held
