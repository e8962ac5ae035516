"""Likelihood of Gamma-Gamma: population parameters and slopes of covariates, from spend scaled to mean 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import digamma, gammaln

from cltv_ml.models.likelihood import LogLikelihood, Maximum, maximize
from cltv_ml.models.purchase_history import Rows, build_rows
from cltv_ml.models.slopes import WithSlopes

_LARGE, _SAMPLE = 30_000, 8_000
#: Bounds of log p, log(q - 1) and log v.
POPULATION_BOUNDS = np.log([[1e-3, 1e5], [1e-2, 1e5], [1e-5, 1e7]])  # money in units of its mean
_STARTS = [np.log(start) for start in ((4.0, 3, 3), (1.0, 1, 1), (30.0, 30, 1), (0.5, 10, 20))]
#: p, q - 1 and v move themselves, the covariates v.
_DIRECTIONS = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]])
SHIFT = np.array([0.0, 1.0, 0.0])
_HELD = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0]])  # log p, log(q - 1), log v from the first two, mean 1


def fit_population(x: np.ndarray, spend: np.ndarray, weight: np.ndarray) -> Maximum:
    """Return the maximum in log p, log(q - 1) and log v; the mean is held if it contradicts the repeat buyers' mean.

    The rows are sorted by x, and the weighted mean of `spend` is 1.
    """
    size = weight.sum()
    objective = spend_objective(x, spend, weight)
    samples = [spend_objective(*_thin_spend(x, spend, weight))] if len(x) > _LARGE else []
    maximum = maximize(
        objective, _STARTS, POPULATION_BOUNDS, names=("p", "q", "v"), size=size, samples=samples
    )
    error = _relative_error(spend, weight)
    if _is_plausible(_population_mean(maximum.theta), error):
        return maximum
    return _hold_mean(objective, samples, size, error, maximum)


def fit_slopes(
    x: np.ndarray, spend: np.ndarray, weight: np.ndarray, z: np.ndarray, penalty: float
) -> np.ndarray:
    """Return the slopes of the covariates: those of the joint maximum with p, q and v."""
    money, size = float(weight @ spend / weight.sum()), float(weight.sum())
    spread = np.maximum(z.std(axis=0), 1e-12)
    centred = (z - np.average(z, axis=0, weights=weight)) / spread
    if len(x) > _LARGE:
        chosen = np.linspace(0, len(x) - 1, _LARGE).astype(int)
        x, spend, weight, centred = x[chosen], spend[chosen], weight[chosen], centred[chosen]
        size = float(weight.sum())

    rows = build_rows(x, spend / money, x, weight, centred, np.zeros((len(x), 0)))
    objective = WithSlopes(_own_params, _terms, _DIRECTIONS, [rows], penalty / np.square(spread))
    steep = np.full((z.shape[1], 2), [-3.0, 3.0])
    names = ("p", "q", "v", *(f"slope {number}" for number in range(z.shape[1])))
    population = fit_population(x, spend / money, weight).theta
    start = np.r_[population, np.zeros(z.shape[1])]
    bounds = np.vstack([POPULATION_BOUNDS, steep])
    return maximize(objective, [start], bounds, names=names, size=size).theta[3:] / spread


def _own_params(theta: np.ndarray, rows: Rows) -> tuple[np.ndarray, ...]:
    """Return p, q - 1 and each customer's v, which a covariate multiplies as it does spend."""
    p, over_one, v = np.exp(theta[:3])
    return p, over_one, v * np.exp(np.clip(rows.purchase @ theta[3:], -50.0, 50.0))


