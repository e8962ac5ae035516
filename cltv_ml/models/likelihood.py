"""The maximum-likelihood engine: several starts, exact gradients, a Newton finish and an honest verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

#: Takes parameters, returns the mean log-likelihood and its gradient.
Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]

_AT_BOUND = 1e-4  # parameters are logarithms: this close to its bound, one lies on it
_FLAT = 0.02  # a log-likelihood that changes less than this per e-fold says nothing about the parameter
_VAGUE = 4.0  # standard error of a logarithm: the 95% interval spans a factor of three thousand each way


@dataclass(frozen=True)
class Maximum:
    """Where the likelihood is highest, how sure that is, and what to do if it is not."""

    theta: np.ndarray
    log_likelihood: float
    covariance: np.ndarray
    gradient_norm: float
    verdict: str
    advice: str


def maximize(
    objective: Objective,
    starts: Sequence[np.ndarray],
    bounds: np.ndarray,
    *,
    names: Sequence[str],
    size: float,
    sample: Objective | None = None,
) -> Maximum:
    """Return the maximum of a likelihood of `size` customers in log-parameters.

    The first start is climbed on all the data; where the end lies on a bound or is not a clear peak,
    the others are tried too. `sample`, the same likelihood on a part of a large population, is climbed
    first and its end is one more start: the full data then needs a few steps only.

    Parameters
    ----------
    bounds
        Shape (k, 2); a parameter that ends there is reported, never pushed further.
    size
        Sum of the weights, which turns the mean log-likelihood into the total.
    """
    best = _climb_first(objective, starts, bounds, sample)
    theta, value, hessian = _finish(objective, best.x, bounds)
    if _doubtful(theta, hessian, bounds):
        for start in starts[1:]:
            other = _climb(objective, start, bounds)
            if -other.fun > value + 1e-9:
                found, better, curvature = _finish(objective, other.x, bounds)
                if better > value:
                    theta, value, hessian = found, better, curvature
    gradient = objective(theta)[1]
    verdict, loose = _judge(theta, gradient, hessian, bounds, size)
    return Maximum(
        theta=theta,
        log_likelihood=value * size,
        covariance=_covariance(hessian * size, loose, theta, bounds),
        gradient_norm=float(np.abs(_projected(gradient, theta, bounds)).max()),
        verdict=verdict,
        advice=_advise(verdict, [name for name, is_loose in zip(names, loose, strict=True) if is_loose]),
    )


def _climb_first(
    objective: Objective, starts: Sequence[np.ndarray], bounds: np.ndarray, sample: Objective | None
) -> optimize.OptimizeResult:
    """Return the better of a climb from the first start and, on large data, one from a sample's maximum."""
    if sample is None:
        return _climb(objective, starts[0], bounds)
    warm = max((_climb(sample, start, bounds) for start in starts), key=lambda end: -end.fun)
    return _climb(objective, warm.x, bounds)


def _climb(objective: Objective, start: np.ndarray, bounds: np.ndarray) -> optimize.OptimizeResult:
    """Return where L-BFGS-B ends from `start`."""

    def descent(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = objective(theta)
        return -value, -gradient

    return optimize.minimize(
        descent,
        np.clip(start, bounds[:, 0], bounds[:, 1]),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 1000, "maxfun": 3000, "ftol": 1e-13, "gtol": 1e-6, "maxls": 40},
    )


