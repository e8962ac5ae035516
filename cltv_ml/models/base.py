"""Interface of every model: scikit-learn's, with a value per customer over one horizon."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from cltv_ml.errors import InputError
from cltv_ml.models.inputs import as_pandas
from cltv_ml.models.search import SearchSpace
from cltv_ml.tables import PREDICTIONS

#: Up to this many rows all columns are read at once, because reading them one by one takes longer than the prediction.
_FEW_ROWS = 100


class FittedIntervals(Protocol):
    """Fitted intervals of spend, given the predicted value, such as `intervals.Intervals`."""

    def predict(self, values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and upper bounds of values."""

    def predict_median(self, values: ArrayLike) -> np.ndarray | None:
        """Return the median spend by value; None if it was not fitted."""

    def p_buy(self, values: ArrayLike) -> np.ndarray:
        """Return the probability of a purchase by value."""


class FittedHorizons(Protocol):
    """Fitted values of several horizons, such as `horizons.Horizons`."""

    days: Sequence[int]

    @property
    def inputs(self) -> list[str]:
        """The columns that `table` reads."""

    def table(self, X: pd.DataFrame, main: pd.DataFrame) -> pd.DataFrame:
        """Return the values and bounds of each horizon, given PREDICTIONS of the model's own."""


class ValueModel(RegressorMixin, BaseEstimator):
    """A model of each customer's spend over the next `horizon` days: a scikit-learn regressor.

    A subclass stores its arguments unchanged in `__init__`, names itself in `name`, learns in `fit` (attributes with a
    trailing underscore, `feature_names_in_` among them) and predicts at a total of its own. A better forecast of the
    total may exist (`models.level`): `bring_to` sets a factor by which every prediction is then multiplied.
    """

    #: The model's name in results; `named` returns a copy with another name.
    name: str
    #: True when `fit` needs customers at earlier cutoffs together with their later spend.
    needs_labels: ClassVar[bool] = False
    #: True when the total of its values comes from customers' histories although it needs labels.
    level_from_history: ClassVar[bool] = False
    #: The arguments that `cltv tune` may change, and their possible values; empty if nothing is tuned.
    search_space: ClassVar[SearchSpace] = {}
    #: Columns that `fit` reads besides the purchase summary and the features.
    reads: Sequence[str] = ()
    horizon: int
    feature_names_in_: np.ndarray
    #: Set by `set_intervals`; without them, predictions have no bounds.
    intervals_: FittedIntervals
    #: Set by `set_horizons`; without them, the model predicts for its own horizon only.
    horizons_: FittedHorizons
    #: The factor from the model's own total to its level, set by `bring_to`; without it, the total is its own.
    level_factor_: float

    def __init_subclass__(cls, **options: Any) -> None:
        """Wrap `predict` and `contributions` of a subclass, which are at its own total: the level is applied on top."""
        super().__init_subclass__(**options)
        for name in ("predict", "contributions"):
            if name in vars(cls):
                setattr(cls, f"_{name}", vars(cls)[name])
                delattr(cls, name)

    def named(self, name: str) -> Self:
        """Return an unfitted copy that results call `name`; clones keep it."""
        other: Self = clone(self)
        other.name = name
        return other

    def __sklearn_clone__(self) -> Self:
        """Return an unfitted copy with the same arguments and name."""
        clone: Self = super().__sklearn_clone__()
        if "name" in vars(self):
            clone.name = self.name
        return clone

    def fit(self, X: pd.DataFrame, y: pd.Series | None = None) -> Self:
        """Learn from customers `X` at a cutoff and their later spend `y`; return the model."""
        raise NotImplementedError

    def fit_before_adapting(self, X: pd.DataFrame, y: pd.Series | None = None) -> Self:
        """Learn as `fit` does, without what `adapt`, which must follow, replaces; `fit` itself by default."""
        return self.fit(X, y)

    def adapt(self, X: pd.DataFrame) -> Self:
        """Refit the parts that need no labels on today's customers `X`; return the model, unchanged by default."""
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected spend over the horizon per row of `X`, shape (n,), in currency units."""
        return self._predict(as_pandas(X)) * self._level_factor

    def bring_to(self, total: float, X: pd.DataFrame) -> Self:
        """Set the factor that makes the values of customers `X` add up to `total`; return the model.

        A model that predicts zero for every customer cannot be scaled and keeps its own total.
        """
        own = float(self._predict(X).sum())
        if own > 0:
            self.level_factor_ = total / own
        return self

    def at_own_total(self) -> Self:
        """Return a copy of the fitted model that predicts at its own total instead of a level."""
        other = copy.copy(self)
        other.__dict__.pop("level_factor_", None)
        return other

    def predict_table(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return PREDICTIONS for `X`: `expected_value`, and where the model has them `expected_purchases` and
        `p_alive` (NaN where it has not), aligned with `X.index`; with `intervals_` also `value_lower` and
        `value_upper`, and with `horizons_` the value and bounds of each horizon.
        """
        X = as_pandas(X)
        table = self._table(X)
        table = table.assign(expected_value=table["expected_value"] * self._level_factor)
        return PREDICTIONS.check(self._add_horizons(X, self.add_bounds(table)))

    def add_bounds(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return PREDICTIONS with `value_lower` and `value_upper` where the model has `intervals_`."""
        if not hasattr(self, "intervals_"):
            return table
        lower, upper = self.intervals_.predict(table["expected_value"])
        median = self.intervals_.predict_median(table["expected_value"])
        medians = {} if median is None else {"value_median": median}
        return table.assign(**medians, value_lower=lower, value_upper=upper)

    def set_intervals(self, intervals: FittedIntervals) -> Self:
        """Keep fitted `intervals`, so that tables of predictions have bounds; return the model."""
        self.intervals_ = intervals
        return self

    def set_horizons(self, horizons: FittedHorizons) -> Self:
        """Keep fitted `horizons`, so that tables of predictions hold values for several of them; return the model."""
        self.horizons_ = horizons
        return self

    @property
    def inputs(self) -> list[str]:
        """The columns that `predict_table` reads: the model's features and those of its `horizons_`."""
        others = self.horizons_.inputs if hasattr(self, "horizons_") else []
        return list(dict.fromkeys([*map(str, self.feature_names_in_), *others]))

    def _add_horizons(self, X: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
        if not hasattr(self, "horizons_"):
            return table
        return pd.concat(
            [table, self.horizons_.table(X, table)], axis="columns"
        )  # by place: names may repeat

    def components(self) -> list[ValueModel]:
        """Return the models that this one combines, not yet fitted; none by default."""
        return []

    def keep(self, names: Sequence[str]) -> ValueModel:
        """Return an unfitted copy that combines only the components of these names."""
        raise NotImplementedError(f"{type(self).__name__} does not combine other models.")

    def weigh(self, unseen: pd.DataFrame, y: pd.Series, *, carries_over: bool = True) -> np.ndarray:
        """Return out-of-fold values of a combination, from those of its components and the truth."""
        raise NotImplementedError(f"{type(self).__name__} does not combine other models.")

    def weighted(self, unseen: pd.DataFrame, y: pd.Series, *, carries_over: bool = True) -> ValueModel:
        """Return this combination with weights learned from its components' out-of-fold values and the truth."""
        raise NotImplementedError(f"{type(self).__name__} does not combine other models.")

    def combine(self, fitted: Mapping[str, ValueModel], X: pd.DataFrame) -> ValueModel:
        """Return one model of fitted components for customers `X`."""
        raise NotImplementedError(f"{type(self).__name__} does not combine other models.")

    def p_buy(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probability of spending anything within the horizon, shape (n,).

        A model of money alone takes it from `intervals_`: the buyers among customers of similar value; NaN without.
        """
        values = self.predict(X)
        return self.intervals_.p_buy(values) if hasattr(self, "intervals_") else np.full(len(X), np.nan)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return each feature's contribution to the expected value, in currency, by `X.index`.

        A column per feature and `baseline`, the expected value before any feature is known; each row sums to the
        expected value. A model without explanations puts the whole value in the baseline.
        """
        X = as_pandas(X)
        parts = self._contributions(X)
        if self._level_factor == 1.0:
            return parts
        total = parts.sum(axis="columns").to_numpy()
        return parts.mul(self.predict(X) / np.where(total != 0, total, 1.0), axis="index")

    @property
    def _level_factor(self) -> float:
        return getattr(self, "level_factor_", 1.0)

    @property
    def n_features_in_(self) -> int:
        """The number of features that the model reads."""
        return len(self.feature_names_in_)

    def __sklearn_tags__(self) -> Tags:
        """Labels are required where the model learns from them."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.needs_labels
        return tags

    def _predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the values at the model's own total, shape (n,)."""
        raise NotImplementedError

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the contributions at the model's own total."""
        nothing = pd.DataFrame(0.0, index=X.index, columns=list(map(str, self.feature_names_in_)))
        return nothing.assign(baseline=self._predict(X))

    def _table(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return PREDICTIONS without bounds, at the model's own total."""
        return pd.DataFrame(
            {"expected_value": self._predict(X), "expected_purchases": np.nan, "p_alive": np.nan},
            index=X.index,
        )


def by_name(models: Mapping[str, ValueModel] | Sequence[ValueModel]) -> list[ValueModel]:
    """Return models by name: the keys of a mapping, else the models' own names, which must differ.

    Raises
    ------
    InputError
        There is no model, or two models of a list share a name: results would keep only one of them.
    """
    if isinstance(models, Mapping):
        models = [model.named(str(name)) for name, model in models.items()]
    names = [model.name for model in models]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"models: {twice} appear more than once in the list; give a mapping of your own names to models, "
            f"such as {{'small': ..., 'large': ...}}."
        )
    if not names:
        raise InputError("models: the list is empty; give at least one.")
    return list(models)


def read_by(models: Sequence[ValueModel]) -> list[str]:
    """Return the columns that some of the models read besides the purchase summary and their features."""
    return list(dict.fromkeys(name for model in models for name in model.reads))


def check_columns(
    model: BaseEstimator, X: pd.DataFrame, columns: Sequence[str], dtype: type = np.float64
) -> np.ndarray:
    """Return the named columns of `X` as a matrix of floats, shape (n, len(columns)), in that order.

    Columns are read straight into the result, so a `float32` matrix needs no `float64` copy.

    Raises
    ------
    InputError
        A column is missing, duplicated or not numeric, or a value is infinite (as `dtype`); the message names it.
    """
    who = type(model).__name__
    X = as_pandas(X)
    if not isinstance(X, pd.DataFrame):
        raise InputError(
            f"{who}: X must be a table of pandas, Polars or Arrow with columns {list(columns)}, got {type(X).__name__}."
        )
    missing = [name for name in columns if name not in X.columns]
    if missing:
        raise InputError(f"{who}: missing columns {missing}. Found {list(X.columns)}.")
    matrix, infinite = _as_matrix(_read_columns(X, columns, who), len(X), dtype)
    if infinite.any():
        raise InputError(
            f"{who}: column {columns[int(infinite.argmax())]!r} contains an infinite value; fix or drop it."
        )
    return matrix


def _read_columns(X: pd.DataFrame, columns: Sequence[str], who: str) -> Sequence[np.ndarray]:
    """Return the values of columns, one array each; InputError for one that is duplicated or not numeric."""
    if len(X) <= _FEW_ROWS and X.columns.is_unique and (table := X.to_numpy()).dtype == np.float64:
        return table.T[X.columns.get_indexer(list(columns))]
    values, X = [], X.set_axis(range(len(X)))  # each column of a frame copies a view of its index
    for name in columns:
        column = X[name]
        if isinstance(column, pd.DataFrame):
            raise InputError(f"{who}: column {name!r} appears {column.shape[1]} times; keep one of them.")
        if not is_numeric(column.dtype):
            raise InputError(f"{who}: column {name!r} must be a number, found {column.dtype}.")
        values.append(_as_floats(column))
    return values


def is_numeric(dtype: Any) -> bool:
    """Return whether a column's type is numeric or boolean, of NumPy, pandas or Arrow."""
    return bool(pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype))


def _as_matrix(values: Sequence[np.ndarray], count: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Return columns as one matrix of rows, and which of them hold an infinite value, as `dtype`; it is filled in
    blocks of rows that fit into the processor's cache, which takes a third of the time.
    """
    matrix: np.ndarray = np.empty((count, len(values)), dtype=dtype)
    infinite = np.zeros(len(values), dtype=bool)
    with np.errstate(over="ignore"):  # what is too large for the type becomes infinite
        for first in range(0, count, 4096):
            block = matrix[first : first + 4096]
            for place, column in enumerate(values):
                block[:, place] = column[first : first + 4096]
            infinite |= np.isinf(block).any(axis=0)
    return matrix, infinite


def _as_floats(column: pd.Series) -> np.ndarray:
    """Return the values of a numeric column, those missing as NaN; a view where it is a NumPy column."""
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def check_fitted(model: BaseEstimator) -> None:
    """Raise scikit-learn's NotFittedError when `fit` has not run."""
    check_is_fitted(model)
