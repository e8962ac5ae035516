"""The base of the gradient-boosted models: arguments, training rows and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.utils import Tags, check_random_state

from cltv_ml.errors import InputError
from cltv_ml.models import boosting
from cltv_ml.models.base import ValueModel, check_columns, check_fitted, is_numeric
from cltv_ml.models.bins import Examples, Matrix
from cltv_ml.models.categories import (
    MANY_ROWS,
    encode,
    feature_types,
    in_order,
    learn_categories,
    without_order,
)
from cltv_ml.models.feature_files import FeatureFiles, StoredRows
from cltv_ml.models.inputs import as_frame, as_labels, as_weights
from cltv_ml.models.search import TREES


@dataclass(frozen=True)
class TrainingRows:
    """Labelled rows as a booster reads them; rows of weight zero are not among them.

    `sample_weight` is the caller's, None if all rows are equal; `weight` is that times the weight of a row's cutoff
    (`boosting.origin_weights`). `sets` names the categories that are split into sets of levels.
    """

    names: list[str]
    matrix: Matrix
    labels: np.ndarray
    sample_weight: np.ndarray | None
    weight: np.ndarray | None
    sets: tuple[str, ...] = ()

    def where(self, mask: np.ndarray) -> TrainingRows:
        """Return the rows that a mask chooses."""
        counts, weight = (part if part is None else part[mask] for part in (self.sample_weight, self.weight))
        chosen = {"matrix": self.matrix[mask], "labels": self.labels[mask]}
        return replace(self, **chosen, sample_weight=counts, weight=weight)

    def mean(self, values: np.ndarray) -> float:
        """Return the mean of `values`, weighted by the caller's weights."""
        if self.sample_weight is None:
            return float(values.mean())
        return float(np.average(values, weights=self.sample_weight))

    def balance(self, values: np.ndarray) -> float:
        """Return the factor that gives `values` the total of the labels.

        Source: M. Wüthrich, Bias regularization in neural network models for general insurance pricing, 2020.
        """
        labels = self.labels
        if self.sample_weight is not None:
            labels, values = labels * self.sample_weight, values * self.sample_weight
        total = float(values.sum())
        return float(labels.sum()) / total if total > 0 else 1.0


@dataclass(eq=False, repr=False)
class TreeArguments:
    """The arguments of every model on XGBoost, with the names of scikit-learn and XGBoost.

    A dataclass writes the constructor that scikit-learn asks for: each argument stored unchanged. A model that has
    another default, or an additional argument, states only that one.

    Parameters
    ----------
    horizon
        Days over which `y` was summed; `predict` answers for the same length.
    features
        Columns of `X` to learn from; all if None, and text is then refused. Prefer features that do not grow with age.
        A named column of text is learned as categories: levels that fewer than 20 customers share are joined, as are
        all beyond the 200 most frequent, and a level that the fit has not seen counts as missing. From 50,000 rows on,
        levels are read in the order of their mean label.
    n_estimators, learning_rate, max_depth, min_child_weight, subsample, colsample_bytree, random_state, device
        As in `xgboost.XGBRegressor`.
    half_life
        Days between a row's cutoff and the latest one that halve its weight (`origin_weights`).
    """

    horizon: int = 91
    _: KW_ONLY
    features: Sequence[str] | None = None
    n_estimators: int = 150
    learning_rate: float = 0.05
    max_depth: int = 4
    min_child_weight: float = 20.0
    subsample: float = 0.8
    colsample_bytree: float = 0.7
    half_life: float | None = 180.0
    random_state: int | None = 0
    device: str = "cpu"


#: The feature that separates levels that only reflect the history from those that add to it.
_HISTORY = ("frequency", "recency", "T", "monetary_value")