def _finish(
    objective: Objective, theta: np.ndarray, bounds: np.ndarray, rounds: int = 4
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return the end of a few Newton steps from `theta`, its value and the Hessian of the mean."""
    value, gradient = objective(theta)
    hessian = _hessian(objective, theta, bounds)
    for _ in range(rounds):
        free = ~_on_bound(theta, bounds)
        norm = np.abs(gradient[free]).max(initial=0.0)
        if norm < 1e-11:
            break
        step = np.zeros_like(theta)
        step[free] = np.linalg.lstsq(-hessian[np.ix_(free, free)], gradient[free], rcond=1e-10)[0]
        if np.abs(step).max() > 0.5:
            break
        candidate = np.clip(theta + step, bounds[:, 0], bounds[:, 1])
        new_value, new_gradient = objective(candidate)
        if not (new_value >= value - 1e-13 and np.abs(new_gradient[free]).max(initial=0.0) < norm):
            break
        theta, value, gradient = candidate, new_value, new_gradient
    return theta, value, hessian


def _hessian(objective: Objective, theta: np.ndarray, bounds: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Return the second derivatives by central differences of the exact gradient, kept inside the bounds."""
    rows = []
    for number in range(len(theta)):
        up, down = theta.copy(), theta.copy()
        up[number] = min(theta[number] + step, bounds[number, 1])
        down[number] = max(theta[number] - step, bounds[number, 0])
        rows.append((objective(up)[1] - objective(down)[1]) / (up[number] - down[number]))
    hessian = np.array(rows)
    return (hessian + hessian.T) / 2


def _on_bound(theta: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    return (theta - bounds[:, 0] < _AT_BOUND) | (bounds[:, 1] - theta < _AT_BOUND)


def _projected(gradient: np.ndarray, theta: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the gradient without the components that only push against a bound."""
    pushing = ((theta - bounds[:, 0] < _AT_BOUND) & (gradient < 0)) | (
        (bounds[:, 1] - theta < _AT_BOUND) & (gradient > 0)
    )
    return np.where(pushing, 0.0, gradient)


def _doubtful(theta: np.ndarray, hessian: np.ndarray, bounds: np.ndarray) -> bool:
    """Whether an end lies on a bound or on a ridge, so that another start may end higher."""
    return bool(_on_bound(theta, bounds).any() or np.linalg.eigvalsh(-hessian).min() < 1e-6)


def _judge(
    theta: np.ndarray, gradient: np.ndarray, hessian: np.ndarray, bounds: np.ndarray, size: float
) -> tuple[str, np.ndarray]:
    """Return the verdict and which parameters it is about."""
    on_bound = _on_bound(theta, bounds)
    flat = on_bound & (np.abs(gradient) * size < _FLAT)
    vague = np.zeros(len(theta), dtype=bool)
    free = np.flatnonzero(~on_bound)
    if len(free):
        values, vectors = np.linalg.eigh(-hessian[np.ix_(free, free)] * size)
        lost = values < _VAGUE**-2
        vague[free] = (np.abs(vectors[:, lost]) > 0.1).any(axis=1)
    if vague.any() or flat.any():
        return "not_identified", vague | flat
    if on_bound.any():
        return "at_bound", on_bound
    if np.abs(gradient).max() > 1e-5:
        return "not_identified", np.abs(gradient) > 1e-5
    return "converged", on_bound


def _covariance(
    information: np.ndarray, loose: np.ndarray, theta: np.ndarray, bounds: np.ndarray
) -> np.ndarray:
    """Return the covariance of the log-parameters; NaN for those the data do not determine."""
    kept = np.flatnonzero(~(loose | _on_bound(theta, bounds)))
    covariance = np.full(information.shape, np.nan)
    if len(kept):
        covariance[np.ix_(kept, kept)] = np.linalg.pinv(-information[np.ix_(kept, kept)], hermitian=True)
    return covariance


def _advise(verdict: str, names: list[str]) -> str:
    listed = ", ".join(names)
    return {
        "converged": "The maximum is a clear peak; use the estimates and their standard errors.",
        "at_bound": (
            f"The likelihood still rises where {listed} ends: forecasts stand, but take no meaning from "
            "the value itself; more customers, a longer window or a simpler model would settle it."
        ),
        "not_identified": (
            f"These customers do not determine {listed}: forecasts stand, the values mean nothing; "
            "use a simpler model (NBD has no dropout) or add customers or a longer window."
        ),
    }[verdict]
