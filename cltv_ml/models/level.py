"""How much in all: customers are ranked well long before the total is right.

A factor that past windows agree on, and a model that wraps another one to apply it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.isotonic import IsotonicRegression

from cltv_ml.errors import InputError
from cltv_ml.models.base import ValueModel, check_fitted
from cltv_ml.models.inputs import as_labels
from cltv_ml.models.out_of_fold import by_cutoff, out_of_fold
from cltv_ml.models.search import Choice
from cltv_ml.models.tweedie import Tweedie

#: A window of an earlier year is of the same season when it begins within this many days.
SAME_SEASON = 15

METHODS = ("season", "isotonic")


class Calibrated(ValueModel):
    """Another model, its level corrected by what earlier windows showed it to miss.

    Parameters
    ----------
    model
        The model to correct, `Tweedie()` if None; its horizon is set to this one.
    method
        "season": one factor (`expected_level`): the miss in the same months of earlier years if the rows hold
        them, else what separate windows agree on, else none. Order and ratios stay as they are.
        "isotonic": predictions for unseen rows of the latest window (`models.out_of_fold`) are mapped to what was
        spent, ascending. It mends deciles too, but carries the level of one window into the next: right where
        windows resemble each other, wrong where seasons or the age of the cohort differ.
    """

    name = "calibrated"
    needs_labels = True
    search_space = {"method": Choice(METHODS)}  # noqa: RUF012

    def __init__(
        self,
        horizon: int = 91,
        *,
        model: ValueModel | None = None,
        features: Sequence[str] | None = None,
        method: str = "season",
    ) -> None:
        self.horizon = horizon
        self.model = model
        self.features = features
        self.method = method

    def fit(self, X: pd.DataFrame, y: pd.Series | None = None) -> Self:
        """Learn the model and its level from customers at one or several cutoffs and what each then spent."""
        if self.method not in METHODS:
            raise InputError(f"Calibrated: method must be one of {list(METHODS)}, got {self.method!r}.")
        labels = pd.Series(as_labels(self, y, len(X)), index=X.index)
        model = clone(self.model) if self.model else Tweedie(features=self.features)
        self.model_ = model.set_params(horizon=self.horizon).fit(X, labels)
        self.feature_names_in_ = self.model_.feature_names_in_
        self.from_, self.to_ = np.array([0.0, 1.0]), np.array([0.0, 1.0])
        if self.method == "isotonic":
            unseen = out_of_fold([model], X, labels, self.horizon).predictions
            self._learn_curve(unseen.iloc[:, 0].to_numpy(), labels.loc[unseen.index].to_numpy())
        else:
            level = expected_level(self._levels(X, labels.to_numpy()), self.horizon)
            self.to_ = self.to_ * level
        return self

    def adapt(self, X: pd.DataFrame) -> Self:
        """Adapt the model below to today's customers; return this one."""
        check_fitted(self)
        self.model_.adapt(X)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected spend over the horizon, shape (n,), in currency units."""
        check_fitted(self)
        return self._mend(self.model_.predict(X))

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature adds to the expected value, in currency: the model's below, corrected alike."""
        parts = self.model_.contributions(X)
        below = self.model_.predict(X)
        return parts.mul(self.predict(X) / np.where(below > 0, below, 1.0), axis="index")

    def _table(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return PREDICTIONS for `X`: the value corrected, the rest as the model below has it."""
        check_fitted(self)
        table = self.model_._table(X)
        return table.assign(expected_value=self._mend(table["expected_value"].to_numpy()))

    def _mend(self, values: np.ndarray) -> np.ndarray:
        # Beyond the largest value that was seen the last ratio goes on: nobody is cut off.
        beyond = np.maximum(values / self.from_[-1], 1.0)
        return np.interp(values / beyond, self.from_, self.to_) * beyond

    def _learn_curve(self, predicted: np.ndarray, spent: np.ndarray) -> None:
        curve = IsotonicRegression(y_min=0.0, out_of_bounds="clip").fit(predicted, spent)
        above = curve.X_thresholds_ > 0
        if above.any():
            self.from_ = np.concatenate([[0.0], curve.X_thresholds_[above]]).astype(np.float64)
            self.to_ = np.concatenate([[0.0], curve.y_thresholds_[above]]).astype(np.float64)

    def _levels(self, X: pd.DataFrame, labels: np.ndarray) -> dict[pd.Timestamp, float]:
        predicted = self.model_.predict(X)
        totals = {cutoff: (labels[rows].sum(), predicted[rows].sum()) for cutoff, rows in by_cutoff(X)}
        return {
            cutoff: float(spent / foreseen)
            for cutoff, (spent, foreseen) in totals.items()
            if spent > 0 and foreseen > 0
        }


def expected_level(levels: Mapping[pd.Timestamp, float], horizon: int) -> float:
    """Return the factor by which the next window will miss, given realised over expected of past cutoffs.

    The next window begins where the latest holdout ends. What was missed in the same months of earlier years
    counts alone where it is known. Otherwise holdouts that overlap tell the same story twice, so only ones that
    follow each other count, the latest first; their mean log factor is shrunk by its square over itself plus
    their variance: a single holdout, or misses that point both ways, leave the level alone.

    >>> quarters = pd.to_datetime(["2024-01-01", "2024-04-01", "2024-07-01"])
    >>> round(expected_level(dict(zip(quarters, [1.2, 1.2, 1.2])), 91), 3)
    1.2
    >>> expected_level(dict(zip(quarters, [1.2, 1.2, 1.2])), 200)
    1.0
    >>> quarters = pd.to_datetime(["2023-10-01", "2024-04-01", "2024-07-01"])
    >>> round(expected_level(dict(zip(quarters, [1.5, 1.0, 1.0])), 91), 3)
    1.5
    """
    if not levels:
        return 1.0
    season = _same_season(levels, max(levels) + pd.Timedelta(days=horizon))
    if season:
        return float(np.exp(np.log(season).mean()))
    kept: list[float] = []
    free = pd.Timestamp.max
    for cutoff in sorted(levels, reverse=True):
        if cutoff + pd.Timedelta(days=horizon) <= free:
            kept.append(levels[cutoff])
            free = cutoff
    if len(kept) < 2:
        return 1.0
    logs = np.log(kept)
    signal, noise = float(logs.mean() ** 2), float(logs.var(ddof=1))
    return float(np.exp(logs.mean() * signal / (signal + noise))) if signal > 0 else 1.0


def _same_season(levels: Mapping[pd.Timestamp, float], today: pd.Timestamp) -> list[float]:
    """Return the levels of cutoffs that lie one or more years before `today`, the nearest one of each year."""
    found = []
    for years in range(1, 2 + (today - min(levels)).days // 365):
        then = today - pd.DateOffset(years=years)
        nearest = min(levels, key=lambda cutoff: abs(cutoff - then))
        if abs(nearest - then) <= pd.Timedelta(days=SAME_SEASON):
            found.append(levels[nearest])
    return found
