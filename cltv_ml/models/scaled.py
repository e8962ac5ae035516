"""The likelihood of a fitted purchase model by its parameters in the user's units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cltv_ml.models.fitting import LikelihoodModel
from cltv_ml.models.likelihood import LogLikelihood
from cltv_ml.models.problem import Problem


@dataclass(frozen=True)
class Scaled:
    """A likelihood of customers in units that make every population comparable: a model's parameters as logarithms, its
    slopes as they are, times `stretch`, less `shift`.
    """

    model: LikelihoodModel
    problem: Problem
    objective: LogLikelihood
    stretch: np.ndarray
    shift: np.ndarray

    def inward(self, theta: np.ndarray) -> np.ndarray:
        """Return parameters in the user's units as the likelihood takes them."""
        return theta * self.stretch - self.shift

    def outward(self, theta: np.ndarray) -> np.ndarray:
        """Return parameters of the likelihood in the user's units."""
        return (theta + self.shift) / self.stretch

    def log_likelihood(self, theta: np.ndarray) -> float:
        """Return the log-likelihood of all customers at parameters in the user's units, without a penalty."""
        rows, shapes = self.problem.rows, len(self.model.param_names)
        shrunk = float(self.model._penalties() @ np.square(theta[shapes:]))
        mean = self.objective(self.inward(theta))[0] + shrunk
        return float(self.problem.size * mean - (rows.weight * rows.x).sum() * np.log(self.problem.time))


def scaled(model: LikelihoodModel, X: pd.DataFrame) -> Scaled:
    """Return the likelihood of customers `X` under a model, fitted or not."""
    problem = model._problem(X, None)
    names = model._all_names()
    power = np.array([(name in model.time_params) - (name in model.rate_params) for name in names])
    stretch = np.r_[np.ones(len(model.param_names)), np.asarray(problem.spread, dtype=np.float64)]
    objective = model._objective(problem.rows, problem.spread)
    return Scaled(model, problem, objective, stretch, power * np.log(problem.time))


def as_theta(model: LikelihoodModel, params: Mapping[str, float]) -> np.ndarray:
    """Return parameters as logarithms and slopes as they are, in the model's order."""
    values, shapes = np.array([params[name] for name in model._all_names()]), len(model.param_names)
    return np.r_[np.log(values[:shapes]), values[shapes:]]


def as_params(model: LikelihoodModel, theta: np.ndarray) -> dict[str, float]:
    """Return `as_theta`'s parameters by name."""
    shapes = len(model.param_names)
    values = np.r_[np.exp(np.clip(theta[:shapes], -300.0, 300.0)), theta[shapes:]]
    return dict(zip(model._all_names(), map(float, values), strict=True))


def log_likelihood(
    model: LikelihoodModel, X: pd.DataFrame, params: Mapping[str, float] | None = None
) -> float:
    """Return the log-likelihood of customers `X` at the fitted parameters, or at others: how likely a model finds
    customers that it was not fitted on.
    """
    return scaled(model, X).log_likelihood(as_theta(model, model.params_ if params is None else params))
