"""The common part of gradient-boosted models: checked inputs, one matrix, one training call."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import xgboost as xgb

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_columns
from cltv_ml.models.feature_files import Batches, FeatureFiles, Rows
from cltv_ml.models.fit_cache import once

#: Rows in memory, or rows of files that are read in batches.
Matrix: TypeAlias = np.ndarray | Rows

#: Predictions and data in, gradient and second derivative out.
Objective: TypeAlias = Callable[[np.ndarray, xgb.QuantileDMatrix], tuple[np.ndarray, np.ndarray]]


def check_training(
    model: Any, X: pd.DataFrame | FeatureFiles, y: pd.Series | None
) -> tuple[list[str], Matrix, np.ndarray]:
    """Return the feature names, their float32 matrix and the labels, all checked.

    Rows of files stay there, to be read in batches, and bring their labels.

    Raises
    ------
    InputError
        No labels, labels of another length, negative or missing labels, or labels that are all zero:
        nothing can be learned from customers of whom none bought. Or a column is no number: text such as a
        country is not learned from, so categories never seen cannot arise.
    """
    if isinstance(X, FeatureFiles):
        labels = check_labels(model, X, X.labels())
        names = list(model.features if model.features is not None else X.columns)
        return names, Rows(model, X, names, np.ones(len(labels), dtype=bool)), labels
    names = list(model.features) if model.features is not None else _all_columns(model, X)
    matrix = read(model, X, names)
    return names, matrix, check_labels(model, X, y)


def check_labels(model: Any, X: pd.DataFrame | FeatureFiles, y: pd.Series | np.ndarray | None) -> np.ndarray:
    """Return the labels as float64, shape (n,); errors as in `check_training`."""
    who = type(model).__name__
    if y is None:
        raise InputError(
            f"{who}: y is missing; give what each customer of X spent in the window that followed."
        )
    labels = np.asarray(y, dtype=np.float64)
    if labels.shape != (len(X),):
        raise InputError(f"{who}: y must have one value per row of X ({len(X)}), got shape {labels.shape}.")
    if not (np.isfinite(labels) & (labels >= 0)).all():
        raise InputError(f"{who}: y holds a negative, missing or infinite value; give spend of zero or more.")
    if not (labels > 0).any():
        raise InputError(f"{who}: every label is zero; choose a window in which somebody bought.")
    return labels


def read(model: Any, X: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Return the named columns as the float32 matrix that XGBoost bins and scores without another copy."""
    return check_columns(model, X, names, np.float32)


def train(
    matrix: Matrix,
    labels: np.ndarray,
    names: Sequence[str],
    params: Mapping[str, Any],
    *,
    rounds: int,
    margin: np.ndarray | None = None,
    weight: np.ndarray | None = None,
    objective: Objective | None = None,
) -> xgb.Booster:
    """Return a booster trained for `rounds` on quantile-binned data, starting each row at its `margin`.

    `objective` gives the derivatives of a loss that XGBoost does not bring. Whatever `device` it was trained on, the
    booster answers on the processor, where it is served and where its rows are.
    """
    settings = {"tree_method": "hist", "verbosity": 0, **params}

    def grow() -> xgb.Booster:
        data = _bin(matrix, labels, names, margin, weight)
        booster = xgb.train(settings, data, num_boost_round=rounds, obj=objective)
        booster.set_param({"device": "cpu"})
        return booster

    if objective is not None or isinstance(matrix, Rows):  # neither a function nor a file shows its content
        return grow()
    return once(grow, repr((settings, rounds, list(names))), matrix, labels, margin, weight)


@contextmanager
def shared_bins() -> Iterator[None]:
    """Keep binned rows while this is open: fits on equal rows, labels and margins bin them once.

    Binning costs as much as some eighty rounds, and trials of a tuning differ in neither. Equal is what has the
    same digest, so models need not know. Fits may run in several threads.
    """
    global _kept
    before, _kept = _kept, {}
    try:
        yield
    finally:
        _kept = before


_kept: dict[bytes, xgb.QuantileDMatrix] | None = None
_binning = threading.Lock()


