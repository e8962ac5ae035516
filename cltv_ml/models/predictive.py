"""Predictive intervals from draws, which include chance and the uncertainty of parameters."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

from cltv_ml.errors import InputError

#: Number of parameter vectors that represent the uncertainty of an estimate.
PLAUSIBLE = 50
_DRAWS = 1 << 20  # numbers drawn at once, which bounds the memory


def check_coverage(model: BaseEstimator, coverage: float) -> None:
    """Raise when `coverage` is not a probability."""
    if not 0 < coverage < 1:
        raise InputError(f"{type(model).__name__}: coverage must be between 0 and 1, got {coverage!r}.")


def row_blocks(n: int, size: int) -> list[slice]:
    """Return slices of rows for which `size` draws each fit into memory."""
    rows = max(1, _DRAWS // max(size, 1))
    return [slice(first, first + rows) for first in range(0, n, rows)]


def draw_parameters(
    centre: np.ndarray, covariance: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Return normal draws around `centre`, shape (count, k), with exactly that mean.

    Parameters that the data do not determine (NaN in `covariance`) keep their value.
    """
    values, vectors = np.linalg.eigh(np.nan_to_num(covariance, nan=0.0))
    noise = rng.standard_normal((count, len(centre)))
    noise -= noise.mean(axis=0)
    return centre + (noise * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def between(draws: np.ndarray, coverage: float) -> np.ndarray:
    """Return the bounds of an interval that holds nearly `coverage` of each row's draws, shape (n, 2).

    Both tails are cut alike; where zero alone is more likely than a tail, nothing can be cut below it, so the
    interval starts at zero and only the upper tail is cut. Counts are discrete: a bound takes the value whose tail is
    nearest to the nominal one (the mid-p rule), above or below. Zero alone is the narrowest interval there is, so
    customers who buy nothing with a probability above `coverage` are covered more often than that.

    >>> between(np.array([[0, 0, 0, 0, 0, 0, 0, 0, 1, 7], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]), 0.8).tolist()
    [[0.0, 0.0], [2.0, 9.0]]
    """
    tail = (1 - coverage) / 2
    ordered = np.sort(draws, axis=1)
    from_zero = (ordered <= 0).mean(axis=1) >= tail
    lower = np.where(from_zero, 0, -_nearest(-ordered[:, ::-1], 1 - tail))
    upper = np.where(from_zero, _nearest(ordered, coverage), _nearest(ordered, 1 - tail))
    return np.column_stack([lower, np.maximum(lower, upper)]).astype(np.float64)


def _nearest(ordered: np.ndarray, share: float) -> np.ndarray:
    """Return the draw of each row that is nearest to the quantile `share`."""
    rank = share * ordered.shape[1]
    value = ordered[:, int(np.ceil(rank - 1e-9)) - 1]
    below = (ordered < value[:, None]).sum(axis=1)
    reached = (ordered <= value[:, None]).sum(axis=1)
    previous = np.take_along_axis(ordered, np.maximum(below - 1, 0)[:, None], axis=1)[:, 0]
    return np.where((below > 0) & (rank - below < reached - rank), previous, value)