class TreeModel(TreeArguments, ValueModel):
    """The base of the models on XGBoost; `TreeArguments` lists the arguments.

    `X` is a pandas, Polars or Arrow table or an array of numbers, in which values may be missing. Columns of a table
    are read by name, so their order and further columns do not matter.
    """

    needs_labels = True
    search_space = TREES
    #: By column of text the code of each level; empty for models that were stored before there were any.
    categories_: Mapping[str, Mapping[str, int]] = MappingProxyType({})
    #: Arguments that models stored by 0.1.0 have under other names.
    renamed: ClassVar[Mapping[str, str]] = {
        "rounds": "n_estimators",
        "colsample": "colsample_bytree",
        "seed": "random_state",
        "variance_power": "tweedie_variance_power",
        "levels": "quantile_alpha",
    }

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from customers at one or several cutoffs and each one's later spend; return the model.

        `sample_weight` is the weight of each row, 1 if None.
        """
        rows = self._rows(X if isinstance(X, FeatureFiles) else as_frame(self, X), y, sample_weight)
        self.feature_names_in_ = np.array(rows.names, dtype=object)
        self._fit(rows)
        return self

    def _predict(self, X: Any) -> np.ndarray:
        """Return the expected spend over the horizon, shape (n,), in currency units."""
        return self._values(self._matrix(self._frame(X)))

    def predict_table(self, X: Any) -> pd.DataFrame:
        """Return PREDICTIONS for `X` (`ValueModel.predict_table`)."""
        return super().predict_table(self._frame(X))

    def _contributions(self, X: Any) -> pd.DataFrame:
        """Return each feature's contribution to the expected value, in currency, by exact TreeSHAP."""
        frame = self._frame(X)
        return self._explain(self._matrix(frame)).set_axis(frame.index)

    def booster_params(self) -> dict[str, Any]:
        """Return the settings of every booster, under XGBoost's names."""
        return {
            "eta": self.learning_rate,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "seed": _seed(self.random_state),
            "device": self.device,
        }

    def _fit(self, rows: TrainingRows) -> None:
        raise NotImplementedError

    def _values(self, matrix: Matrix) -> np.ndarray:
        raise NotImplementedError

    def _explain(self, matrix: np.ndarray) -> pd.DataFrame:
        raise NotImplementedError

    def _train(
        self,
        rows: TrainingRows,
        labels: np.ndarray,
        params: Mapping[str, Any],
        *,
        margin: np.ndarray | None = None,
        objective: boosting.Gradient | None = None,
    ) -> boosting.Trained:
        """Return a booster that learned `labels` of these rows."""
        types = feature_types(rows.names, rows.sets, _width(rows))
        examples = Examples(rows.matrix, labels, rows.weight, margin, types)
        settings = {**self.booster_params(), **params}
        return boosting.train_booster(examples, settings, rounds=self.n_estimators, objective=objective)

    def _frame(self, X: Any) -> pd.DataFrame:
        check_fitted(self)
        return as_frame(self, X, list(self.feature_names_in_))

    def _matrix(self, frame: pd.DataFrame, names: Sequence[str] | None = None) -> np.ndarray:
        """Return the columns that the trees read as numbers, categories as their codes."""
        columns = list(self.feature_names_in_ if names is None else names)
        return check_columns(self, encode(frame, self.categories_), columns, np.float32)

    def _rows(self, X: pd.DataFrame | FeatureFiles, y: Any, sample_weight: Any) -> TrainingRows:
        """Return the rows to learn from, all checked; rows of files stay there and bring their labels."""
        from_files = isinstance(X, FeatureFiles)
        names = self._names(X)
        weights = as_weights(self, sample_weight, len(X))
        labels = as_labels(self, X.labels() if from_files else y, len(X))
        sets = self._learn_categories(X, names, labels, weights)
        matrix: Matrix
        every = np.ones(len(X), dtype=bool)
        matrix = StoredRows(self, X, names, every) if from_files else self._matrix(X, names)
        weight = boosting.origin_weights(self, X)
        if weights is not None:
            weight = weights if weight is None else weight * weights
        rows = TrainingRows(names, matrix, labels, weights, weight, sets)
        return rows if weights is None else _counted_rows(self, rows, weights > 0)

    def _learn_categories(
        self,
        X: pd.DataFrame | FeatureFiles,
        names: Sequence[str],
        labels: np.ndarray,
        weights: np.ndarray | None,
    ) -> tuple[str, ...]:
        """Learn the codes of levels; return which columns are split into sets of levels."""
        self.categories_ = X.categories(names) if isinstance(X, FeatureFiles) else learn_categories(X, names)
        unordered = without_order(self.categories_)
        if len(X) < MANY_ROWS or not unordered:
            return tuple(unordered)
        counted = np.ones(len(X), dtype=bool) if weights is None else weights > 0
        history = [X[name][counted].to_numpy(np.float32) for name in _HISTORY if name in X.columns]
        expected = (
            boosting.expected_by_history(np.column_stack(history), labels[counted]) if history else None
        )
        self.categories_ = {
            name: in_order(X[name][counted], labels[counted], levels, expected)
            if name in unordered
            else levels
            for name, levels in self.categories_.items()
        }
        return ()

    def _names(self, X: pd.DataFrame | FeatureFiles) -> list[str]:
        names = list(X.columns) if self.features is None else list(self.features)
        double = sorted({name for name in names if names.count(name) > 1})
        who = type(self).__name__
        if double and self.features is not None:
            raise InputError(f"{who}: features names {double} more than once; name each column once.")
        if self.features is None and isinstance(X, pd.DataFrame):
            _check_numbers(who, X)
        return names

    def __sklearn_tags__(self) -> Tags:
        """Missing values are learned from, and what customers spend is not negative."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.positive_only = True
        return tags


def _width(rows: TrainingRows) -> int:
    return rows.matrix.shape[1] if isinstance(rows.matrix, np.ndarray) else len(rows.names)


def _counted_rows(model: TreeModel, rows: TrainingRows, mask: np.ndarray) -> TrainingRows:
    """Return the rows of positive weight; InputError if none of their customers bought."""
    if not (rows.labels[mask] > 0).any():
        raise InputError(
            f"{type(model).__name__}: every row with a weight has a label of zero; give a weight to a "
            "customer who bought."
        )
    return rows if mask.all() else rows.where(mask)


def _check_numbers(who: str, X: pd.DataFrame) -> None:
    """Raise InputError if a column is not numeric, because leaving it out would be a guess."""
    others = [str(name) for name, dtype in X.dtypes.items() if not is_numeric(dtype)]
    if others:
        raise InputError(
            f"{who}: the columns {others} are not numeric, but the model learns only from numbers; name the "
            "columns to learn from in `features`, or convert these to numbers."
        )


def _seed(random_state: Any) -> int:
    """Return XGBoost's seed: the whole number passed, or one drawn as in scikit-learn."""
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
