"""Problems of a fit: distinct customers with time and covariates in units that make all populations comparable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cltv_ml.models.distinct_rows import group_rows
from cltv_ml.models.purchase_history import Rows, build_rows


@dataclass(frozen=True)
class Problem:
    """Distinct customers with time in units of `time` and covariates in units of their `spread`."""

    rows: Rows
    time: float
    spread: Sequence[float]

    @property
    def size(self) -> float:
        """The number of customers."""
        return float(self.rows.weight.sum())

    @property
    def rate(self) -> float:
        """Purchases per unit of time, above zero."""
        weight, rows = self.rows.weight, self.rows
        return float(
            np.clip(weighted_sum(weight, rows.x) / max(weighted_sum(weight, rows.T), 1e-12), 1e-3, 1e3)
        )


def merge_rows(
    x: np.ndarray,
    tx: np.ndarray,
    T: np.ndarray,
    weights: np.ndarray,
    purchase: np.ndarray,
    dropout: np.ndarray,
) -> Rows:
    """Return identical customers as one row with their number."""
    columns, place = group_rows([x, tx, T, *purchase.T, *(() if dropout is purchase else dropout.T)])
    weight = np.bincount(place, weights=weights)
    first = 3 + purchase.shape[1]
    n = len(weight)
    if dropout is purchase:
        columns = [*columns, *columns[3:]]
    return build_rows(
        columns[0],
        columns[1],
        columns[2],
        weight,
        np.array(columns[3:first]).reshape(-1, n).T,
        np.array(columns[first:]).reshape(-1, n).T,
    )


def without_covariates(problem: Problem) -> Problem:
    """Return the problem of a plain model of the same customers."""
    rows, none = problem.rows, np.zeros((len(problem.rows), 0))
    return Problem(merge_rows(rows.x, rows.tx, rows.T, rows.weight, none, none), problem.time, [])


def weighted_sum(x: np.ndarray, y: np.ndarray) -> float:
    """Return the sum of products; BLAS would start threads for it, which costs more on a busy machine."""
    return float((x * y).sum())
