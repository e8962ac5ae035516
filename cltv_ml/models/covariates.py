"""Covariates that do not change with time: the base of models that take them, and the test between nested fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import pandas as pd
from scipy.stats import chi2

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_fitted
from cltv_ml.models.fitting import LikelihoodModel
from cltv_ml.models.purchases import PurchaseModel


class CovariateModel(PurchaseModel):
    """A purchase model whose rates may depend on columns that do not change with time."""

    purchase_effect = (("alpha", -1),)

    def __init__(
        self,
        time_unit: str = "days",
        purchase_covariates: Sequence[str] = (),
        dropout_covariates: Sequence[str] = (),
        penalty: float | tuple[float, float] = 0.0,
    ) -> None:
        super().__init__(time_unit)
        self.purchase_covariates = purchase_covariates
        self.dropout_covariates = dropout_covariates
        self.penalty = penalty

    def fit_from(self, X: pd.DataFrame, near: Mapping[str, float]) -> Self:
        """Estimate the parameters as `fit` does, starting from those of `near` and slopes that it lacks from 0."""
        problem = self._problem(X, None)
        self._learn(self._maximum(problem, [], self._point(near, problem)), problem)
        return self


def likelihood_ratio_test(smaller: LikelihoodModel, larger: LikelihoodModel) -> dict[str, float]:
    """Return twice the gain in log-likelihood, its degrees of freedom and the p-value of the smaller model.

    Both are fitted to the same customers, the larger with additional covariates, both without a penalty.

    Raises
    ------
    InputError
        The models are not nested, or one was fitted with a penalty.
    """
    for model in (smaller, larger):
        check_fitted(model)
        if np.any(model.penalty):
            raise InputError(
                "likelihood_ratio_test: fit without a penalty, because a penalty lowers the likelihood; got "
                f"penalty={model.penalty!r}."
            )
    if type(smaller) is not type(larger) or not set(smaller.params_) < set(larger.params_):
        raise InputError(
            "likelihood_ratio_test: the larger model must be of the same kind and have every parameter of "
            f"the smaller one and more; got {sorted(smaller.params_)} and {sorted(larger.params_)}."
        )
    if smaller.n_customers_ != larger.n_customers_:
        raise InputError(
            "likelihood_ratio_test: both models must be fitted to the same customers, got "
            f"{smaller.n_customers_:g} and {larger.n_customers_:g}."
        )
    statistic = max(2 * (larger.log_likelihood_ - smaller.log_likelihood_), 0.0)
    freedom = len(larger.params_) - len(smaller.params_)
    return {
        "statistic": statistic,
        "degrees_of_freedom": float(freedom),
        "p_value": float(chi2.sf(statistic, freedom)),
    }
