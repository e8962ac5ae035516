"""The naive rule that every model must beat: customers continue at their own rate and spend."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd

from cltv_ml.models.base import ValueModel, check_columns, check_fitted


class SameRate(ValueModel):
    """Repeat purchases continue at the customer's own rate and mean spend.

    Nothing is estimated; customers without a repeat purchase are expected to spend nothing.

    >>> X = pd.DataFrame({"frequency": [4.0], "T": [100.0], "monetary_value": [25.0]}, index=["a"])
    >>> SameRate(horizon=50).fit(X).predict(X)
    array([50.])
    """

    name = "same_rate"

    def __init__(self, horizon: int = 91) -> None:
        self.horizon = horizon

    def fit(self, X: pd.DataFrame, y: pd.Series | None = None) -> Self:
        """Check the columns and return the model; `y` is ignored."""
        columns = ["frequency", "T", "monetary_value"]
        check_columns(self, X, columns)
        self.feature_names_in_ = np.array(columns, dtype=object)
        return self

    def _predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return frequency / T x horizon x monetary_value, shape (n,), in currency units."""
        return self._expected_purchases(X) * X["monetary_value"].to_numpy(dtype=np.float64)

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the value itself as the contribution of past purchases, in currency."""
        return pd.DataFrame({"frequency": self._predict(X), "baseline": 0.0}, index=X.index)

    def _table(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return PREDICTIONS for `X`; the rule has no P(alive)."""
        return super()._table(X).assign(expected_purchases=self._expected_purchases(X))

    def _expected_purchases(self, X: pd.DataFrame) -> np.ndarray:
        check_fitted(self)
        frequency, T, _ = check_columns(self, X, list(self.feature_names_in_)).T
        return frequency / np.maximum(T, 1.0) * self.horizon
