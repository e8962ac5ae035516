"""Fitting of purchase models: distinct customers, scaled time, exact gradients, covariates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_columns
from cltv_ml.models.likelihood import Maximum, climb_roughly, maximize
from cltv_ml.models.problem import Problem, merge_rows, weighted_sum, without_covariates
from cltv_ml.models.purchase_history import Rows, read_history, rescale_rows, thin_rows
from cltv_ml.models.slopes import WithSlopes

#: One parameter per name, a number or one value per customer.
Params = tuple[np.ndarray, ...]

#: Parameters that a covariate multiplies by exp(sign x slope x covariate).
Effect = tuple[tuple[str, int], ...]

_LOWEST, _HIGHEST = np.log(1e-5), np.log(1e4)  # bounds of log-parameters, time in units of the mean T
_STEEPEST = 8.0  # bound of a coefficient on a covariate in units of its standard deviation


class LikelihoodModel(BaseEstimator):
    """A model fitted by maximum likelihood to purchase counts, last purchases and observation times.

    A subclass names its parameters and writes `_terms`, the log-likelihood of each row and its derivatives
    by each parameter.
    """

    name: ClassVar[str]
    param_names: ClassVar[tuple[str, ...]]
    time_params: ClassVar[tuple[str, ...]] = ("alpha",)  # those that are lengths of time
    rate_params: ClassVar[tuple[str, ...]] = ()  # those that are per unit of time
    purchase_effect: ClassVar[Effect] = ()

    dropout_effect: ClassVar[Effect] = ()
    columns: ClassVar[tuple[str, ...]] = ("frequency", "recency", "T")
    discrete: ClassVar[bool] = False  # time is counted in opportunities, not measured
    samples: ClassVar[tuple[int, ...]] = (
        4_000,
    )  # climbed one after the other before twice as many rows or more
    chunk: ClassVar[int] = 8192  # rows worked on at once stay in the processor's cache
    purchase_covariates: Sequence[str] = ()
    dropout_covariates: Sequence[str] = ()
    penalty: float | tuple[float, float] = 0.0

    def __init__(self, time_unit: str = "days") -> None:
        self.time_unit = time_unit

    # ------------------------------------------------------------------ learn

    def fit(
        self, X: pd.DataFrame, y: pd.Series | None = None, weights: np.ndarray | pd.Series | None = None
    ) -> Self:
        """Estimate the parameters by maximum likelihood from `frequency`, `recency`, `T`; return the model.

        Parameters
        ----------
        weights
            Number of customers per row, shape (n,); one each by default.

        Raises
        ------
        InputError
            A column is missing or holds an impossible value; the message names it.
        """
        problem = self._problem(X, weights)
        self._learn(self._maximum(problem, self._starts(problem.rate)), problem)
        return self

    def fit_near(
        self,
        X: pd.DataFrame,
        params: Mapping[str, float],
        rounds: int = 20,
        weights: np.ndarray | None = None,
    ) -> Self:
        """Estimate the parameters roughly, starting from those of similar customers, without standard errors or a
        verdict.

        Several times faster than `fit`, for totals at many cutoffs of one log.

        Parameters
        ----------
        params
            Start of the search; slopes that are not named start at 0.
        rounds
            Largest number of steps.
        weights
            Customers that each row stands for, one by default.
        """
        problem = self._problem(X, weights)
        names, shapes, spread = self._all_names(), len(self.param_names), np.array(problem.spread)
        scale, start = problem.time ** self._powers_of_time(), self._point(params, problem)
        objective = self._objective(problem.rows, problem.spread)
        theta = climb_roughly(objective, start, bounds_of(shapes, len(spread)), rounds)
        values = np.r_[np.exp(theta[:shapes]) * scale[:shapes], theta[shapes:] / spread]
        return self.with_params(dict(zip(names, values, strict=True)))

    def _point(self, params: Mapping[str, float], problem: Problem) -> np.ndarray:
        """Return log-parameters and slopes in the problem's units; slopes that are not named are 0."""
        names, shapes = self._all_names(), len(self.param_names)
        scale = problem.time ** self._powers_of_time()[:shapes]
        slopes = np.array([params.get(name, 0.0) for name in names[shapes:]], dtype=np.float64)
        return np.r_[
            np.log([params[name] for name in self.param_names] / scale), slopes * np.array(problem.spread)
        ]

    def _problem(self, X: pd.DataFrame, weights: np.ndarray | pd.Series | None) -> Problem:
        """Return the distinct customers of `X`, in units that make every population comparable."""
        x, tx, T = self._read(X)
        if not T.max() > 0:
            raise InputError(
                f"{type(self).__name__}: T is 0 for every customer, so there is nothing to learn from."
            )
        purchase, dropout = self._covariates(X)
        rows = merge_rows(x, tx, T, check_weights(self, weights, len(X)), purchase, dropout)
        size = rows.weight.sum()
        time = 1.0 if self.discrete else weighted_sum(rows.weight, rows.T) / size
        spread = [max(float(np.std(column)), 1e-12) for column in (*purchase.T, *dropout.T)]
        return Problem(rescale_rows(rows, time, spread), time, spread)

    def _maximum(
        self,
        problem: Problem,
        starts: Sequence[Sequence[float]],
        near: np.ndarray | None = None,
        samples: Sequence[int] | None = None,
    ) -> Maximum:
        """Return the highest likelihood found from `starts`, which have no slopes on covariates, or from `near`;
        `samples` are those of the class by default.
        """
        rows, spread = problem.rows, problem.spread
        shapes, slopes = len(self.param_names), len(spread)
        objective = self._objective(rows, spread)
        points = [np.r_[np.log(start), np.zeros(slopes)] for start in starts]
        if near is not None:
            points = [near]
        elif isinstance(objective, WithSlopes):
            points = [np.r_[self._maximum(without_covariates(problem), starts).theta, np.zeros(slopes)]]
        sizes = [size for size in (self.samples if samples is None else samples) if 2 * size < len(rows)]
        return maximize(
            objective,
            points,
            bounds_of(shapes, slopes),
            names=self._all_names()[: shapes + slopes],
            size=problem.size,
            samples=[self._objective(thin_rows(rows, size), spread) for size in sizes],
        )

    def _objective(
        self, rows: Rows, spread: Sequence[float] = ()
    ) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
        """Return the mean log-likelihood and its gradient as a function of log-parameters and slopes."""
        chunks = [rows.take(slice(first, first + self.chunk)) for first in range(0, len(rows), self.chunk)]
        if len(spread):
            penalties = self._penalties() / np.square(spread)
            return WithSlopes(self._params_at, self._terms, self._directions(), chunks, penalties)
        size, nothing = rows.weight.sum(), np.zeros(0)

        def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
            """Return the value and its gradient, summed over chunks of the rows."""
            value, gradient = 0.0, np.zeros(len(theta))
            for chunk in chunks:
                params = self._spread(np.exp(theta), nothing, chunk.purchase, chunk.dropout)
                terms, derivatives = self._terms(params, chunk)
                value += chunk.weight @ terms
                gradient += [
                    param * (chunk.weight @ by) if np.ndim(param) == 0 else chunk.weight @ (param * by)
                    for param, by in zip(params, derivatives, strict=True)
                ]
            return value / size, gradient / size

        return objective

    def _params_at(self, theta: np.ndarray, rows: Rows) -> Params:
        """Return each row's parameters at log-parameters and slopes."""
        shapes = len(self.param_names)
        return self._spread(np.exp(theta[:shapes]), theta[shapes:], rows.purchase, rows.dropout)

    def _directions(self) -> np.ndarray:
        """Return the signs with which each parameter, a purchase and a dropout covariate move log-parameters."""
        effects = [dict(effect) for effect in (self.purchase_effect, self.dropout_effect)]
        signs = [[effect.get(name, 0) for name in self.param_names] for effect in effects]
        return np.vstack([np.eye(len(self.param_names)), signs])

    def _learn(self, maximum: Maximum, problem: Problem) -> None:
        """Store a maximum in the user's units."""
        self.__dict__.pop("posterior_", None)
        names, shapes = self._all_names(), len(self.param_names)
        spread = np.array([1.0] * shapes + list(problem.spread))
        values = np.r_[np.exp(maximum.theta[:shapes]), maximum.theta[shapes:] / spread[shapes:]]
        values *= problem.time ** self._powers_of_time()
        deviation = np.sqrt(np.maximum(np.diag(maximum.covariance), 0.0)) * np.where(
            np.arange(len(names)) < shapes, values, 1 / spread
        )
        self.params_ = {name: float(value) for name, value in zip(names, values, strict=True)}
        self.standard_errors_ = {name: float(value) for name, value in zip(names, deviation, strict=True)}
        self.covariance_ = maximum.covariance / np.outer(spread, spread)
        shrunk = problem.size * float(self._penalties() @ np.square(values[shapes:]))
        unscaled = weighted_sum(problem.rows.weight, problem.rows.x) * np.log(problem.time)
        self.log_likelihood_ = float(maximum.log_likelihood + shrunk - unscaled)
        self.n_customers_ = problem.size
        self.aic_ = 2 * len(names) - 2 * self.log_likelihood_
        self.bic_ = float(np.log(problem.size)) * len(names) - 2 * self.log_likelihood_
        self.convergence_ = {
            "verdict": maximum.verdict,
            "gradient_norm": maximum.gradient_norm,
            "advice": maximum.advice,
        }
        self.feature_names_in_ = np.array([*self.columns, *getattr(self, "reads", ())], dtype=object)

    def _read(self, X: pd.DataFrame) -> tuple[np.ndarray, ...]:
        """Return purchases, age at the last one and age now, shape (n,) each, or raise."""
        return read_history(self, X, self.columns)

    def _own(self, covariates: Sequence[np.ndarray]) -> Params:
        """Return the parameters, one value per customer where covariates move them."""
        values = np.array([self.params_[name] for name in self._all_names()])
        shapes, first = len(self.param_names), len(self.purchase_covariates)
        columns = np.array(covariates).T if len(covariates) else np.zeros((0, 0))
        return self._spread(values[:shapes], values[shapes:], columns[:, :first], columns[:, first:])

    def _spread(
        self, shapes: np.ndarray, slopes: np.ndarray, purchase: np.ndarray, dropout: np.ndarray
    ) -> Params:
        """Return the parameters with the covariates' effect, as in Fader and Hardie (2007)."""
        params = dict(zip(self.param_names, shapes, strict=True))
        first = purchase.shape[1]
        for effect, slope, columns in (
            (self.purchase_effect, slopes[:first], purchase),
            (self.dropout_effect, slopes[first:], dropout),
        ):
            if len(slope):
                factor = np.exp(np.clip(columns @ slope, -300.0, 300.0))
                for name, sign in effect:
                    params[name] = params[name] * factor**sign
        return tuple(params.values())

    def _covariates(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return the covariates of purchase and of dropout, shapes (n, k)."""
        matrices: list[np.ndarray] = []
        for names in (self.purchase_covariates, self.dropout_covariates):
            if matrices and [*names] == [*self.purchase_covariates]:
                return matrices[0], matrices[0]
            matrix = check_columns(self, X, list(names)) if len(names) else np.zeros((len(X), 0))
            if np.isnan(matrix).any():
                raise InputError(
                    f"{type(self).__name__}: a covariate among {list(names)} has missing values; fill them."
                )
            matrices.append(matrix)
        return matrices[0], matrices[1]

    def _penalties(self) -> np.ndarray:
        """Return the penalty of each slope."""
        pair = np.asarray(self.penalty, dtype=np.float64)
        if pair.shape not in ((), (2,)) or not (np.isfinite(pair).all() and (pair >= 0).all()):
            raise InputError(
                f"{type(self).__name__}: penalty must be a number of 0 or more, or a pair of them for "
                f"purchase and dropout covariates; got {self.penalty!r}."
            )
        return np.repeat(
            np.broadcast_to(pair, 2), [len(self.purchase_covariates), len(self.dropout_covariates)]
        )

    def _all_names(self) -> list[str]:
        return [
            *self.param_names,
            *(f"purchase:{name}" for name in self.purchase_covariates),
            *(f"dropout:{name}" for name in self.dropout_covariates),
        ]

    def _powers_of_time(self) -> np.ndarray:
        """Return the power of the unit of time that each parameter is measured in: 1, -1 or 0."""
        return np.array(
            [float(name in self.time_params) - float(name in self.rate_params) for name in self._all_names()]
        )

    # ------------------------------------------------- what a paper's file says

    def _starts(self, rate: float) -> list[tuple[float, ...]]:
        """Return the starting points, time in units of the mean T, given purchases per unit."""
        raise NotImplementedError

    def _terms(self, params: Params, rows: Rows) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Return each row's log-likelihood and its derivative by each parameter."""
        raise NotImplementedError


def bounds_of(shapes: int, slopes: int = 0) -> np.ndarray:
    """Return the bounds of log-parameters and slopes, shape (k, 2)."""
    return np.array([[_LOWEST, _HIGHEST]] * shapes + [[-_STEEPEST, _STEEPEST]] * slopes)


def check_weights(model: BaseEstimator, weights: np.ndarray | pd.Series | None, n: int) -> np.ndarray:
    """Return one positive weight per row."""
    if weights is None:
        return np.ones(n)
    checked = np.asarray(weights, dtype=np.float64)
    if checked.shape != (n,) or not (np.isfinite(checked).all() and (checked > 0).all()):
        raise InputError(
            f"{type(model).__name__}: weights must be {n} positive finite numbers, one per row; "
            f"got shape {checked.shape}."
        )
    return checked
