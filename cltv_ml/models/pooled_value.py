"""Values from purchase models per group of customers (a shop, a country, a cohort), shrunk to the population's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar

import numpy as np
import pandas as pd
from sklearn.base import clone

from cltv_ml.errors import InputError
from cltv_ml.models.attribution import BASELINE
from cltv_ml.models.base import check_columns, check_fitted, is_numeric
from cltv_ml.models.bg_nbd import BGNBD
from cltv_ml.models.categories import as_spelled, first_spelling
from cltv_ml.models.fit_cache import once
from cltv_ml.models.inputs import as_labels, as_pandas
from cltv_ml.models.out_of_fold import at_latest, by_cutoff
from cltv_ml.models.pooling import fit_pooled
from cltv_ml.models.probabilistic import NamedByPurchases, ProbabilisticValue
from cltv_ml.models.with_covariates import (
    FEWER_CUSTOMERS,
    MOST_CUSTOMERS,
    OfAttributes,
    at_equal_steps,
    mean_deviance,
)

#: Fewest customers of a group of its own, and most groups; all other customers have the population's parameters.
MIN_GROUP, MOST_GROUPS = 20, 50

#: Cohorts of about equal size where customers are grouped by their age.
COHORTS = 5

#: Earlier windows on which the grouping is chosen.
GROUPING_WINDOWS = 2

_SUMMARY = ("frequency", "recency", "T", "monetary_value")

#: The name of the group of all other customers.
_OTHERS = ""

Answers = TypeVar("Answers", np.ndarray, pd.DataFrame)


class PooledValue(OfAttributes):
    """BG/NBD or Pareto/NBD with Gamma-Gamma, whose purchase parameters are those of a customer's group.

    `pooling.fit_pooled` shrinks each group's parameters to the population's, the more the fewer its data. Customers
    are grouped by an attribute in words, or by age into acquisition cohorts, or not at all, whichever predicted their
    spend best on earlier windows.

    Parameters
    ----------
    horizon
        In days.
    purchases
        The purchase model, `BGNBD()` if None; it is cloned.
    attributes
        Columns of `X`; those in words may group customers.
    """

    name = NamedByPurchases("pooled")

    def fit(self, X: pd.DataFrame, y: pd.Series | None = None) -> Self:
        """Choose how to group customers on the latest labelled windows, and fit on the customers of the latest."""
        X, labels = as_pandas(X), as_labels(self, y, len(X))
        self._check(X, self.attributes)
        self.grouped_by_ = self._choose_grouping(X, labels)
        return self.adapt(at_latest(X))

    def adapt(self, X: pd.DataFrame) -> Self:
        """Refit on today's customers, or on a sample of very many; this needs no labels. Return the model."""
        some = at_equal_steps(X, MOST_CUSTOMERS)
        self.grouping_ = _learn_grouping(some, self.grouped_by_)
        self.values_ = self._fit_groups(some, self.grouping_)
        column = [self.grouped_by_] if self.grouped_by_ not in ("", "T") else []
        self.feature_names_in_ = np.array([*_SUMMARY, *column], dtype=object)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected spend over the horizon, shape (n,), in currency units."""
        return self._by_group(X, lambda value, rows: value.predict(rows))

    def p_buy(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probability of any purchase within the horizon, shape (n,)."""
        return self._by_group(X, lambda value, rows: value.p_buy(rows))

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the history's contribution within the group, and what a new customer of the group is worth more."""
        check_fitted(self)
        parts = self._by_group(X, lambda value, rows: value.contributions(rows))
        if self.grouped_by_ in ("", "T"):
            return parts
        usual = self.values_[_OTHERS].contributions(X.iloc[:1])[BASELINE].iloc[0]
        return parts.assign(**{self.grouped_by_: parts[BASELINE] - usual, BASELINE: usual})

    def _table(self, X: pd.DataFrame) -> pd.DataFrame:
        return self._by_group(X, lambda value, rows: value.at_own_total().predict_table(rows))

    def _by_group(
        self, X: pd.DataFrame, answer: Callable[[ProbabilisticValue, pd.DataFrame], Answers]
    ) -> Answers:
        """Return each customer's answer by the model of their group, in the order of `X`."""
        check_fitted(self)
        self._check(X, [name for name in self.feature_names_in_ if name not in _SUMMARY])
        groups = _groups(X, self.grouping_)
        places = [np.flatnonzero(groups == group) for group in dict.fromkeys(groups)]
        models = [self.values_.get(groups[rows[0]], self.values_[_OTHERS]) for rows in places]
        answers = [answer(model, X.iloc[rows]) for model, rows in zip(models, places, strict=True)]
        if not answers:
            return answer(self.values_[_OTHERS], X)
        order = np.argsort(np.concatenate(places))
        if isinstance(answers[0], pd.DataFrame):
            return pd.concat(answers).iloc[order]
        return np.concatenate(answers)[order]

    def _check(self, X: pd.DataFrame, columns: Sequence[str]) -> None:
        """Raise InputError unless the summary's columns are there and finite, and the others are there."""
        check_columns(self, X, _SUMMARY)
        missing = [name for name in columns if name not in X]
        if missing:
            raise InputError(f"{type(self).__name__}: missing columns {missing}. Found {list(X.columns)}.")

    def _choose_grouping(self, X: pd.DataFrame, y: np.ndarray) -> str:
        """Return the column whose groups had the lowest error of values on the latest windows; empty if no column had
        a lower one than a single group.
        """
        words = [name for name in self.attributes if not is_numeric(X[name].dtype)]
        errors = dict.fromkeys(["", "T", *words], 0.0)
        for _, rows in by_cutoff(X)[-GROUPING_WINDOWS:]:
            some = rows[:: max(1, len(rows) // FEWER_CUSTOMERS)]
            customers, spent = X.iloc[some], y[some]
            if not spent.any():
                continue
            for column in errors:
                grouping = _learn_grouping(customers, column)
                fitted, groups = self._fit_groups(customers, grouping), _groups(customers, grouping)
                values = np.empty(len(some))
                for group in dict.fromkeys(groups):
                    values[groups == group] = fitted[group].predict(customers[groups == group])
                errors[column] += mean_deviance(spent, values * spent.sum() / max(values.sum(), 1e-300))
        return min(errors, key=lambda column: errors[column])

    def _fit_groups(self, X: pd.DataFrame, grouping: dict[str, Any]) -> dict[str, ProbabilisticValue]:
        """Return the model of each group; that of `_OTHERS` is the population's."""
        purchases = clone(self.purchases or BGNBD())
        value = ProbabilisticValue(purchases, horizon=self.horizon)
        groups, spend = _groups(X, grouping), value.fit_spend(X)
        known, number = np.unique(groups, return_inverse=True)
        if len(known) < 2:
            whole = clone(purchases).fit(X)
            return {group: value.with_parts(whole, spend) for group in (_OTHERS, *known)}
        summary = check_columns(self, X, purchases.columns)
        settings = repr((type(purchases).__name__, purchases.get_params(), "pooled"))
        pooled = once(
            lambda: fit_pooled(purchases, X, pd.Series(groups)), settings, summary, number.astype(float)
        )
        middle = clone(value).with_parts(pooled.middle, spend)
        return {_OTHERS: middle} | {
            group: clone(value).with_parts(pooled.of(group), spend) for group in known if group != _OTHERS
        }


def _learn_grouping(X: pd.DataFrame, column: str) -> dict[str, Any]:
    """Return how a column groups customers: by its frequent levels, or by age into cohorts of about equal size.

    >>> _learn_grouping(pd.DataFrame({"shop": ["Graz"] * 30 + ["Linz"] * 20 + ["Wels"]}), "shop")
    {'column': 'shop', 'levels': ['Graz', 'Linz']}
    >>> _learn_grouping(pd.DataFrame({"T": np.arange(100.0)}), "T")
    {'column': 'T', 'ages': [19.8, 39.6, 59.4, 79.2]}
    """
    if not column:
        return {"column": ""}
    if column == "T":
        ages = np.unique(X["T"].astype("float64").quantile(np.arange(1, COHORTS) / COHORTS).round(6))
        return {"column": column, "ages": ages.tolist()}
    counts = X[column].dropna().astype(str).value_counts().sort_index()
    counts = counts.groupby(counts.index.map(first_spelling(counts.index)), sort=False).sum()
    frequent = counts[counts >= MIN_GROUP].sort_values(ascending=False, kind="stable").head(MOST_GROUPS)
    return {"column": column, "levels": list(map(str, frequent.index))}


def _groups(X: pd.DataFrame, grouping: dict[str, Any]) -> np.ndarray:
    """Return the group of each customer, shape (n,); `_OTHERS` where the value is rare, unseen or missing."""
    if "ages" in grouping:
        return (
            np.searchsorted(grouping["ages"], X["T"].to_numpy(float), side="left").astype(str).astype(object)
        )
    if "levels" not in grouping:
        return np.full(len(X), _OTHERS, dtype=object)
    column = X[grouping["column"]]
    spelled = column.map(as_spelled(column.dropna().unique(), grouping["levels"]))
    return np.where(spelled.isin(grouping["levels"]), spelled, _OTHERS).astype(object)
