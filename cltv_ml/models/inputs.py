"""Inputs of the models: customers in any kind of table, labels and weights."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_array, column_or_1d

from cltv_ml.engine import as_tabular
from cltv_ml.errors import InputError


def as_frame(model: Any, X: Any, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Return customers as a pandas DataFrame, from any kind of table.

    A pandas frame stays as it is. An Arrow or Polars table, or anything else that exports an Arrow stream, keeps its
    column names. The columns of an array are identified by position: they get `names`, those of the fit, or else "x0",
    "x1", ... as in scikit-learn.

    >>> as_frame(object(), np.zeros((1, 2))).columns.tolist()
    ['x0', 'x1']
    """
    if isinstance(X, pd.DataFrame):
        return X if _has_names(model, X) else _by_place(model, X, names)
    if isinstance(frame := as_pandas(X), pd.DataFrame):
        return frame
    array = check_array(X, ensure_all_finite=False, estimator=model, input_name="X")
    return _by_place(model, pd.DataFrame(array, copy=False), names)


def as_pandas(X: Any) -> Any:
    """Return a table of any library, or a NumPy array with names, as a pandas frame; anything else unchanged.

    >>> as_pandas(pa.table({"T": [90.0]})).columns.tolist()
    ['T']
    """
    try:
        table = as_tabular(X)
    except InputError:
        return X
    if not isinstance(table, pa.Table):
        return table
    # pandas cannot take rows of Polars' own kind of text
    return table.to_pandas(
        types_mapper=lambda kind: None if pa.types.is_string_view(kind) else pd.ArrowDtype(kind)
    )


def as_labels(model: Any, y: Any, rows: int) -> np.ndarray:
    """Return labels as float64, shape (rows,).

    Raises
    ------
    InputError
        No labels, labels of another length, negative or missing labels, or labels that are all zero: nothing can be
        learned where no customer bought.
    """
    who = type(model).__name__
    if y is None:
        raise InputError(
            f"{who} requires y to be passed, but the target y is None; give the spend of each customer of X "
            "in the window that followed."
        )
    labels = _one_number_a_row(y)
    if labels.shape != (rows,):
        raise InputError(f"{who}: y must have one value per row of X ({rows}), got shape {labels.shape}.")
    if not (np.isfinite(labels) & (labels >= 0)).all():
        wrong = (
            "NaN" if np.isnan(labels).any() else "infinity" if np.isinf(labels).any() else "negative values"
        )
        raise InputError(
            f"{who}: Input y contains {wrong}; give spend of zero or more, and no row without it."
        )
    if not (labels > 0).any():
        raise InputError(f"{who}: every label is zero; choose a window in which somebody bought.")
    return labels


def as_weights(model: Any, sample_weight: Any, rows: int) -> np.ndarray | None:
    """Return each row's weight as float64, shape (rows,), or None where all weigh the same."""
    if sample_weight is None:
        return None
    weights = _one_number_a_row(sample_weight)
    who = type(model).__name__
    if weights.shape != (rows,):
        raise InputError(
            f"{who}: sample_weight must have one value per row of X ({rows}), got shape {weights.shape}."
        )
    if not (np.isfinite(weights) & (weights >= 0)).all() or not (weights > 0).any():
        raise InputError(
            f"{who}: sample_weight must be finite, zero or more, and above zero for some row; correct those rows."
        )
    return weights


def paired(
    true: ArrayLike, pred: ArrayLike, names: tuple[str, str] = ("y_true", "y_pred")
) -> tuple[np.ndarray, np.ndarray]:
    """Return both inputs as arrays of floats; InputError if they do not match or hold a missing value."""
    sides = np.asarray(true, dtype=np.float64), np.asarray(pred, dtype=np.float64)
    shapes = [side.shape for side in sides]
    if sides[0].ndim != 1 or shapes[0] != shapes[1] or not len(sides[0]):
        raise InputError(
            f"{names[0]} and {names[1]} must have the same length and not be empty, got {shapes[0]} and "
            f"{shapes[1]}."
        )
    for name, side in zip(names, sides, strict=True):
        if not np.isfinite(side).all():
            raise InputError(
                f"{name} has {int((~np.isfinite(side)).sum())} missing or infinite values; leave those "
                "customers out."
            )
    return sides


def _one_number_a_row(values: Any) -> np.ndarray:
    if isinstance(values, pd.Series):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = column_or_1d(array, warn=True)  # scikit-learn's warning: a column where a vector is meant
    return array.astype(np.float64)


def _has_names(model: Any, X: pd.DataFrame) -> bool:
    """Return whether the columns have names rather than positions; a mixture is refused."""
    texts = sum(isinstance(name, str) for name in X.columns)
    if 0 < texts < X.shape[1]:
        raise InputError(
            f"{type(model).__name__}: some column names are text and some are not, {list(X.columns)}; "
            "make all of them text."
        )
    return texts > 0 or X.shape[1] == 0


def _by_place(model: Any, X: pd.DataFrame, names: Sequence[str] | None) -> pd.DataFrame:
    places = [f"x{number}" for number in range(X.shape[1])]
    if names is None or list(names) == places:
        return X.set_axis(places, axis="columns")
    who = type(model).__name__
    if len(names) != X.shape[1]:
        raise InputError(
            f"{who}: X has {X.shape[1]} features, but {who} is expecting {len(names)} features as input."
        )
    warnings.warn(
        f"X does not have valid feature names, but {who} was fitted with feature names", stacklevel=4
    )
    return X.set_axis(list(names), axis="columns")
