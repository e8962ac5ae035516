"""Value over time: a value for one horizon, extended to shorter and longer ones and to a lifetime.

A purchase model gives each customer's expected purchases E(t) in the next t. A value V for the horizon h, from
whichever model, becomes

    V(t) = V * E(t) / E(h),

so values never fall as the horizon grows and increments add up, by construction. P(alive) is in the numerator and the
denominator and cancels. Discounted, D(t) replaces E(t) in the numerator: a purchase at time u, in years, counts as (1
+ d)^(-u).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_fitted
from cltv_ml.models.pareto_nbd import ParetoNBD
from cltv_ml.models.purchase_history import DAYS_IN
from cltv_ml.models.purchases import PurchaseModel

#: With a larger share of today's customers alive at the end, the data show almost no dropout.
NO_DROPOUT = 0.9


class ValueCurve(BaseEstimator):
    """Each customer's value after `t` days as a multiple of the value over `horizon` days.

    Parameters
    ----------
    purchases
        The purchase model, ParetoNBD() by default; it is cloned, never changed.
    horizon
        In days: where every multiple without discount is 1.

    >>> X = pd.DataFrame({"frequency": [2.0, 0, 5, 1], "recency": [30.0, 0, 80, 5], "T": [90.0, 80, 90, 60]})
    >>> ValueCurve(horizon=30).fit(X).multiples(X, [15, 30, 60]).round(2).iloc[0].tolist()
    [0.53, 1.0, 1.81]
    """

    def __init__(self, purchases: PurchaseModel | None = None, horizon: int = 91) -> None:
        self.purchases = purchases
        self.horizon = horizon

    def fit(self, X: pd.DataFrame) -> Self:
        """Fit the purchase model on `frequency`, `recency` and `T`, and return self."""
        self.purchases_ = clone(self.purchases or ParetoNBD()).fit(X)
        return self

    def multiples(self, X: pd.DataFrame, days: Sequence[float], discount_rate: float = 0.0) -> pd.DataFrame:
        """Return the multiple of the value over the horizon after each of `days`, by `X.index`; columns are `days`.

        Parameters
        ----------
        discount_rate
            Effective yearly rate, such as 0.1; the value over the horizon itself is not discounted.

        Raises
        ------
        InputError
            A number of days is not positive, or the rate is negative or written in percent.
        """
        check_fitted(self)
        check_discount_rate(discount_rate)
        if any(day <= 0 for day in days):
            raise InputError(f"days must be positive, got {list(days)}.")
        return self.discounted_multiples(X, days, discount_rate)

    def discounted_multiples(
        self, X: pd.DataFrame, days: Sequence[float], discount_rate: float
    ) -> pd.DataFrame:
        """Return `multiples` at any yearly rate, also beyond the rates at which money is discounted."""
        whole = self._alive_expected(X, self.horizon)
        rate = float(np.log1p(discount_rate) / 365.25 * self._unit())
        table = {}
        for day in days:
            length = day / self._unit()
            table[day] = self.purchases_._mean_now(
                X, lambda params, t=length: self.purchases_._alive_discounted(params, t, rate)
            )
        return pd.DataFrame(table, index=X.index).div(np.maximum(whole, np.finfo(float).tiny), axis=0)

    def survival(self, X: pd.DataFrame, days: float) -> float:
        """Return the share of customers alive today who are expected to be alive still after `days`."""
        check_fitted(self)
        alive, length = self.purchases_.p_alive(X), days / self._unit()
        later = self.purchases_._mean_now(X, lambda params: self.purchases_._alive_survival(params, length))
        return float((alive * later).sum() / max(alive.sum(), np.finfo(float).tiny))

    def _alive_expected(self, X: pd.DataFrame, days: float) -> np.ndarray:
        length = days / self._unit()
        return self.purchases_._mean_now(X, lambda params: self.purchases_._alive_expected(params, length))

    def _unit(self) -> float:
        """Return the days in the purchase model's unit of time."""
        return DAYS_IN[self.purchases_.time_unit]


def check_discount_rate(rate: float) -> None:
    """Raise where a yearly discount rate is negative or looks like percent."""
    if not 0 <= rate < 1:
        share = abs(rate) if abs(rate) < 1 else abs(rate) / 100
        meant = f"write {share:g} if you mean {100 * share:g}%, or 0" if share < 1 else "write 0"
        raise InputError(
            f"discount_rate must be a yearly share from 0 to below 1 (0.1 is 10%), got {rate:g}; {meant} to discount "
            "nothing."
        )
