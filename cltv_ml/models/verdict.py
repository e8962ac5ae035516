"""Verdict on a maximum of a likelihood: which parameters the data determine, and how well."""

from __future__ import annotations

import numpy as np

_AT_BOUND = 1e-4  # parameters are logarithms: this close to its bound, one lies on it
_FLAT = 0.02  # a log-likelihood that changes less than this per e-fold says nothing about the parameter
_VAGUE = 4.0  # standard error of a logarithm: the 95% interval spans a factor of three thousand each way


def on_bound(theta: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return whether each parameter lies on a bound, shape (k,)."""
    return (theta - bounds[:, 0] < _AT_BOUND) | (bounds[:, 1] - theta < _AT_BOUND)


def projected(gradient: np.ndarray, theta: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the gradient without the components that only push against a bound."""
    pushing = ((theta - bounds[:, 0] < _AT_BOUND) & (gradient < 0)) | (
        (bounds[:, 1] - theta < _AT_BOUND) & (gradient > 0)
    )
    return np.where(pushing, 0.0, gradient)


def doubtful(theta: np.ndarray, hessian: np.ndarray, bounds: np.ndarray) -> bool:
    """Return whether a climb ended on a bound or on a ridge, so that another start may end higher."""
    return bool(on_bound(theta, bounds).any() or np.linalg.eigvalsh(-hessian).min() < 1e-6)


def reach_verdict(
    theta: np.ndarray, gradient: np.ndarray, hessian: np.ndarray, bounds: np.ndarray, size: float
) -> tuple[str, np.ndarray]:
    """Return the verdict and the parameters that it concerns."""
    at_bound = on_bound(theta, bounds)
    flat = at_bound & (np.abs(gradient) * size < _FLAT)
    vague = np.zeros(len(theta), dtype=bool)
    free = np.flatnonzero(~at_bound)
    if len(free):
        values, vectors = np.linalg.eigh(-hessian[np.ix_(free, free)] * size)
        lost = values < _VAGUE**-2
        vague[free] = (np.abs(vectors[:, lost]) > 0.1).any(axis=1)
    if vague.any() or flat.any():
        return "not_identified", vague | flat
    if at_bound.any():
        return "at_bound", at_bound
    if np.abs(gradient).max() > 1e-5:
        return "not_identified", np.abs(gradient) > 1e-5
    return "converged", at_bound


def covariance(
    information: np.ndarray, loose: np.ndarray, theta: np.ndarray, bounds: np.ndarray
) -> np.ndarray:
    """Return the covariance of the log-parameters; NaN for those the data do not determine."""
    free = np.flatnonzero(~(loose | on_bound(theta, bounds)))
    whole = np.full(information.shape, np.nan)
    if len(free):
        whole[np.ix_(free, free)] = np.linalg.pinv(-information[np.ix_(free, free)], hermitian=True)
    return whole


def advise(verdict: str, names: list[str]) -> str:
    """Return the advice that follows from a verdict on the parameters `names`."""
    listed = ", ".join(names)
    return {
        "converged": "The maximum is a clear peak; use the estimates and their standard errors.",
        "at_bound": (
            f"The likelihood still rises at the end of the range of {listed}: use the forecasts, but do not "
            "interpret the value itself; more customers, a longer window or a simpler model may determine "
            "it."
        ),
        "not_identified": (
            f"These customers do not determine {listed}: use the forecasts, but do not interpret the values; "
            "use a simpler model (NBD has no dropout), more customers or a longer window."
        ),
    }[verdict]
