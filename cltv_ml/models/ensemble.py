"""The ensemble of several models, weighted on out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from sklearn.base import clone

from cltv_ml.errors import InputError
from cltv_ml.models.attribution import BASELINE
from cltv_ml.models.base import ValueModel, by_name, check_fitted
from cltv_ml.models.hurdle import Hurdle
from cltv_ml.models.hybrid import Hybrid
from cltv_ml.models.inputs import as_labels, as_pandas
from cltv_ml.models.out_of_fold import OUT_OF_TIME, at_latest, for_each, out_of_fold
from cltv_ml.models.pareto_nbd import ParetoNBD
from cltv_ml.models.probabilistic import ProbabilisticValue
from cltv_ml.models.tweedie import Tweedie

#: The value of `weights` that weights all members equally.
EQUAL = "equal"

#: Smallest weight: a member below it is left out, because the weight is noise.
LEAST_WEIGHT = 0.02

#: Largest number of rows that weights are learned on; more change nothing.
MOST_ROWS = 100_000

#: Tweedie's variance power of the loss that weights minimise, as in the trees.
TWEEDIE_POWER = 1.5


class Ensemble(ValueModel):
    """A weighted mean of other models' values: the shares come from all members, the total from one.

    Every member is first scaled to the same total, so the weights decide only the shares of customers. They are not
    negative, add up to one and minimise the Tweedie deviance of out-of-fold predictions (`models.out_of_fold`). If a
    single member is as good within one standard error of the difference, it gets all the weight; of several such
    members the first in the list, so list the simpler ones first.

    If no window ended before the latest began, out-of-fold rows show how models generalise to other customers, not to
    a later window. Members that learn only from labels then get no weight: in a log of a single cohort, every
    customer to predict is older than any customer in the training rows.

    The total is the hybrid's, else that of the first probabilistic member, else the weighted mean of the members'
    totals: models that learn from labels carry the level of other windows into this one.

    Parameters
    ----------
    horizon
        Days over which `y` was summed; members are set to the same.
    members
        The models or a mapping of names to them, the simpler first; Pareto/NBD, Tweedie, hurdle and hybrid if None.
    features
        Columns that the default members learn from; all if None, and text is then refused.
    weights
        Weight by member name; learned in `fit` if None. Passing them saves the fits that learning takes. "equal"
        weights all members equally, under the name "mean", because learned weights may be due to chance.
    """

    needs_labels = True
    members_: list[ValueModel]

    def __init__(
        self,
        horizon: int = 91,
        *,
        members: Mapping[str, ValueModel] | Sequence[ValueModel] | None = None,
        features: Sequence[str] | None = None,
        weights: Mapping[str, float] | str | None = None,
    ) -> None:
        self.horizon = horizon
        self.members = members
        self.features = features
        self.weights = weights

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name under which the model competes."""
        return "mean" if self.weights == EQUAL else "ensemble"

    def fit(self, X: pd.DataFrame, y: pd.Series | None = None) -> Self:
        """Learn weights out of fold at the latest cutoff, then fit the members with a weight on all rows."""
        X = as_pandas(X)
        labels = pd.Series(as_labels(self, y, len(X)), index=X.index)
        members, weights = self.components(), self._given()
        if weights is None:
            predicted = out_of_fold(members, X, labels, self.horizon)
            if predicted.failures:
                raise InputError(next(iter(predicted.failures.values())))
            truth = labels.loc[predicted.predictions.index]
            weights = self.learn(predicted.predictions, truth, carries_over=predicted.protocol == OUT_OF_TIME)
        latest, carrier = at_latest(X), _carrier(members)
        needed = [member for member in members if weights.get(member.name) or member.name == carrier]

        def fit_member(place: int) -> ValueModel:
            """Fit a member on its training rows."""
            member = needed[place]
            return member.fit(X, labels) if member.needs_labels else member.fit(latest)

        fitted = for_each(needed, fit_member)
        return self._unite({member.name: member for member in fitted}, weights, latest)

    def learn(self, unseen: pd.DataFrame, y: pd.Series, *, carries_over: bool = True) -> dict[str, float]:
        """Return weights by member name, from out-of-fold predictions and the truth.

        `carries_over` states whether these rows were predicted in the same way as future rows.
        """
        names = self._trusted(carries_over)
        if self.weights == EQUAL:
            return dict.fromkeys(names, 1.0)
        return dict(zip(names, map(float, learn_weights(unseen[names], y)), strict=True))

    def _given(self) -> Mapping[str, float] | None:
        """Return the weights if they need not be learned, else None."""
        if isinstance(self.weights, str):
            if self.weights != EQUAL:
                raise InputError(
                    f'Ensemble: weights must be numbers by name, None or "{EQUAL}", got {self.weights!r}.'
                )
            return dict.fromkeys((member.name for member in self.components()), 1.0)
        return self.weights

    def _trusted(self, carries_over: bool) -> list[str]:
        members = self.components()
        from_history = [
            member.name for member in members if not member.needs_labels or member.level_from_history
        ]
        return from_history if from_history and not carries_over else [member.name for member in members]

    def combine(self, fitted: Mapping[str, ValueModel], X: pd.DataFrame) -> Self:
        """Combine members by name, fitted and adapted to customers `X`, with the ensemble's `weights`; return it."""
        weights = self._given()
        if weights is None:
            raise InputError("Ensemble: combine needs weights; give them, or call fit to learn them.")
        return self._unite(fitted, weights, X)

    def weighted(self, unseen: pd.DataFrame, y: pd.Series, *, carries_over: bool = True) -> Ensemble:
        """Return the ensemble with its `weights`, learned from out-of-fold predictions and the truth if not given."""
        if self.weights == EQUAL:
            return self.keep(self._trusted(carries_over))
        return self.set_params(weights=self.weights or self.learn(unseen, y, carries_over=carries_over))

    def weigh(self, unseen: pd.DataFrame, y: pd.Series, *, carries_over: bool = True) -> np.ndarray:
        """Return the ensemble's value for each row of `unseen`, its weights learned on the other half of the rows.

        Customers are halved by a hash of their id, so no row influences the weights of its own value.
        """
        values = unseen[self._trusted(carries_over)]
        carrier = _carrier(self.components())
        means = _mean_by_cutoff(values)
        level = _mean_by_cutoff(unseen[[carrier]]).iloc[:, 0] if carrier else means.mean(axis="columns")
        shapes = values.mul(level, axis="index").div(means.clip(lower=1e-12)).to_numpy()
        half = pd.util.hash_array(unseen.index.get_level_values(-1).to_numpy(dtype=object)) % 2 == 0
        together = np.empty(len(unseen))
        for rows in (half, ~half):
            even = np.full(values.shape[1], 1 / values.shape[1])
            alike = self.weights == EQUAL or not (y[~rows] > 0).any()
            weights = even if alike else learn_weights(values[~rows], y[~rows])
            together[rows] = shapes[rows] @ weights
        return together

    def adapt(self, X: pd.DataFrame) -> Self:
        """Adapt the members to today's customers, and scale them to one total there; return the model."""
        check_fitted(self)
        self.members_ = [
            member.adapt(X) if member.needs_labels else clone(member).fit(X) for member in self.members_
        ]
        return self._bring_to_one_total(X)

    def _predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected spend over the horizon, shape (n,), in currency units."""
        return self._mean([member.predict(X) if factor else None for member, factor in self._parts()], len(X))

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return each feature's contribution to the expected value, in currency: the members' weighted mean."""
        total = pd.DataFrame({BASELINE: 0.0}, index=X.index)
        for member, factor in self._parts():
            if factor:
                total = total.add(member.contributions(X) * factor, fill_value=0.0)
        return total

    def _table(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return PREDICTIONS for `X`: the value is the ensemble's, the rest that of the member that sets the total."""
        if self.carrier_ < 0:
            return super()._table(X)
        return self.members_[self.carrier_]._table(X).assign(expected_value=self._predict(X))

    def keep(self, names: Sequence[str]) -> Self:
        """Return an unfitted copy that combines only the members of these names."""
        members = [member for member in self.components() if member.name in names]
        return clone(self).set_params(members=members)

    def sample_values(self, X: pd.DataFrame, size: int, *, seed: int = 0) -> np.ndarray:
        """Return draws of what each customer spends, from the first member that can simulate, shape (n, size)."""
        check_fitted(self)
        able = [member for member in self.members_ if hasattr(member, "sample_values")]
        if not able:
            raise InputError(
                "Ensemble: none of its members can simulate what customers spend; add a probabilistic model, such as "
                "pareto_nbd_gamma_gamma."
            )
        draws: np.ndarray = able[0].sample_values(X, size, seed=seed)
        return draws

    def components(self) -> list[ValueModel]:
        """Return the members, not yet fitted, at this horizon."""
        members = self.members
        if members is None:
            members = [
                ProbabilisticValue(ParetoNBD()),
                Tweedie(features=self.features),
                Hurdle(features=self.features),
                Hybrid(features=self.features),
            ]
        return [clone(member).set_params(horizon=self.horizon) for member in by_name(members)]

    def _unite(self, fitted: Mapping[str, ValueModel], weights: Mapping[str, float], X: pd.DataFrame) -> Self:
        members = self.components()
        unknown = sorted(set(weights) - {member.name for member in members})
        if unknown or min(weights.values()) < 0 or not sum(weights.values()) > 0:
            raise InputError(
                "Ensemble: weights must be zero or more, not all zero, and belong to "
                f"{[member.name for member in members]}, got {dict(weights)}."
            )
        total, carrier = sum(weights.values()), _carrier(members)
        self.weights_ = {member.name: weights.get(member.name, 0.0) / total for member in members}
        names = [name for name, weight in self.weights_.items() if weight or name == carrier]
        self.members_ = [fitted[name].at_own_total() for name in names]
        self.carrier_ = names.index(carrier) if carrier else -1
        columns = dict.fromkeys(str(name) for member in self.members_ for name in member.feature_names_in_)
        self.feature_names_in_ = np.array(list(columns), dtype=object)
        return self._bring_to_one_total(X)

    def _parts(self) -> list[tuple[ValueModel, float]]:
        check_fitted(self)
        return list(zip(self.members_, self.factors_, strict=True))

    def _mean(self, values: Sequence[np.ndarray | None], rows: int) -> np.ndarray:
        total = np.zeros(rows)
        for factor, value in zip(self.factors_, values, strict=True):
            if value is not None:
                total += factor * value
        return total

    def _bring_to_one_total(self, X: pd.DataFrame) -> Self:
        """Set each member's factor: its weight, times the common total over its own for customers `X`."""
        weights = np.array([self.weights_[member.name] for member in self.members_])
        totals = np.array([member.predict(X).mean() for member in self.members_])
        level = totals[self.carrier_] if self.carrier_ >= 0 else float(weights @ totals)
        self.factors_ = [
            float(weight * level / total) if total > 0 else 0.0
            for weight, total in zip(weights, totals, strict=True)
        ]
        return self


def learn_weights(unseen: pd.DataFrame, y: pd.Series) -> np.ndarray:
    """Return a weight per column of `unseen`, none negative, that add up to one.

    >>> rng = np.random.default_rng(0)
    >>> good = rng.gamma(1, 10, 2000)
    >>> unseen = pd.DataFrame({"noise": rng.gamma(1, 10, 2000), "good": good})
    >>> learn_weights(unseen, pd.Series(good * rng.gamma(2, 0.5, 2000))).round(1).tolist()
    [0.0, 1.0]
    """
    values, spent = _same_totals(unseen, y)
    count = values.shape[1]

    def loss(weights: np.ndarray) -> float:
        """Return the mean deviance of the mixture with these weights."""
        return float(_deviance(spent, values @ weights).mean())

    start = np.full(count, 1 / count)
    solution = minimize(
        loss,
        start,
        bounds=[(0.0, 1.0)] * count,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        method="SLSQP",
    )
    weights = np.clip(solution.x, 0.0, 1.0) if loss(solution.x) < loss(start) else start
    weights = np.where(weights < LEAST_WEIGHT, 0.0, weights)
    weights = weights / weights.sum()
    together = _deviance(spent, values @ weights)
    for place in range(count):
        worse = _deviance(spent, values[:, place]) - together
        if worse.mean() <= worse.std() / np.sqrt(len(spent)):
            return np.eye(count)[place]
    return weights


def _same_totals(unseen: pd.DataFrame, y: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions and truth, each with a mean of one at every cutoff, predictions above zero."""
    values = (unseen / _mean_by_cutoff(unseen).clip(lower=1e-12)).to_numpy(dtype=np.float64)
    mean = _mean_by_cutoff(y.to_frame()).iloc[:, 0]
    spent = np.divide(y.to_numpy(float), mean.to_numpy(), out=np.zeros(len(y)), where=mean.to_numpy() > 0)
    if len(unseen) > MOST_ROWS:
        rows = np.random.default_rng(0).choice(len(unseen), MOST_ROWS, replace=False)
        values, spent = values[rows], spent[rows]
    return np.maximum(values, 1e-6), spent


def _mean_by_cutoff(values: pd.DataFrame) -> pd.DataFrame:
    """Return in each row the mean of its cutoff's rows: the level differs between windows."""
    if "cutoff" in values.index.names:
        return values.groupby(level="cutoff").transform("mean")
    return pd.DataFrame(np.tile(values.mean().to_numpy(), (len(values), 1)), values.index, values.columns)


def _deviance(spent: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the Tweedie deviance per row, less what depends on `spent` only."""
    return 2 * (
        spent * expected ** (1 - TWEEDIE_POWER) / (TWEEDIE_POWER - 1)
        + expected ** (2 - TWEEDIE_POWER) / (2 - TWEEDIE_POWER)
    )


def _carrier(members: Sequence[ValueModel]) -> str | None:
    """Return the name of the member that sets the total."""
    for kind in (Hybrid, ProbabilisticValue):
        for member in members:
            if isinstance(member, kind):
                return member.name
    return None
