"""Purchase histories of the models: frequency, recency and T, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_columns
from cltv_ml.models.inputs import as_pandas
from cltv_ml.windows import to_days

#: Days in one unit of time a model may be fitted in.
DAYS_IN = {"days": 1.0, "weeks": 7.0, "months": 365.25 / 12, "years": 365.25}


@dataclass(frozen=True)
class Rows:
    """Distinct customers: `x` purchases until age `tx`, observed until age `T`, and the number of such customers.

    `distinct_x` and `place_x` name the different `x` once, for functions that depend on `x` only;
    `purchase` and `dropout` are covariates, shape (n, k).
    """

    x: np.ndarray
    tx: np.ndarray
    T: np.ndarray
    weight: np.ndarray
    distinct_x: np.ndarray
    place_x: np.ndarray
    purchase: np.ndarray
    dropout: np.ndarray

    def __len__(self) -> int:
        return len(self.x)

    def take(self, chosen: slice | np.ndarray, weight: np.ndarray | None = None) -> Rows:
        """Return some of the rows."""
        return build_rows(
            self.x[chosen],
            self.tx[chosen],
            self.T[chosen],
            self.weight[chosen] if weight is None else weight,
            self.purchase[chosen],
            self.dropout[chosen],
        )


def build_rows(
    x: np.ndarray,
    tx: np.ndarray,
    T: np.ndarray,
    weight: np.ndarray,
    purchase: np.ndarray,
    dropout: np.ndarray,
) -> Rows:
    """Return rows sorted as given; `x` must ascend for the tables over `x` to be short."""
    fresh = np.r_[True, x[1:] != x[:-1]]
    return Rows(x, tx, T, weight, x[fresh], np.cumsum(fresh) - 1, purchase, dropout)


def read_history(
    model: BaseEstimator, X: pd.DataFrame, columns: Sequence[str] = ("frequency", "recency", "T")
) -> tuple[np.ndarray, ...]:
    """Return `frequency`, `recency`, `T`, or how a model calls them, as float64 columns of a valid frame.

    Raises
    ------
    InputError
        A value is missing, negative, not whole (frequency) or later than `T` (recency), or the frame's
        `attrs["time_unit"]` differs from the model's unit.
    """
    who, X = type(model).__name__, as_pandas(X)
    matrix = check_columns(model, X, columns)
    check_unit(model, X)
    check_complete(model, X, matrix, columns)
    x, tx, T = np.ascontiguousarray(matrix.T)
    if (x != np.rint(x)).any():
        raise InputError(
            f"{who}: frequency counts repeat purchases and must be a whole number, found "
            f"{x[x != np.rint(x)][0]}."
        )
    late = tx > T
    if late.any():
        raise InputError(
            f"{who}: recency is the age at the last purchase and cannot exceed {columns[2]}; found recency "
            f"{tx[late][0]:g} with {T[late][0]:g} in {int(late.sum())} rows. If recency is the time since "
            "the last purchase, pass T - recency."
        )
    early = (x == 0) & (tx > 0)
    if early.any():
        raise InputError(
            f"{who}: a customer without a repeat purchase has recency 0, found {tx[early][0]:g} in "
            f"{int(early.sum())} rows; frequency counts only repeat purchases."
        )
    return x, tx, T


def read_periods(
    model: BaseEstimator, X: pd.DataFrame, columns: Sequence[str], at_least: int
) -> tuple[np.ndarray, ...]:
    """Return whole counts such as `frequency`, `recency`, `n_opportunities`; the last is not exceeded.

    Raises
    ------
    InputError
        A value is missing, below `at_least`, not whole, or larger than the last column's.
    """
    who, X = type(model).__name__, as_pandas(X)
    matrix = check_columns(model, X, columns)
    check_unit(model, X)
    check_complete(model, X, matrix, columns)
    for number, name in enumerate(columns):
        column = matrix[:, number]
        wrong = (column != np.rint(column)) | (column < at_least) | (column > matrix[:, -1])
        if wrong.any():
            raise InputError(
                f"{who}: {name} must be a whole number from {at_least} to {columns[-1]}, found "
                f"{column[wrong][0]:g} with {columns[-1]} {matrix[wrong, -1][0]:g}."
            )
    if (
        len(columns) == 3
        and ((matrix[:, 0] > matrix[:, 1]) | ((matrix[:, 0] == 0) != (matrix[:, 1] == 0))).any()
    ):
        raise InputError(
            f"{who}: recency is the number of the last opportunity at which a customer bought, so it must be at least "
            "frequency, and 0 exactly where frequency is 0; correct the rows where it is not."
        )
    return tuple(np.ascontiguousarray(matrix.T))


def check_complete(model: BaseEstimator, X: pd.DataFrame, matrix: np.ndarray, columns: Sequence[str]) -> None:
    """Raise when the frame is empty or a value is missing or negative."""
    who = type(model).__name__
    if not len(matrix):
        raise InputError(f"{who}: the table of customers is empty; at least one row is needed.")
    for number, name in enumerate(columns):
        missing = np.isnan(matrix[:, number])
        if missing.any():
            raise InputError(
                f"{who}: column {name!r} is missing for {int(missing.sum())} customers, the first being "
                f"{X.index[int(missing.argmax())]!r}; fill or drop them."
            )
        if matrix[:, number].min() < 0:
            raise InputError(
                f"{who}: column {name!r} must not be negative, found {matrix[:, number].min():g}."
            )


def check_unit(model: BaseEstimator, X: pd.DataFrame) -> None:
    """Raise InputError when the model's unit is unknown or differs from the frame's `attrs["time_unit"]`."""
    who, unit = type(model).__name__, model.time_unit
    if unit not in DAYS_IN:
        raise InputError(f"{who}: time_unit {unit!r} is unknown; choose one of {sorted(DAYS_IN)}.")
    table_unit = X.attrs.get("time_unit", unit)
    if table_unit != unit:
        raise InputError(
            f"{who}: the model uses {unit}, the table {table_unit}; fit a model with "
            f"time_unit={table_unit!r}, or convert recency and T and set X.attrs['time_unit'] = {unit!r}."
        )


def to_time(model: BaseEstimator, t: float | str | pd.Timedelta, infinite: bool = False) -> float:
    """Return a length of time in the model's unit; plain numbers are already in it.

    Raises
    ------
    InputError
        It is negative, missing or, where that has no meaning, infinite.
    """
    if isinstance(t, (str, pd.Timedelta)):
        return to_days(t) / DAYS_IN[model.time_unit]
    length = float(t)
    if not length >= 0 or (np.isinf(length) and not infinite):
        allowed = "not negative" if infinite else "finite and not negative"
        raise InputError(f"{type(model).__name__}: t must be {allowed} and in {model.time_unit}, got {t!r}.")
    return length


def rescale_rows(rows: Rows, time: float, spread: Sequence[float]) -> Rows:
    """Return rows with time in units of `time` and covariates in units of their standard deviation."""
    first = rows.purchase.shape[1]
    return build_rows(
        rows.x,
        # rounded, so that days, weeks and months become the same numbers and end at the same estimate
        np.round(rows.tx / time, 12),
        np.round(rows.T / time, 12),
        rows.weight,
        rows.purchase / np.array(spread[:first]),
        rows.dropout / np.array(spread[first:]),
    )


def thin_rows(rows: Rows, size: int) -> Rows:
    """Return an evenly spaced sample of the customers; rows are sorted, so it is stratified."""
    reached = np.cumsum(rows.weight)
    places = np.searchsorted(reached, (np.arange(size) + 0.5) * reached[-1] / size)
    chosen, counts = np.unique(places, return_counts=True)
    return rows.take(chosen, counts.astype(np.float64))
