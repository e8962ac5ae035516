"""Several quantiles of what each customer will spend, and the mean that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.models import boosting
from cltv_ml.models.attribution import BASELINE, output_parts
from cltv_ml.models.base import ValueModel, check_fitted
from cltv_ml.models.feature_files import FeatureFiles
from cltv_ml.models.search import TREES


class Quantile(ValueModel):
    """XGBoost with `reg:quantileerror` at several levels in one booster.

    Quantiles never cross: each customer's are put in order, which brings them nearer to the true ones
    (V. Chernozhukov, I. Fernández-Val and A. Galichon, Quantile and probability curves without crossing,
    2010). Where most customers spend nothing the low ones are zero and say nothing: ask for high ones.

    The expected value is the area under the quantile curve, at the level of the training rows, since the
    curve ends before the largest spenders.

    Parameters
    ----------
    horizon
        Days over which `y` was summed; `predict` answers for the same length.
    features
        Columns of `X` to learn from; all if None, text is refused. Prefer features that do not grow with age.
    levels
        Which quantiles, ascending, each between 0 and 1.
    half_life
        A row counts half for every so many days that its cutoff lies before the latest (`origin_weights`).
    """

    name = "quantile"
    needs_labels = True
    search_space = TREES

    def __init__(
        self,
        horizon: int = 91,
        *,
        features: Sequence[str] | None = None,
        levels: Sequence[float] = (0.1, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99),
        rounds: int = 150,
        learning_rate: float = 0.05,
        max_depth: int = 4,
        min_child_weight: float = 20.0,
        subsample: float = 0.8,
        colsample: float = 0.7,
        half_life: float | None = 180.0,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.horizon = horizon
        self.features = features
        self.levels = levels
        self.rounds = rounds
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.colsample = colsample
        self.half_life = half_life
        self.seed = seed
        self.device = device

    def fit(self, X: pd.DataFrame | FeatureFiles, y: pd.Series | None = None) -> Self:
        """Learn all quantiles from customers at one or several cutoffs and what each then spent."""
        levels = np.asarray(self.levels, dtype=np.float64)
        if levels.ndim != 1 or not len(levels) or not ((levels > 0) & (levels < 1)).all():
            raise InputError(f"Quantile: levels must lie between 0 and 1, got {self.levels!r}.")
        if (np.diff(levels) <= 0).any():
            raise InputError(f"Quantile: levels must ascend, got {self.levels!r}.")
        names, matrix, labels = boosting.check_training(self, X, y)
        self.feature_names_in_ = np.array(names, dtype=object)
        self.scale_ = float(labels.mean())
        params = {
            **boosting.tree_params(self),
            "objective": "reg:quantileerror",
            "quantile_alpha": levels.tolist(),
        }
        self.booster_ = boosting.train(
            matrix,
            labels / self.scale_,
            names,
            params,
            rounds=self.rounds,
            weight=boosting.origin_weights(self, X),
        )
        self.level_ = boosting.balance(labels, _area(self._curve(matrix), levels))
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected spend over the horizon, shape (n,), in currency units."""
        return _area(self._curve(self._matrix(X)), np.asarray(self.levels)) * self.level_

    def predict_quantiles(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return a column per level, ascending in each row, in currency units, by `X.index`."""
        curve = self._curve(self._matrix(X))
        return pd.DataFrame(curve, index=X.index, columns=[f"quantile_{level:g}" for level in self.levels])

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature adds to the expected value, in currency: exact TreeSHAP of all quantiles.

        What keeping quantiles positive and in order changes stays in the baseline.
        """
        outputs = output_parts(self.booster_, self._matrix(X), list(self.feature_names_in_))
        weights = _area(np.eye(len(self.levels)), np.asarray(self.levels)) * self.scale_ * self.level_
        parts = sum(weight * found for weight, (found, _) in zip(weights, outputs, strict=True))
        return parts.assign(**{BASELINE: self.predict(X) - parts.sum(axis="columns")}).set_axis(X.index)

    def _matrix(self, X: pd.DataFrame) -> np.ndarray:
        check_fitted(self)
        return boosting.read(self, X, list(self.feature_names_in_))

    def _curve(self, matrix: boosting.Matrix) -> np.ndarray:
        raw = boosting.score(self.booster_, matrix).reshape(len(matrix), len(self.levels))
        return np.sort(np.maximum(raw, 0.0), axis=1) * self.scale_


def _area(curve: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the area under each quantile curve, from zero at level 0 and flat beyond the last level.

    >>> _area(np.array([[0.0, 10.0]]), np.array([0.5, 0.9])).round(6).tolist()
    [3.0]
    """
    ends = np.column_stack([np.zeros(len(curve)), curve, curve[:, -1]])
    return np.trapezoid(ends, np.concatenate([[0.0], levels, [1.0]]), axis=1)
