"""The base of contract models: customers renew period by period, and cancellations are observed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.models.fitting import Params
from cltv_ml.models.purchase_history import read_periods
from cltv_ml.models.purchases import PurchaseModel


class ContractModel(PurchaseModel):
    """A purchase model whose purchases are renewals; a subclass adds the probability of surviving them.

    `recency` is the last contract period the customer paid for and `T` the current one, both counted from 1.
    """

    time_params = ()
    columns = ("recency", "T")
    discrete = True

    def _read(self, X: pd.DataFrame) -> tuple[np.ndarray, ...]:
        recency, T = read_periods(self, X, self.columns, at_least=1)
        return recency, recency, T

    def _p_alive(self, params: Params, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        return np.where(tx < T, 0.0, 1.0)

    def _alive_none(self, params: Params, t: float) -> np.ndarray:
        return 1.0 + 0.0 * params[0] if t == 0 else 1 - self._alive_survival(params, 1.0)

    def _alive_pmf(self, params: Params, n: int, t: float) -> np.ndarray:
        if n > t:
            return 0.0 * params[0]
        stays = self._alive_survival(params, n)
        return stays if n == t else stays - self._alive_survival(params, n + 1)
