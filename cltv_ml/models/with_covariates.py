"""Purchase models with attributes of customers as covariates: text one-hot, numbers standardised, slopes shrunk."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import clone

from cltv_ml.errors import InputError
from cltv_ml.models.attribution import BASELINE, in_currency
from cltv_ml.models.base import ValueModel, check_fitted, is_numeric
from cltv_ml.models.bg_nbd import BGNBD
from cltv_ml.models.categories import as_spelled, first_spelling
from cltv_ml.models.fit_cache import once
from cltv_ml.models.gamma_gamma import GammaGamma
from cltv_ml.models.inputs import as_labels, as_pandas
from cltv_ml.models.out_of_fold import at_latest, by_cutoff
from cltv_ml.models.probabilistic import NamedByPurchases, ProbabilisticValue
from cltv_ml.models.purchases import PurchaseModel

#: Most levels of a column that get a covariate of their own.
MOST_COVARIATES = 8

#: Fewest customers of a level with a covariate.
MIN_COVARIATE_CUSTOMERS = 20

#: Numbers by which surveys and registers record a missing answer.
NO_ANSWER = (
    -1.0,
    *(sign * code for code in (9.0, 97.0, 98.0, 99.0, 997.0, 998.0, 999.0, 9999.0) for sign in (-1, 1)),
)

#: Quantiles at which a number is capped, because its slope times its value stands in an exponent.
SPAN = (0.01, 0.99)

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
        self.coding_ = learn_coding(at_latest(X), self.attributes)  # one row per customer
        self.penalty_ = self._choose_penalty(X, labels)
        return self

    def adapt(self, X: pd.DataFrame) -> Self:
        """Refit on today's customers, or on a sample of very many; this needs no labels. Return the model."""
        self.value_ = self._fresh(self.penalty_).fit(code(at_equal_steps(X, MOST_CUSTOMERS), self.coding_))
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
        plain = coded.assign(**_average(self.coding_))
        history, before = self.value_.contributions(plain), self.value_.predict(plain)
        # a slope is not what a customer's value changes by: their own history counts as well
        alone = {
            name: self.value_.predict(plain.assign(**coded[_dummy_names(name, entry)]))
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
        if not _covariates(self.coding_):
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
            lambda: self._measure(learn_coding(X, self.attributes), some, spent), repr(settings), rows, spent
        )

    def _measure(
        self, coding: dict[str, dict[str, Any]], X: pd.DataFrame, y: np.ndarray
    ) -> dict[float, float]:
        model = copy.copy(self)
        model.coding_, coded, errors = coding, code(X, coding), {}
        near = clone(self.purchases or BGNBD()).fit(coded).params_
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
        names = _covariates(self.coding_)
        purchases = clone(self.purchases or BGNBD())
        purchases.set_params(purchase_covariates=names, dropout_covariates=names, penalty=penalty)
        return ProbabilisticValue(
            purchases, GammaGamma(covariates=names, penalty=penalty), horizon=self.horizon
        )