def _terms(params: tuple[np.ndarray, ...], rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return each row's log-likelihood, `tx` its mean spend, and the derivatives by p, q - 1 and v."""
    p, over_one, v = params
    q, x = over_one + 1, rows.distinct_x
    shape, total = p * x + q, rows.x * rows.tx
    log_height, log_v = np.log(total + v), np.log(v)
    at_x = gammaln(shape) - gammaln(p * x) - gammaln(q)
    psi, own_shape = digamma(shape), shape[rows.place_x]
    value = (
        at_x[rows.place_x] + q * log_v + p * rows.x * np.log(total) - np.log(rows.tx) - own_shape * log_height
    )
    return value, (
        rows.x * ((psi - digamma(p * x))[rows.place_x] + np.log(total) - log_height),
        (psi - digamma(q))[rows.place_x] + log_v - log_height,
        q / v - own_shape / (total + v),
    )


def spend_objective(x: np.ndarray, spend: np.ndarray, weight: np.ndarray) -> LogLikelihood:
    """Return the mean log-likelihood (Fader and Hardie's equation 1a) by log p, log(q - 1) and log v."""
    fresh = np.flatnonzero(np.r_[True, x[1:] != x[:-1]])
    distinct = x[fresh]
    count = np.add.reduceat(weight, fresh)
    size, total = weight.sum(), x * spend
    log_spend = np.log(spend)
    fixed = -float(weight @ log_spend)
    by_x = float(weight @ (x * np.log(total)))

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective at `theta` and its gradient."""
        p, q, v = np.exp(theta) + SHIFT
        shape = p * distinct + q
        height = total + v
        log_sums = np.add.reduceat(weight * np.log(height), fresh)
        inverse = np.add.reduceat(weight / height, fresh)
        value = (
            count @ (gammaln(shape) - gammaln(p * distinct) - gammaln(q))
            + size * q * np.log(v)
            + p * by_x
            + fixed
            - shape @ log_sums
        )
        psi = digamma(shape)
        gradient = np.array(
            [
                p * (count @ (distinct * (psi - digamma(p * distinct))) + by_x - distinct @ log_sums),
                (q - 1) * (count @ (psi - digamma(q)) + size * np.log(v) - log_sums.sum()),
                size * q - v * (shape @ inverse),
            ]
        )
        return value / size, gradient / size

    return objective


def _population_mean(theta: np.ndarray) -> float:
    """Return the population mean p v / (q - 1) in units of the repeat buyers' mean."""
    return float(np.exp(theta[0] + theta[2] - theta[1]))


def _relative_error(spend: np.ndarray, weight: np.ndarray) -> float:
    """Return the standard error of the mean of `spend`, whose weighted mean is 1."""
    return float(np.sqrt(weight**2 @ (spend - 1) ** 2) / weight.sum())


def _is_plausible(mean: float, error: float) -> bool:
    """Return whether a population mean agrees with the repeat buyers' mean, 1, known up to `error`.

    A difference of a tenth does not matter, and 2.5 standard errors may be chance. With a heavy tail the error itself
    is large and the mean may be infinite, so at most 50% above the buyers' mean is accepted.

    >>> _is_plausible(1.05, 0.01), _is_plausible(1.3, 0.01), _is_plausible(1.3, 0.15), _is_plausible(7.5, 5.0)
    (True, False, True, False)
    """
    allowed = max(0.1, 2.5 * error)
    return 1 - allowed <= mean <= 1 + min(allowed, 0.5)


def _restrict(full: LogLikelihood) -> LogLikelihood:
    """Return an objective in the free parameters, the held one following them."""

    def restricted(theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its gradient in the free parameters."""
        value, gradient = full(_HELD @ theta)
        return value, gradient @ _HELD

    return restricted


def _hold_mean(
    objective: LogLikelihood, samples: Sequence[LogLikelihood], size: float, error: float, free: Maximum
) -> Maximum:
    """Return the maximum among the parameters whose population mean is the repeat buyers' mean."""
    maximum = maximize(
        _restrict(objective),
        [start[:2] for start in _STARTS],
        POPULATION_BOUNDS[:2],
        names=("p", "q"),
        size=size,
        samples=[_restrict(sample) for sample in samples],
    )
    covariance = _HELD @ np.nan_to_num(maximum.covariance, nan=0.0) @ _HELD.T
    covariance[2, 2] += error**2  # how well the mean itself is known
    return replace(
        maximum,
        theta=_HELD @ maximum.theta,
        covariance=covariance,
        verdict="mean_held",
        advice=_advise_held(_population_mean(free.theta), float(np.exp(free.theta[1]) + 1)),
    )


def _advise_held(ratio: float, q: float) -> str:
    """Return the advice for a population mean that is held at the repeat buyers' mean."""
    tail = "infinite or nearly so " if q < 1.2 and ratio > 1 else ""
    return (
        "Spend per purchase has a heavier tail than Gamma-Gamma: its population mean would be "
        f"{tail}({ratio:.2g} times the repeat buyers' mean, q = {q:.3g}), so the repeat buyers' mean is used "
        "instead. Use the totals, but do not interpret p, q and v, and check the value of customers without "
        "a repeat purchase."
    )


def _thin_spend(
    x: np.ndarray, spend: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return an evenly spaced sample of the rows, which are sorted by x."""
    chosen = np.linspace(0, len(x) - 1, _SAMPLE).astype(int)
    return x[chosen], spend[chosen], weight[chosen]
