"""Purchase models with attributes of customers as covariates: text one-hot, numbers standardised, slopes shrunk."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import clone

from cltv_ml.models.attribution import BASELINE, in_currency
from cltv_ml.models.base import ValueModel, check_fitted
from cltv_ml.models.bg_nbd import BGNBD
from cltv_ml.models.covariate_coding import (
    all_covariates,
    average_covariates,
    code,
    covariate_names,
    learn_coding,
)
from cltv_ml.models.fit_cache import once
from cltv_ml.models.gamma_gamma import GammaGamma
from cltv_ml.models.inputs import as_labels, as_pandas
from cltv_ml.models.out_of_fold import at_latest, by_cutoff
from cltv_ml.models.probabilistic import NamedByPurchases, ProbabilisticValue
from cltv_ml.models.purchases import PurchaseModel

#: Penalties of the squared slopes that are tried on earlier windows; the largest leaves almost no effect.
PENALTIES = (0.001, 0.01, 0.1, 10.0)

#: Earlier windows on which the penalty is chosen, and most steps of each fit there.
PENALTY_WINDOWS, ROUGH_ROUNDS = 2, 60


#: Most customers for fitting, and for choosing the penalty: with covariates almost no two customers are alike, and
#: more of them would change slopes by less than their standard errors.
MOST_CUSTOMERS, FEWER_CUSTOMERS = 20_000, 4_000


class OfAttributes(ValueModel):
    """A value model of a purchase model and Gamma-Gamma that learns from attributes of customers."""

    needs_labels = True
    level_from_history = True

    def __init__(
        self,
        horizon: int = 91,
        *,
        purchases: PurchaseModel | None = None,
        attributes: Sequence[str] = (),
    ) -> None:
        self.horizon = horizon
        self.purchases = purchases
        self.attributes = attributes


class WithCovariates(OfAttributes):
    """BG/NBD or Pareto/NBD with Gamma-Gamma, whose rates depend on attributes of the customer.

    Fader and Hardie (2007), "Incorporating Time-Invariant Covariates into the Pareto/NBD and BG/NBD Models". Each of
    the most frequent levels of a category is a covariate, as is a missing value; other levels, rare or unseen, count
    as the average customer. Numbers are standardised, and codes for no answer such as -99 are missing. One penalty
    holds the slopes of purchases, dropout and spend near zero: it is chosen on earlier windows, by how well customers'
    values predict their later spend.

    Parameters
    ----------
    horizon
        In days.
    purchases
        The purchase model, `BGNBD()` if None; it is cloned and given the covariates.
    attributes
        Columns of `X` that become covariates; without any, the model is the plain one.
    """

    name = NamedByPurchases("covariates")

    def fit(self, X: pd.DataFrame, y: pd.Series | None = None) -> Self:
        """Choose the penalty on the latest labelled windows, and fit on the customers of the latest."""
        return self.fit_before_adapting(X, y).adapt(at_latest(as_pandas(X)))

    def fit_before_adapting(self, X: pd.DataFrame, y: pd.Series | None = None) -> Self:
        """Learn the coding of attributes and the penalty."""
        X, labels = as_pandas(X), as_labels(self, y, len(X))
        self.coding_ = self._learn_coding(at_latest(X))  # one row per customer
        self.penalty_ = self._choose_penalty(X, labels)
        return self

    def adapt(self, X: pd.DataFrame) -> Self:
        """Refit on today's customers, or on a sample of very many; this needs no labels. Return the model."""
        value, coded = self._fresh(self.penalty_), code(at_equal_steps(X, MOST_CUSTOMERS), self.coding_)
        purchases = clone(value.purchases).fit_from(coded, self._plain_params(X))
        self.value_ = value.with_parts(purchases, value.fit_spend(coded))
        summary = ["frequency", "recency", "T", "monetary_value"]
        self.feature_names_in_ = np.array([*summary, *self.coding_], dtype=object)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected spend over the horizon, shape (n,), in currency units."""
        check_fitted(self)
        return self.value_.predict(code(X, self.coding_))

    def p_buy(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probability of any purchase within the horizon, shape (n,)."""
        check_fitted(self)
        return self.value_.p_buy(code(X, self.coding_))

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the history's contribution where no attribute is known, and what each attribute alone adds to it.

        What attributes add only together is in the baseline.
        """
        check_fitted(self)
        coded = code(X, self.coding_)
        plain = coded.assign(**average_covariates(self.coding_))
        history, before = self.value_.contributions(plain), self.value_.predict(plain)
        # a slope is not what a customer's value changes by: their own history counts as well
        alone = {
            name: self.value_.predict(plain.assign(**coded[covariate_names(name, entry)]))
            for name, entry in self.coding_.items()
        }
        log_before = np.log(np.maximum(before, 1e-300))
        parts = (
            pd.DataFrame(alone, index=X.index).clip(lower=1e-300).transform(np.log).sub(log_before, axis=0)
        )
        in_money = in_currency(parts, log_before, self.value_.predict(coded))
        rest = in_money[BASELINE].to_numpy() - before
        return history.assign(**{BASELINE: history[BASELINE] + rest}, **in_money.drop(columns=BASELINE))

    def _table(self, X: pd.DataFrame) -> pd.DataFrame:
        return self.value_.at_own_total().predict_table(code(X, self.coding_))

    def _choose_penalty(self, X: pd.DataFrame, y: np.ndarray) -> float:
        """Return the penalty with the lowest error of the values on the latest windows, at their own total."""
        if not all_covariates(self.coding_):
            return PENALTIES[-1]
        errors = dict.fromkeys(PENALTIES, 0.0)
        for _, rows in by_cutoff(X)[-PENALTY_WINDOWS:]:
            for penalty, error in self._errors_at(X.iloc[rows], y[rows]).items():
                errors[penalty] += error
        return min(errors, key=lambda penalty: (errors[penalty], -penalty))

    def _errors_at(self, X: pd.DataFrame, y: np.ndarray) -> dict[float, float]:
        """Return each penalty's error for customers at one cutoff; trainings that share a window measure it once."""
        every = slice(None, None, max(1, len(X) // FEWER_CUSTOMERS))
        some, spent, purchases = X.iloc[every], y[every], self.purchases or BGNBD()
        if not spent.any():
            return {}
        seen = some[["frequency", "recency", "T", "monetary_value", *self.attributes]]
        settings = type(purchases).__name__, purchases.get_params(), self.horizon, [*self.attributes], len(X)
        rows = pd.util.hash_pandas_object(seen, index=False).to_numpy()
        return once(
            lambda: self._measure(self._learn_coding(X), some, spent, self._plain_params(X)),
            repr(settings),
            rows,
            spent,
        )

    def _learn_coding(self, X: pd.DataFrame) -> dict[str, dict[str, Any]]:
        """Return the coding of the attributes, learned once by all models that see these customers."""
        names = [name for name in self.attributes if name in X]
        values = pd.util.hash_pandas_object(X[names], index=False).to_numpy()
        return once(lambda: learn_coding(X, self.attributes), f"coding of {[*self.attributes]}", values)

    def _plain_params(self, X: pd.DataFrame) -> Mapping[str, float]:
        """Return the parameters without covariates, which the plain model and the hybrid share at this cutoff."""
        return (
            ProbabilisticValue(clone(self.purchases or BGNBD()), horizon=self.horizon)
            .fit_purchases(X)
            .params_
        )

    def _measure(
        self,
        coding: dict[str, dict[str, Any]],
        X: pd.DataFrame,
        y: np.ndarray,
        near: Mapping[str, float],
    ) -> dict[float, float]:
        model = copy.copy(self)
        model.coding_, coded, errors = coding, code(X, coding), {}
        for penalty in sorted(PENALTIES, reverse=True):
            fitted = model._fit_roughly(coded, penalty, near)
            values, near = fitted.predict(coded), fitted.purchases_.params_
            errors[penalty] = mean_deviance(y, values * y.sum() / max(values.sum(), 1e-300))
        return errors

    def _fit_roughly(
        self, coded: pd.DataFrame, penalty: float, near: Mapping[str, float]
    ) -> ProbabilisticValue:
        """Return the model fitted without standard errors, which take most of a fit and are not needed to choose a
        penalty.
        """
        value = self._fresh(penalty)
        purchases = clone(value.purchases).fit_near(coded, near, rounds=ROUGH_ROUNDS)
        return value.with_parts(purchases, value.fit_spend(coded))

    def _fresh(self, penalty: float) -> ProbabilisticValue:
        names = all_covariates(self.coding_)
        purchases = clone(self.purchases or BGNBD())
        purchases.set_params(purchase_covariates=names, dropout_covariates=names, penalty=penalty)
        return ProbabilisticValue(
            purchases, GammaGamma(covariates=names, penalty=penalty), horizon=self.horizon
        )


def at_equal_steps(X: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return about `most` customers at equal steps, all where there are no more."""
    return X.iloc[:: max(1, len(X) // most)]


def mean_deviance(y: np.ndarray, values: np.ndarray) -> float:
    """Return the mean Tweedie deviance of power 1.5: small where values predict customers' spend, zeros included."""
    values, power = np.maximum(values, 1e-9 * max(float(y.mean()), 1e-300)), 1.5
    terms = (
        np.power(y, 2 - power) / ((1 - power) * (2 - power))
        - y * np.power(values, 1 - power) / (1 - power)
        + np.power(values, 2 - power) / (2 - power)
    )
    return float(2 * terms.mean())
