"""Regressors of scikit-learn as models of customers' spend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags

from cltv_ml.errors import InputError
from cltv_ml.models.base import ValueModel, check_columns, check_fitted
from cltv_ml.models.inputs import as_frame, as_labels, as_weights


class Regression(ValueModel):
    """A regressor or pipeline of scikit-learn, fitted to customers' later spend; negative predictions become zero.

    Parameters
    ----------
    horizon
        Days over which `y` was summed; `predict` answers for the same length.
    regressor
        Cloned, never changed; `HistGradientBoostingRegressor(random_state=0)` if None. It gets a DataFrame of numbers
        in which values may be missing.
    features
        Columns of `X` to learn from; all if None.
    """

    name = "regression"
    needs_labels = True

    def __init__(
        self,
        horizon: int = 91,
        *,
        regressor: BaseEstimator | None = None,
        features: Sequence[str] | None = None,
    ) -> None:
        self.horizon = horizon
        self.regressor = regressor
        self.features = features

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from customers at one or several cutoffs and each one's later spend; return the model."""
        frame = as_frame(self, X)
        names = [str(name) for name in (frame.columns if self.features is None else self.features)]
        self.feature_names_in_ = np.array(names, dtype=object)
        weights = as_weights(self, sample_weight, len(frame))
        counted = {} if weights is None else {"sample_weight": weights}
        fresh = clone(self.regressor) if self.regressor else _default()
        table = self._columns(frame)
        _check_gaps(fresh, table)
        self.regressor_ = fresh.fit(table, as_labels(self, y, len(frame)), **counted)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the expected spend over the horizon, shape (n,), in currency units."""
        check_fitted(self)
        frame = as_frame(self, X, list(self.feature_names_in_))
        return np.maximum(np.asarray(self.regressor_.predict(self._columns(frame)), dtype=np.float64), 0.0)

    def _columns(self, frame: pd.DataFrame) -> pd.DataFrame:
        names = list(self.feature_names_in_)
        return pd.DataFrame(check_columns(self, frame, names), columns=names, index=frame.index)


def _default() -> BaseEstimator:
    from sklearn.ensemble import (
        HistGradientBoostingRegressor,  # a second of imports that most callers do without
    )

    return HistGradientBoostingRegressor(random_state=0)


def _check_gaps(regressor: BaseEstimator, table: pd.DataFrame) -> None:
    """Raise InputError where values are missing that the regressor cannot handle; a pipeline may fill them."""
    gaps = [name for name, missing in table.isna().any().items() if missing]
    single = not any(isinstance(part, BaseEstimator) for part in regressor.get_params(deep=True).values())
    if gaps and single and not get_tags(regressor).input_tags.allow_nan:
        raise InputError(
            f"{type(regressor).__name__} does not accept missing values, but {len(gaps)} columns have some, "
            f"such as {gaps[:3]}; fill them first: make_pipeline(SimpleImputer(), ...)."
        )
