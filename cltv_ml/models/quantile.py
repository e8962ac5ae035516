"""Quantile regression of each customer's future spend, and the mean that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.models import boosting
from cltv_ml.models.attribution import BASELINE, output_parts
from cltv_ml.models.bins import Matrix
from cltv_ml.models.trees import TrainingRows, TreeModel


@dataclass(eq=False, repr=False)
class Quantile(TreeModel):
    """XGBoost with `reg:quantileerror` at several levels in one booster.

    Quantiles never cross: each customer's are put in order, which brings them nearer to the true ones
    (V. Chernozhukov, I. Fernández-Val and A. Galichon, Quantile and probability curves without crossing,
    2010). Where most customers spend nothing, low quantiles are zero and carry no information: choose high ones.

    The expected value is the area under the quantile curve, at the level of the training rows, since the
    curve ends before the largest spenders.

    Parameters
    ----------
    quantile_alpha
        Levels of the quantiles, ascending, each between 0 and 1.
    horizon, features, n_estimators, ...
        As in `TreeArguments`.
    """

    name = "quantile"

    _: KW_ONLY
    quantile_alpha: Sequence[float] = (0.1, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)

    def _fit(self, rows: TrainingRows) -> None:
        levels = np.asarray(self.quantile_alpha, dtype=np.float64)
        if levels.ndim != 1 or not len(levels) or not ((levels > 0) & (levels < 1)).all():
            raise InputError(
                f"Quantile: quantile_alpha must be between 0 and 1, got {self.quantile_alpha!r}."
            )
        if (np.diff(levels) <= 0).any():
            raise InputError(f"Quantile: quantile_alpha must increase, got {self.quantile_alpha!r}.")
        self.scale_ = rows.mean(rows.labels)
        params = {"objective": "reg:quantileerror", "quantile_alpha": levels.tolist()}
        self.booster_ = self._train(rows, rows.labels / self.scale_, params).booster
        self.level_ = 1.0
        self.level_ = rows.balance(self._values(rows.matrix))

    def predict_quantiles(self, X: Any) -> pd.DataFrame:
        """Return a column per level, ascending in each row, in currency units, by `X.index`."""
        frame = self._frame(X)
        names = [f"quantile_{level:g}" for level in self.quantile_alpha]
        return pd.DataFrame(self._curve(self._matrix(frame)), index=frame.index, columns=names)

    def _values(self, matrix: Matrix) -> np.ndarray:
        return _area_under(self._curve(matrix), np.asarray(self.quantile_alpha)) * self.level_

    def _explain(self, matrix: np.ndarray) -> pd.DataFrame:
        """Return the TreeSHAP values of all quantiles.

        The changes that keep quantiles positive and in order stay in the baseline.
        """
        outputs = output_parts(self.booster_, matrix, list(self.feature_names_in_))
        levels = np.asarray(self.quantile_alpha)
        weights = _area_under(np.eye(len(levels)), levels) * self.scale_ * self.level_
        parts = sum(weight * output for weight, (output, _) in zip(weights, outputs, strict=True))
        return parts.assign(**{BASELINE: self._values(matrix) - parts.sum(axis="columns")})

    def _curve(self, matrix: Matrix) -> np.ndarray:
        raw = boosting.booster_scores(self.booster_, matrix).reshape(len(matrix), len(self.quantile_alpha))
        return np.sort(np.maximum(raw, 0.0), axis=1) * self.scale_


def _area_under(curve: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the area under each quantile curve, from zero at level 0 and flat beyond the last level.

    >>> _area_under(np.array([[0.0, 10.0]]), np.array([0.5, 0.9])).round(6).tolist()
    [3.0]
    """
    ends = np.column_stack([np.zeros(len(curve)), curve, curve[:, -1]])
    return np.trapezoid(ends, np.concatenate([[0.0], levels, [1.0]]), axis=1)
