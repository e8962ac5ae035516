"""Values for several horizons from a model of one horizon: by construction they never fall as it grows.

A model predicts the value V for its own, main horizon. For another horizon a customer's value is V times a share:
between 0 and 1 and rising for shorter horizons, 1 for the main one, above 1 and rising for longer ones. Values of all
horizons therefore agree whatever the model, and the increments between them are never negative and add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from cltv_ml.errors import InputError
from cltv_ml.models.base import FittedIntervals, ValueModel, check_fitted
from cltv_ml.models.pareto_nbd import ParetoNBD
from cltv_ml.models.probabilistic import ProbabilisticValue
from cltv_ml.models.value_curve import ValueCurve

#: Largest number of rounds in which the totals of all horizons are fitted; three are usually enough.
_ROUNDS = 50

#: Smallest increment between the totals of two horizons, as a share of the curve's increment.
_LEAST_INCREMENT = 0.05

#: Largest factor by which trees of a shorter horizon change a value.
_LARGEST_RATIO = 1e3

#: Sharpness of the bend below 1: a value predicted for a shorter horizon alone may exceed the main one.
_BEND = 4.0


class Horizons(BaseEstimator):
    """Shares of the value for the horizon `main` by each of `days`.

    How fast a customer's value grows comes from a purchase model (`ValueCurve`). Trees may predict better which
    customers buy *soon*: for a shorter horizon they learn what customers spent within it, also from windows that are
    too recent for labels of the main horizon. The share is the purchase model's, multiplied by the ratio of the
    trees' value to it, raised to `powers`, and bent below 1.

    Parameters
    ----------
    main
        The model's own horizon in days.
    days
        All horizons in days, from the shortest to the longest, `main` among them.
    powers
        Weight of the trees by shorter horizon: at 0 none are fitted, at 1 they decide the ranking of customers.

    >>> X = pd.DataFrame({"frequency": [2.0, 0, 5, 1], "recency": [30.0, 0, 80, 5], "T": [90.0, 80, 90, 60],
    ...                   "monetary_value": [10.0, 0, 20, 15]})
    >>> Horizons(60, [30, 60, 365]).fit(X).values(X, np.full(4, 100.0)).round().iloc[0].tolist()
    [55.0, 100.0, 329.0]
    """

    def __init__(self, main: int = 91, days: Sequence[int] = (91,), powers: Sequence[float] = ()) -> None:
        self.main = main
        self.days = days
        self.powers = powers

    @property
    def shorter(self) -> list[int]:
        """The horizons shorter than the main one."""
        return [day for day in self.days if day < self.main]

    @property
    def longer(self) -> list[int]:
        """The horizons longer than the main one."""
        return [day for day in self.days if day > self.main]

    def fit(
        self,
        X: pd.DataFrame,
        learned: Mapping[int, ValueModel] | None = None,
        values: np.ndarray | None = None,
    ) -> Self:
        """Fit the purchase model on today's customers `X`; return self.

        Parameters
        ----------
        learned
            Fitted models of what customers spend within a shorter horizon.
        values
            The values of `X` for the main horizon, where models are given: theirs are scaled to the curve's total.
        """
        self.curve_ = _fit_curve(X, self.main)
        self.learned_ = [(learned or {}).get(day) for day in self.shorter]
        self.scales_ = [1.0 for _ in self.shorter]
        self.steps_ = np.ones(len(self.shorter) + 1)
        self.growth_ = np.ones(len(self.longer))
        self.intervals_: list[FittedIntervals | None] = [None for _ in self.days]
        if values is not None:
            curve = self._multiples(X)
            for place, model in enumerate(self.learned_):
                own = 0.0 if model is None else float(model.predict(X).sum())
                if own > 0:
                    self.scales_[place] = float((values * curve[:, place]).sum()) / own
        return self

    @property
    def inputs(self) -> list[str]:
        """The columns of customers that shares are computed from."""
        names = [] if self.curve_ is None else ["frequency", "recency", "T"]
        names += [
            str(name) for model in self.learned_ if model is not None for name in model.feature_names_in_
        ]
        return list(dict.fromkeys(names))

    def bring_to(self, totals: Mapping[int, float], X: pd.DataFrame, values: np.ndarray) -> Self:
        """Scale the shares so that the values of customers `X` add up to a total for each horizon; return self.

        `values` are those for the main horizon, which do not change. Totals that fall as the horizon grows, or nearly
        coincide, are moved apart; those of horizons near the main one take precedence.
        """
        self.steps_, self.growth_ = np.ones(len(self.shorter) + 1), np.ones(len(self.longer))
        own = self.values(X, values).sum()
        targets = _rising_totals(own, totals, self.main)
        shares = np.diff(np.column_stack([np.zeros(len(X)), self._inside(X, values), np.ones(len(X))]))
        self.steps_ = _rake(
            shares, values, np.diff([0.0, *(targets[day] for day in self.shorter), targets[self.main]])
        )
        from_main = [self.main, *self.longer]
        grown = [(own[b] - own[a], targets[b] - targets[a]) for a, b in pairwise(from_main)]
        self.growth_ = np.array([after / before if before > 0 else 1.0 for before, after in grown])
        return self

    def values(self, X: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
        """Return each customer's value by horizon, columns `days`, from the values for the main one."""
        check_fitted(self)
        inside = (
            np.diff(np.column_stack([np.zeros(len(X)), self._inside(X, values), np.ones(len(X))]))
            * self.steps_
        )
        inside /= np.maximum(inside.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        reached = np.minimum(np.cumsum(inside, axis=1)[:, :-1], 1.0)
        later = self._multiples(X)[:, len(self.shorter) :]
        more = np.maximum(np.diff(np.column_stack([np.ones(len(X)), later])), 0.0) * self.growth_
        shares = np.column_stack([reached, np.ones(len(X)), 1.0 + np.cumsum(more, axis=1)])
        return pd.DataFrame(shares * np.asarray(values)[:, None], index=X.index, columns=list(self.days))

    def table(self, X: pd.DataFrame, main: pd.DataFrame) -> pd.DataFrame:
        """Return `expected_value_<days>d` of each horizon, with its bounds where there are any, by `X.index`.

        Nor do the bounds fall as the horizon grows; those of the main horizon, in `main`, do not change.
        """
        value = self.values(X, main["expected_value"].to_numpy(dtype=np.float64))
        bounds = self._bounds(value, main)
        columns = {}
        for day in self.days:
            columns[f"expected_value_{day}d"] = value[day].to_numpy()
            if day in bounds:
                columns[f"value_lower_{day}d"], columns[f"value_upper_{day}d"] = bounds[day]
        return pd.DataFrame(columns, index=X.index)

    def set_intervals(self, intervals: Mapping[int, FittedIntervals]) -> Self:
        """Keep fitted intervals by horizon; return self."""
        self.intervals_ = [intervals.get(day) for day in self.days]
        return self

    def _bounds(self, value: pd.DataFrame, main: pd.DataFrame) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        if "value_lower" not in main:
            return {}
        ends = {self.main: (main["value_lower"].to_numpy(), main["value_upper"].to_numpy())}
        by_day = dict(zip(self.days, self.intervals_, strict=True))
        lower, upper = ends[self.main]
        for day in reversed(self.shorter):
            if (intervals := by_day[day]) is not None:
                low, high = intervals.predict(value[day])
                lower, upper = np.minimum(low, lower), np.maximum(np.minimum(high, upper), value[day])
                ends[day] = lower, upper
        lower, upper = ends[self.main]
        for day in self.longer:
            if (intervals := by_day[day]) is not None:
                low, high = intervals.predict(value[day])
                lower, upper = np.maximum(low, lower), np.maximum(high, upper)
                ends[day] = lower, upper
        return ends

    def _inside(self, X: pd.DataFrame, values: np.ndarray) -> np.ndarray:
        """Return the shares of the shorter horizons before they are scaled to a total, rising, shape (n, k)."""
        reached, shares = np.zeros(len(X)), []
        curve = self._multiples(X)
        for place, model in enumerate(self.learned_):
            share = curve[:, place]
            if model is not None:
                ratio = _bounded_ratio(model.predict(X) * self.scales_[place], values * share)
                share = _below_one(share * ratio ** self.powers[place])
            reached = np.maximum(reached, share)
            shares.append(reached)
        return np.column_stack(shares) if shares else np.empty((len(X), 0))

    def _multiples(self, X: pd.DataFrame) -> np.ndarray:
        """Return the purchase model's shares of the other horizons; in proportion to time where none was fitted."""
        days = [*self.shorter, *self.longer]
        if self.curve_ is None or not days:
            return np.tile(np.array(days, dtype=np.float64) / self.main, (len(X), 1))
        return self.curve_.multiples(X, days).to_numpy()


def _fit_curve(X: pd.DataFrame, main: int) -> ValueCurve | None:
    """Return the fitted curve; None where no customer has come back, so that no purchase model can be fitted."""
    curve = ValueCurve(horizon=main)
    try:  # the fit is shared with a Pareto/NBD that competes
        curve.purchases_ = ProbabilisticValue(ParetoNBD()).fit(X).purchases_
    except InputError:
        return None
    return curve


def _bounded_ratio(value: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return one value over another, at most a factor of `_LARGEST_RATIO`; 1 where nothing is expected."""
    low, high = reference / _LARGEST_RATIO, reference * _LARGEST_RATIO
    return np.clip(value, low, high) / np.where(reference > 0, reference, 1.0) + (reference <= 0)


def _below_one(share: np.ndarray) -> np.ndarray:
    """Return small shares unchanged, and larger ones bent below 1.

    >>> _below_one(np.array([0.3, 1.0, 3.0])).round(2).tolist()
    [0.3, 0.84, 1.0]
    """
    return share / (1 + share**_BEND) ** (1 / _BEND)


def _rising_totals(own: pd.Series, totals: Mapping[int, float], main: int) -> dict[int, float]:
    """Return a total for each horizon that rises with it, from those that are known and the curve's `own`."""
    targets = {main: float(own[main])}
    days = [int(day) for day in own.index]
    scale = targets[main] / totals[main] if totals.get(main, 0.0) > 0 else 1.0
    place = days.index(main)
    for day, later in reversed(list(pairwise(days[: place + 1]))):
        most = targets[later] - _LEAST_INCREMENT * float(own[later] - own[day])
        share = targets[later] / float(own[later]) if own[later] > 0 else 1.0
        least = _LEAST_INCREMENT * float(own[day]) * share
        targets[day] = float(np.clip(totals.get(day, np.nan) * scale, least, max(most, least)))
        if np.isnan(targets[day]):
            targets[day] = float(own[day]) * share
    for before, day in pairwise(days[place:]):
        grown = float(own[day] - own[before])
        total = totals.get(day, np.nan) * scale
        targets[day] = targets[before] + (
            grown if np.isnan(total) else max(total - targets[before], _LEAST_INCREMENT * grown)
        )
    return targets


def _rake(shares: np.ndarray, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the factor of each increment with which rows that keep their sum add up to the wanted columns.

    Source: W. Deming, F. Stephan, On a least squares adjustment of a sampled frequency table, 1940.

    >>> _rake(np.array([[0.5, 0.5], [0.2, 0.8]]), np.array([10.0, 10.0]), np.array([5.0, 15.0])).round(2).tolist()
    [0.59, 1.0]
    """
    steps = np.ones(shares.shape[1])
    if not len(shares) or values.sum() <= 0:
        return steps
    for _ in range(_ROUNDS):
        scaled = shares * steps
        scaled *= (values / np.maximum(scaled.sum(axis=1), np.finfo(float).tiny))[:, None]
        sums = scaled.sum(axis=0)
        ratio = np.where(sums > 0, targets / np.where(sums > 0, sums, 1.0), 1.0)
        steps *= ratio
        if np.abs(ratio - 1).max() < 1e-9:
            break
    return steps / steps[-1]
