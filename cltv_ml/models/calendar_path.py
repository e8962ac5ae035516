"""Covariate paths that all customers share: months of the year and the user's own calendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from cltv_ml.errors import InputError
from cltv_ml.models.base import check_columns

#: Covariates of the season: 1 in that month of the year, else 0.
MONTHS = tuple(f"month_{month}" for month in range(1, 13))

#: The column that dates a row: the day of its cutoff, since 1970-01-01.
CUTOFF_DAY = "cutoff_day"

_FIRST, _LAST = (
    np.datetime64("1900-01-01"),
    np.datetime64("2200-01-01"),
)  # further away, nothing changes any more


@dataclass(frozen=True)
class Periods:
    """Periods in which no covariate changes: `edges` (k + 1,) in days since 1970 and `values` (k, covariates)."""

    edges: np.ndarray
    values: np.ndarray


def at_purchases(name: str) -> str:
    """Return the column that sums a covariate over a customer's repeat purchases.

    >>> at_purchases("month_12"), at_purchases("campaign")
    ('purchase_days_month_12', 'at_purchases_campaign')
    """
    return f"purchase_days_{name}" if name in MONTHS else f"at_purchases_{name}"


def spans(name: str, path: Mapping[str, float]) -> dict[str, float]:
    """Return the columns that count repeat purchase days while a path keeps a value other than zero, and that value.

    >>> spans("campaign", {"2024-01-01": 0, "2024-03-04": 1, "2024-03-11": 1, "2024-03-18": 0})
    {'purchase_days_20240304_20240318': 1.0}
    """
    days, values = table_of(name, path)
    changes = np.flatnonzero(np.r_[True, np.diff(values) != 0])
    ends = [*days[changes[1:]], _LAST]
    return {
        f"purchase_days_{start}_{end}".replace("-", ""): float(value)
        for start, end, value in zip(days[changes], ends, values[changes], strict=True)
        if value
    }


def sums_at_purchases(
    model: BaseEstimator, X: pd.DataFrame, months: bool, paths: Mapping[str, Mapping[str, float]]
) -> np.ndarray:
    """Return frequency, and the sums of months and paths over each customer's repeat purchases, shape (n, 1 + k).

    Those of a path are read from the column `at_purchases(name)` where `X` has it, else computed from those of `spans`.

    Raises
    ------
    InputError
        A column is absent, or a value in it is missing.
    """
    plain = ("frequency", *(map(at_purchases, MONTHS) if months else ()))
    sums = [check_columns(model, X, plain)]
    for name, path in paths.items():
        weights = spans(name, path)
        if at_purchases(name) in X:
            sums.append(check_columns(model, X, (at_purchases(name),)))
        elif set(weights) <= set(X):
            sums.append(check_columns(model, X, tuple(weights)) @ np.array([list(weights.values())]).T)
        else:
            raise InputError(
                f"{type(model).__name__}: missing columns {[at_purchases(name)]}, or those that count repeat "
                f"purchases by the value of {name}; build_features(log, cutoff, model.learns_from) makes "
                "them."
            )
    matrix = np.hstack(sums)
    if np.isnan(matrix).any():
        raise InputError(
            f"{type(model).__name__}: a purchase count by month or by path is missing for some customers; fill it."
        )
    return matrix


def path_weights(
    paths: Mapping[str, Mapping[str, float]], names: Sequence[str], prior: float | None
) -> np.ndarray:
    """Return the precision of the prior of each path's effect, relative to one of standard deviation 1."""
    reach = np.array([np.ptp(list(paths[name].values())) for name in names])
    return np.zeros(len(reach)) if prior is None else np.square(reach / prior)


def periods(
    first: float, last: float, months: bool, paths: Mapping[str, Mapping[str, float]], day: float = 1.0
) -> Periods:
    """Return the periods that cover `[first, last]`, days since 1970, in units of `day` days.

    Each value of a path holds from its date to the next one.

    Raises
    ------
    InputError
        A path begins after the first day or ends before the last one.
    """
    # days come from other units, rounded: a moment before midnight is that midnight
    whole = np.array([np.floor(first + 1e-6), np.ceil(last - 1e-6)]).astype(int)
    start, end = np.clip(whole.astype("M8[D]"), _FIRST, _LAST)
    steps = {name: _steps(name, path, start, end) for name, path in paths.items()}
    cuts = [start, *(cut for days, _ in steps.values() for cut in days)]
    if months:
        cuts += list(np.arange(start.astype("M8[M]"), end.astype("M8[M]") + 1).astype("M8[D]"))
    inside = np.unique(np.array(cuts, dtype="M8[D]"))
    inside = inside[(inside >= start) & ((inside < end) | (inside == start))]
    columns = [(inside.astype("M8[M]").astype(int) % 12 == month) for month in range(12)] if months else []
    columns += [values[np.searchsorted(days, inside, side="right") - 1] for days, values in steps.values()]
    edges = np.r_[whole[0], inside[1:].astype(int), max(whole[1], inside[-1].astype(int) + 1)]
    return Periods(edges / day, np.column_stack([np.zeros((len(inside), 0)), *columns]).astype(np.float64))


def _steps(
    name: str, path: Mapping[str, float], start: np.datetime64, end: np.datetime64
) -> tuple[np.ndarray, np.ndarray]:
    """Return the dates of a path and its values from there; the last value lasts as long as the longest before."""
    days, values = table_of(name, path)
    if days[0] > start:
        raise InputError(
            f"path {name!r} begins on {days[0]}, after the first purchase day on {start}; give its value "
            "from that day on."
        )
    longest = np.diff(days).max() if len(days) > 1 else np.timedelta64(1, "D")
    if days[-1] + longest < end:
        raise InputError(
            f"path {name!r} has its last value on {days[-1]}, but the model needs values until {end}: add "
            "the plan until then, in the training or in --covariates of `cltv score`."
        )
    return days, values


def table_of(name: str, path: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the dates of a path in order, and its values from there."""
    table = pd.Series({pd.Timestamp(date): float(value) for date, value in path.items()}).sort_index()
    if not len(table) or not np.isfinite(table).all():
        raise InputError(
            f"path {name!r} must map each date to the finite number that is valid from then on, got "
            f"{dict(path)!r}."
        )
    return table.index.to_numpy().astype("M8[D]"), table.to_numpy()
