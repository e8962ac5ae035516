r"""Partial pooling: parameters per cohort, shop or country, shrunk to the population's if data are few.

With \(\theta_g\) the logarithms of group \(g\)'s parameters and \(L_g\) its likelihood,

\[ \theta_g \sim N(m, \Sigma), \qquad \hat\theta_g = \arg\max\; \log L_g(\theta_g)
   - \tfrac12 (\theta_g - m)' \Sigma^{-1} (\theta_g - m) \]

\(m\) and \(\Sigma\) are estimated from all groups (empirical Bayes) by expectation and maximisation; a posterior is
taken as normal around its maximum.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import pandas as pd
from sklearn.base import clone

from cltv_ml.errors import InputError
from cltv_ml.models.fitting import bounds_of
from cltv_ml.models.inputs import as_pandas
from cltv_ml.models.likelihood import Maximum, maximize
from cltv_ml.models.mbg_cnbd import MBGCNBD
from cltv_ml.models.purchases import PurchaseModel
from cltv_ml.models.scaled import Scaled, as_params, as_theta, scaled

_ROUNDS, _STILL = 20, 0.04  # of the estimate of the population of groups; the change at which it ends
_GUESS, _GUESSES = (
    0.1,
    2.0,
)  # standard deviation that groups have before any is seen, and for how many it counts

Model = TypeVar("Model", bound=PurchaseModel)


@dataclass(frozen=True)
class Pooled(Generic[Model]):
    """Models by group, one at the population mean for unseen groups, and the spread between groups."""

    models: dict[Hashable, Model]
    middle: Model
    #: Standard deviation between groups of the logarithm of each parameter.
    spread: dict[str, float]

    def of(self, group: Hashable) -> Model:
        """Return the model of a group."""
        return self.models.get(group, self.middle)

    def expected_purchases(self, X: pd.DataFrame, groups: pd.Series, t: float | str) -> np.ndarray:
        """Return the expected purchases of customers in the next `t`, each by their group's model."""
        X, groups = as_pandas(X), pd.Series(groups)
        expected = np.empty(len(X))
        for group, rows in (
            groups.reset_index(drop=True).groupby(groups.to_numpy(), dropna=False).indices.items()
        ):
            expected[rows] = self.of(group).expected_purchases(X.iloc[rows], t)
        return expected


def fit_pooled(model: Model, X: pd.DataFrame, groups: pd.Series) -> Pooled[Model]:
    """Return a purchase model per group of customers; the fewer data a group has, the more it is shrunk to the
    population.

    Parameters
    ----------
    model
        Any purchase model; it is cloned. `MBGCNBD` needs its `k`.
    groups
        Each customer's cohort, shop, country or channel, by the rows of `X`.

    Raises
    ------
    InputError
        There are fewer than two groups, or a group is missing.
    """
    X, groups = as_pandas(X), pd.Series(groups)
    if len(groups) != len(X) or groups.isna().any() or groups.nunique() < 2:
        raise InputError(
            f"fit_pooled: groups must give the group of each of {len(X)} customers, with at least two "
            f"different groups; found {len(groups)} with {groups.nunique()} different and "
            f"{int(groups.isna().sum())} missing."
        )
    whole = clone(model).fit(X)
    if isinstance(whole, MBGCNBD):
        whole.set_params(k=whole.k_)
    parts = groups.reset_index(drop=True).groupby(groups.to_numpy()).indices
    bought_again = X[whole.columns[-1]].to_numpy() > 0
    likelihoods = {
        group: scaled(whole, X.iloc[rows]) for group, rows in parts.items() if bought_again[rows].any()
    }
    middle, spread, maxima = _population(as_theta(whole, whole.params_), list(likelihoods.values()))
    models = {
        group: _group_model(whole, likelihood, maximum)
        for (group, likelihood), maximum in zip(likelihoods.items(), maxima, strict=True)
    }
    names, deviations = whole._all_names(), np.sqrt(np.diag(spread))
    between = dict(zip(names, map(float, deviations), strict=True))
    return Pooled(models, clone(whole).with_params(as_params(whole, middle)), between)


def _population(start: np.ndarray, likelihoods: list[Scaled]) -> tuple[np.ndarray, np.ndarray, list[Maximum]]:
    """Return the mean and the covariance of the groups' parameters, and each group's maximum given both."""
    middle, spread = start, 0.25 * np.eye(len(start))
    near = [start] * len(likelihoods)
    for _ in range(_ROUNDS):
        maxima = [
            _shrunk(*likelihood_and_start, middle, spread)
            for likelihood_and_start in zip(likelihoods, near, strict=True)
        ]
        near = [scaled.outward(maximum.theta) for scaled, maximum in zip(likelihoods, maxima, strict=True)]
        before = middle, np.sqrt(np.diag(spread))
        middle = np.mean(near, axis=0)
        unsure = sum(
            np.where(
                np.isnan(maximum.covariance),
                spread,
                maximum.covariance / np.outer(scaled.stretch, scaled.stretch),
            )
            for scaled, maximum in zip(likelihoods, maxima, strict=True)
        )
        apart = np.array(near) - middle
        scatter = apart.T @ apart + unsure + _GUESSES * _GUESS**2 * np.eye(len(start))
        spread = scatter / (len(near) + _GUESSES)
        moved = np.abs(middle - before[0]) + np.abs(np.sqrt(np.diag(spread)) / before[1] - 1)
        if moved.max() < _STILL:
            break
    return middle, spread, maxima


def _shrunk(likelihood: Scaled, near: np.ndarray, middle: np.ndarray, spread: np.ndarray) -> Maximum:
    """Return the maximum of one group's likelihood times the distribution of groups."""
    pull = np.linalg.inv(spread) / likelihood.problem.size

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the value and its gradient."""
        value, gradient = likelihood.objective(theta)
        apart = likelihood.outward(theta) - middle
        return value - apart @ pull @ apart / 2, gradient - pull @ apart / likelihood.stretch

    shapes, names = len(likelihood.model.param_names), likelihood.model._all_names()
    return maximize(
        objective,
        [likelihood.inward(near)],
        bounds_of(shapes, len(names) - shapes),
        names=names,
        size=likelihood.problem.size,
    )


def _group_model(whole: Model, likelihood: Scaled, maximum: Maximum) -> Model:
    """Return a group's model."""
    model = clone(whole)
    if isinstance(whole, MBGCNBD):
        model.k_ = whole.k_
    model._learn(maximum, likelihood.problem)
    model.log_likelihood_ = likelihood.log_likelihood(likelihood.outward(maximum.theta))
    return model
