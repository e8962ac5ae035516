"""Likelihood whose parameters follow covariates: value, gradient and Hessian by the chain rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cltv_ml.models.purchase_history import Rows

#: Each row's log-likelihood and its derivatives by each parameter, from the parameters and the rows.
RowTerms = Callable[[tuple[np.ndarray, ...], Rows], tuple[np.ndarray, tuple[np.ndarray, ...]]]

_LOG_STEP = 1e-4  # of a log-parameter, in the differences of first derivatives that make second ones


@dataclass(frozen=True)
class WithSlopes:
    """The mean log-likelihood of some rows and its gradient, as a function of log-parameters and slopes.

    A slope moves a row's likelihood only through parameters that it multiplies: the second derivatives by hundreds of
    slopes follow from those by the few parameters, row by row.

    Parameters
    ----------
    own_params
        Each row's parameters, from log-parameters and slopes.
    directions
        Shape (parameters + 2, parameters): which log-parameters each parameter, the covariates of `purchase` and those
        of `dropout` move, and their signs.
    penalties
        Of each squared slope.
    """

    own_params: Callable[[np.ndarray, Rows], tuple[np.ndarray, ...]]
    terms: RowTerms
    directions: np.ndarray
    chunks: Sequence[Rows]
    penalties: np.ndarray

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the value at `theta` and its gradient, shape (k,)."""
        value, gradient = 0.0, np.zeros(len(theta))
        for rows in self.chunks:
            terms, by_log = self._by_log(self.own_params(theta, rows), rows)
            value += rows.weight @ terms
            moved = self.directions @ (rows.weight * by_log)
            gradient += np.concatenate(
                [by @ columns for by, columns in zip(moved, self._columns(rows), strict=True)]
            )
        slopes = theta[self.directions.shape[1] :]
        gradient = gradient / self._size
        gradient[len(theta) - len(slopes) :] -= 2 * self.penalties * slopes
        return value / self._size - float(self.penalties @ slopes**2), gradient

    def hessian(self, theta: np.ndarray, rough: bool = False) -> np.ndarray:
        """Return the second derivatives at `theta`, shape (k, k); `rough` ones have four digits, for half the price."""
        total = sum(self._curvature(theta, rows, rough) for rows in self.chunks) / self._size
        shapes = self.directions.shape[1]
        return total - 2 * np.diag(np.r_[np.zeros(shapes), self.penalties])

    @property
    def _size(self) -> float:
        return float(sum(rows.weight.sum() for rows in self.chunks))

    def _columns(self, rows: Rows) -> list[np.ndarray]:
        """Return what each log-parameter and each slope is multiplied by, shapes (n, 1) and (n, slopes)."""
        return [*[np.ones((len(rows), 1))] * self.directions.shape[1], rows.purchase, rows.dropout]

    def _by_log(self, params: tuple[np.ndarray, ...], rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Return each row's log-likelihood, and its derivatives by each log-parameter, shape (parameters, n)."""
        terms, derivatives = self.terms(params, rows)
        return terms, np.array(
            [param * by + 0 * terms for param, by in zip(params, derivatives, strict=True)]
        )

    def _curvature(self, theta: np.ndarray, rows: Rows, rough: bool) -> np.ndarray:
        """Return the sum of the rows' second derivatives by log-parameters and slopes."""
        params = self.own_params(theta, rows)

        def moved(number: int, step: float) -> np.ndarray:
            """Return the derivatives where one log-parameter is `step` larger."""
            own = [param * np.exp(step) if at == number else param for at, param in enumerate(params)]
            return self._by_log(tuple(own), rows)[1]

        numbers = range(len(params))
        above = np.array([moved(number, _LOG_STEP) for number in numbers])
        below = np.array([moved(0, 0.0)] if rough else [moved(number, -_LOG_STEP) for number in numbers])
        second = (above - below) / (_LOG_STEP if rough else 2 * _LOG_STEP)
        second = rows.weight * (second + second.transpose(1, 0, 2)) / 2
        return self._by_columns(
            np.einsum("aj,jkn,bk->abn", self.directions, second, self.directions, optimize=True), rows
        )

    def _by_columns(self, by_pair: np.ndarray, rows: Rows) -> np.ndarray:
        """Return the sum over rows of second derivatives by pairs of parameters, each times the pair's columns."""
        shapes, purchase, dropout = len(by_pair) - 2, rows.purchase, rows.dropout
        mixed = purchase.T @ (by_pair[shapes, shapes + 1][:, None] * dropout)
        slopes = np.block(
            [
                [purchase.T @ (by_pair[shapes, shapes][:, None] * purchase), mixed],
                [mixed.T, dropout.T @ (by_pair[-1, -1][:, None] * dropout)],
            ]
        )
        sides = np.hstack([by_pair[:shapes, shapes] @ purchase, by_pair[:shapes, -1] @ dropout])
        return np.block([[by_pair[:shapes, :shapes].sum(axis=2), sides], [sides.T, slopes]])