def learn_coding(X: pd.DataFrame, attributes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the coding of each column as covariates: all levels but the most frequent, or mean and spread.

    At most `MOST_COVARIATES` levels get a covariate; `shares` holds each level's share of the customers with a value.
    Columns without information, such as those of one level, are left out.

    >>> X = pd.DataFrame({"country": ["UK"] * 30 + ["FR"] * 20 + ["IS"], "age": [20.0, 40.0, 60.0] * 17})
    >>> coding = learn_coding(X, ["country", "age"])
    >>> coding["country"]["levels"], coding["country"]["others"], round(coding["age"]["mean"])
    (['FR'], ['UK', 'IS'], 40)
    """
    coding: dict[str, dict[str, Any]] = {}
    for name in attributes:
        if name not in X:
            raise InputError(f"WithCovariates: missing column {name!r}. Found {list(X.columns)}.")
        column = X[name]
        if is_numeric(column.dtype):
            entry = _learn_number(column.astype("float64"))
            column = column.where(~column.isin(entry.get("no_answer", [])))
        else:
            entry = _learn_levels(column.dropna().astype(str).value_counts())
        missing = bool(column.isna().sum() >= MIN_COVARIATE_CUSTOMERS and column.notna().any())
        if entry and (entry.get("levels", [name]) or missing):
            coding[name] = {**entry, "missing": missing}
    return coding


def _learn_levels(counts: pd.Series) -> dict[str, Any]:
    """Return the levels with a covariate (all but the most frequent), their shares, and all other levels."""
    counts = counts.sort_index().sort_values(ascending=False, kind="stable")
    counts = counts.groupby(counts.index.map(first_spelling(counts.index)), sort=False).sum()
    counts = counts.sort_values(ascending=False, kind="stable")
    frequent = counts[counts >= MIN_COVARIATE_CUSTOMERS].head(MOST_COVARIATES)
    if not len(frequent):
        return {}
    shares = (frequent / counts.sum()).iloc[1:]
    others = [str(level) for level in counts.index if level not in shares.index]
    return {"levels": [str(level) for level in shares.index], "shares": shares.tolist(), "others": others}


def _learn_number(values: pd.Series) -> dict[str, Any]:
    """Return range, mean, spread and codes for no answer; empty without spread. A slope must not follow a few outliers.

    >>> learned = _learn_number(pd.Series([*range(20, 70)] * 9 + [999.0]))
    >>> learned["high"], round(learned["mean"])
    (69.0, 45)
    """
    no_answer = _no_answer(values)
    values = values[~values.isin(no_answer)]
    low, high = values.quantile(SPAN)
    if not low < high:  # such as yes or no with few of one
        low, high = values.min(), values.max()
    values = values.clip(low, high)
    spread = float(values.std())
    if not np.isfinite(spread) or spread <= 0:
        return {}
    coding = {"mean": float(values.mean()), "spread": spread, "low": float(low), "high": float(high)}
    return {**coding, "no_answer": no_answer} if no_answer else coding


def _no_answer(values: pd.Series) -> list[float]:
    """Return the codes for no answer among the values of many customers: below zero, or far above all other values.

    >>> _no_answer(pd.Series([*range(18, 80)] * 2 + [99.0] * 30)), _no_answer(pd.Series([1, 5, 3, 99, -9] * 30))
    ([], [-9.0, 99.0])
    """
    counts = values.value_counts()
    codes = [code for code in NO_ANSWER if counts.get(code, 0) >= MIN_COVARIATE_CUSTOMERS]
    rest = values[~values.isin(codes)]
    if not codes or not rest.notna().any():
        return []
    low, high = rest.min(), rest.max()
    return sorted(code for code in codes if code < 0 <= low or code > high + (high - low))


def code(X: pd.DataFrame, coding: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return customers with the covariates of the coding next to their summary columns.

    >>> coding = {"country": {"levels": ["FR"], "missing": True}}
    >>> code(pd.DataFrame({"country": ["FR", "UK", None]}), coding).iloc[:, 1:]
       country=FR  country=missing
    0         1.0              0.0
    1         0.0              0.0
    2         0.0              1.0
    """
    columns: dict[str, Any] = {}
    for name, entry in coding.items():
        column = X[name]
        if "levels" in entry:
            columns |= _code_levels(name, column, entry)
        else:
            column = column.where(~column.isin(entry.get("no_answer", [])))
            values = column.astype("float64").clip(entry.get("low"), entry.get("high"))
            columns[name] = ((values - entry["mean"]) / entry["spread"]).fillna(0.0)
        if entry["missing"]:
            columns[f"{name}=missing"] = column.isna().astype("float64")
    return X.assign(**columns)


def _code_levels(name: str, column: pd.Series, entry: Mapping[str, Any]) -> dict[str, pd.Series]:
    """Return a covariate per level: 1 where a customer has it, and its share of all where their level has none."""
    own, shares = entry["levels"], entry.get("shares", [0.0] * len(entry["levels"]))
    known = [*own, *entry.get("others", [])[:1]]  # of the others the first is the most frequent level of all
    place, values = pd.factorize(column)
    level = as_spelled(values, known)
    coded = [
        [float(level.get(value) == one) for one in own] if level.get(value) in known else shares
        for value in values
    ]
    missing = [0.0] * len(own) if entry["missing"] else shares
    table = np.array([*coded, missing], dtype=np.float64)[place]  # the place of a missing value is -1
    return {f"{name}={one}": pd.Series(table[:, at], index=column.index) for at, one in enumerate(own)}


def _average(coding: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return the covariates of the average of all customers whose values are known."""
    levels = {
        f"{name}={level}": share
        for name, one in coding.items()
        for level, share in zip(one.get("levels", []), one.get("shares", []), strict=False)
    }
    return {column: levels.get(column, 0.0) for column in _covariates(coding)}


def at_equal_steps(X: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return about `most` customers at equal steps, all where there are no more."""
    return X.iloc[:: max(1, len(X) // most)]


def _dummy_names(name: str, entry: Mapping[str, Any]) -> list[str]:
    names = [f"{name}={level}" for level in entry["levels"]] if "levels" in entry else [name]
    return [*names, *([f"{name}=missing"] if entry["missing"] else [])]


def _covariates(coding: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [column for name, one in coding.items() for column in _dummy_names(name, one)]


def mean_deviance(y: np.ndarray, values: np.ndarray) -> float:
    """Return the mean Tweedie deviance of power 1.5: small where values predict customers' spend, zeros included."""
    values, power = np.maximum(values, 1e-9 * max(float(y.mean()), 1e-300)), 1.5
    terms = (
        np.power(y, 2 - power) / ((1 - power) * (2 - power))
        - y * np.power(values, 1 - power) / (1 - power)
        + np.power(values, 2 - power) / (2 - power)
    )
    return float(2 * terms.mean())