def _bin(
    matrix: Matrix,
    labels: np.ndarray,
    names: Sequence[str],
    margin: np.ndarray | None,
    weight: np.ndarray | None,
) -> xgb.QuantileDMatrix:
    if isinstance(matrix, Rows):
        return xgb.QuantileDMatrix(Batches(matrix, labels, weight), max_bin=256)

    def bins() -> xgb.QuantileDMatrix:
        return xgb.QuantileDMatrix(
            matrix, labels, weight=weight, base_margin=margin, feature_names=list(names), max_bin=256
        )

    if _kept is None:
        return bins()
    digest = hashlib.blake2b(repr((list(names), matrix.shape)).encode())
    for part in (matrix, labels, margin, weight):
        digest.update(b"-" if part is None else np.ascontiguousarray(part).data)
    with _binning:
        if digest.digest() not in _kept:
            _kept[digest.digest()] = bins()
        return _kept[digest.digest()]


def tree_params(model: Any) -> dict[str, Any]:
    """Return the settings every tree model has, under XGBoost's names."""
    return {
        "eta": model.learning_rate,
        "max_depth": model.max_depth,
        "min_child_weight": model.min_child_weight,
        "subsample": model.subsample,
        "colsample_bytree": model.colsample,
        "seed": model.seed,
        "device": model.device,
    }


def score(booster: xgb.Booster, matrix: Matrix, margin: np.ndarray | None = None) -> np.ndarray:
    """Return the booster's answer per row as float64, shape (n,), each row starting at its `margin`."""
    if isinstance(matrix, Rows):
        return np.concatenate([score(booster, batch) for batch in matrix])
    answer = booster.inplace_predict(matrix, validate_features=False, base_margin=margin)
    return np.asarray(answer, dtype=np.float64)


def origin_weights(model: Any, X: pd.DataFrame | FeatureFiles) -> np.ndarray | None:
    """Return how much each row counts by its cutoff, mean 1; None where all count alike.

    A weight halves with every `half_life` days between the cutoff and the latest one, or the same day of the
    year as today in an earlier year, whichever is nearer: last year's season is as good as last month.

    >>> X = pd.DataFrame(index=pd.MultiIndex.from_product(
    ...     [pd.to_datetime(["2023-10-01", "2024-04-03", "2024-07-02"]), ["a"]], names=["cutoff", "customer_id"]))
    >>> class Model:
    ...     horizon, half_life = 91, 90
    >>> (origin_weights(Model, X) / origin_weights(Model, X).max()).round(1).tolist()
    [1.0, 0.5, 1.0]
    """
    cutoffs = _cutoffs(X)
    if model.half_life is None or cutoffs is None:
        return None
    age = (cutoffs.max() - cutoffs).days.to_numpy(dtype=np.float64)
    season = np.abs((age + model.horizon + 182.6) % 365.25 - 182.6)
    distance = np.where(age + model.horizon > 182.6, np.minimum(age, season), age)
    if not distance.any():
        return None
    weight = 0.5 ** (distance / model.half_life)
    return weight / weight.mean()


def _cutoffs(X: pd.DataFrame | FeatureFiles) -> pd.DatetimeIndex | None:
    if isinstance(X, FeatureFiles):
        return X.cutoffs()
    return X.index.get_level_values("cutoff") if "cutoff" in X.index.names else None


def balance(labels: np.ndarray, values: np.ndarray) -> float:
    """Return the factor that gives values the total of the labels: predictions for the training rows must add up.

    Source: M. Wüthrich, Bias regularization in neural network models for general insurance pricing, 2020.
    """
    total = float(values.sum())
    return float(labels.sum()) / total if total > 0 else 1.0


def _all_columns(model: Any, X: pd.DataFrame) -> list[str]:
    """Return the names of all columns; InputError where one is no number, since leaving it out would be a guess."""
    if not isinstance(X, pd.DataFrame):
        return []
    others = [str(name) for name, dtype in X.dtypes.items() if not pd.api.types.is_numeric_dtype(dtype)]
    if others:
        raise InputError(
            f"{type(model).__name__}: columns {others} hold no numbers, the only thing it learns from; name the "
            "columns to learn from in `features`, or turn these into numbers."
        )
    return [str(name) for name in X.columns]
