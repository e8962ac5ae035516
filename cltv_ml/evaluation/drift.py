"""Drift between the customers that a model learned from and those scored now.

The reference is a sketch, a hundred numbers per column, so that it can be stored with a model. Both measures have an
interval, so that a small batch does not look like drift. The intervals treat the two samples as independent; the
customers of two dates are mostly the same people, which makes the intervals too wide rather than too narrow.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types
from scipy import special, stats

from cltv_ml.errors import InputError

#: Groups of equal size in the reference that the stability index counts.
SKETCH_BINS = 10
#: Levels of a category that are compared, and customers whom a level must have in the reference.
LEVELS, RARE = 200, 20
#: Points of the quantile function that the Wasserstein distance compares.
POINTS = 200

Sketch = dict[str, dict[str, Any]]


def sketch(table: pd.DataFrame) -> Sketch:
    """Return a summary of each column: counts of values and gaps, quantiles and bin counts, or levels.

    >>> made = sketch(pd.DataFrame({"a": [0.0] * 18 + [4, None]}))["a"]
    >>> made["count"], made["missing"], made["edges"], made["counts"]
    (19, 1, [0.0], [18, 1])
    """
    sketches = {}
    for name in table.columns:
        if not types.is_numeric_dtype(table[name]):
            sketches[str(name)] = _sketch_levels(table[name])
            continue
        values = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
        finite = values[np.isfinite(values)]
        edges = _edges(finite)
        sketches[str(name)] = {
            "count": len(finite),
            "missing": len(values) - len(finite),
            "edges": edges.tolist(),
            "counts": _bin_counts(finite, edges).tolist(),
            "quantiles": [float(f"{value:.7g}") for value in _at_quantiles(finite)],
        }
    return sketches


def _sketch_levels(column: pd.Series) -> dict[str, Any]:
    """Return the number of customers by level, rare levels joined, so that none reveals a single customer."""
    counts = column.value_counts()
    frequent = counts[counts >= RARE].head(LEVELS)
    return {
        "count": int(counts.sum()),
        "missing": int(column.isna().sum()),
        "levels": {str(level): int(count) for level, count in frequent.items()},
        "rare": int(counts.sum() - frequent.sum()),
    }


def compute_drift(reference: Sketch, table: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return the drift of each column of `table` from its reference, the largest first.

    Columns `feature`; `psi` with `psi_lower`, `psi_upper`: the population stability index over the reference's
    tenths (a value that fills several is a group of its own) and missing values, or over the levels of a category,
    those that the reference does not have as one more, what chance adds on average taken off, 0.1 being a little and
    0.25 a lot; `shift` with `shift_lower`, `shift_upper`: the Wasserstein distance in standard deviations of the
    reference, the outermost quarter of a percent left out, missing for categories; `missing` (share now) and
    `missing_before`; and `other`, the share of customers now whose level is rare in the reference or not in it, with
    `other_before`, that of the reference, both zero for numbers.

    Sources: for independent samples PSI / (1/n + 1/m) is asymptotically noncentral chi-squared (B. Yurdakul,
    Statistical Properties of Population Stability Index, 2018); the distance is off by at most the integral of a
    Brownian bridge along the quantile function (E. del Barrio, E. Gine and C. Matran, 1999).

    Raises
    ------
    InputError
        A column of the reference is missing from the table, or the table is empty.
    """
    lost = [name for name in reference if name not in table.columns]
    if lost:
        raise InputError(
            f"drift: the columns {lost} are missing in the batch; give it all columns of the reference."
        )
    if not len(table):
        raise InputError("drift: the batch has no rows; give it at least one customer.")
    noise = _bridges()
    rows = [_feature_row(name, before, table[name], confidence, noise) for name, before in reference.items()]
    drift = pd.DataFrame(rows)
    return drift.sort_values(["psi", "feature"], ascending=[False, True], kind="stable", ignore_index=True)


def compute_shares(before: Mapping[str, int], now: Mapping[str, int]) -> pd.DataFrame:
    """Return the share of customers in each segment then and now: `segment, before, share, lower, upper`.

    The 95% interval is Wilson's for the share now.

    >>> compute_shares({"high": 20, "low": 80}, {"high": 30, "low": 70})["share"].tolist()
    [0.3, 0.7]
    """
    then, total = sum(before.values()), sum(now.values())
    z = float(stats.norm.ppf(0.975))
    rows = []
    for segment in dict.fromkeys([*before, *now]):
        share = now.get(segment, 0) / max(total, 1)
        middle = (share + z**2 / (2 * max(total, 1))) / (1 + z**2 / max(total, 1))
        half = (
            z
            / (1 + z**2 / max(total, 1))
            * np.sqrt(share * (1 - share) / max(total, 1) + (z / (2 * max(total, 1))) ** 2)
        )
        rows.append((segment, before.get(segment, 0) / max(then, 1), share, middle - half, middle + half))
    return pd.DataFrame(rows, columns=["segment", "before", "share", "lower", "upper"])


def _feature_row(
    name: str, before: Mapping[str, Any], column: pd.Series, confidence: float, noise: np.ndarray
) -> dict[str, Any]:
    if "levels" in before:
        return _row_of_levels(name, before, column, confidence)
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    finite = values[np.isfinite(values)]
    edges = np.array(before["edges"], dtype=np.float64)
    old = np.append(before["counts"], before["missing"]).astype(np.float64)
    new = np.append(_bin_counts(finite, edges), len(values) - len(finite)).astype(np.float64)
    psi = _psi(old, new, confidence)
    shift = _shift(before, finite, noise, confidence)
    return {
        "feature": name,
        "psi": psi[0],
        "psi_lower": psi[1],
        "psi_upper": psi[2],
        "shift": shift[0],
        "shift_lower": shift[1],
        "shift_upper": shift[2],
        "missing": 1 - len(finite) / len(values),
        "missing_before": before["missing"] / max(before["missing"] + before["count"], 1),
        "other": 0.0,
        "other_before": 0.0,
    }


def _row_of_levels(
    name: str, before: Mapping[str, Any], column: pd.Series, confidence: float
) -> dict[str, Any]:
    counts = column.dropna().astype(str).value_counts()
    levels = list(before["levels"])
    unlisted = counts.sum() - counts.reindex(levels).sum()
    old = np.array([*before["levels"].values(), before["rare"], before["missing"]], dtype=np.float64)
    new = np.array([*counts.reindex(levels, fill_value=0), unlisted, column.isna().sum()], dtype=np.float64)
    psi = _psi(old, new, confidence)
    return {
        "feature": name,
        "psi": psi[0],
        "psi_lower": psi[1],
        "psi_upper": psi[2],
        **dict.fromkeys(("shift", "shift_lower", "shift_upper"), np.nan),
        "missing": float(column.isna().mean()),
        "missing_before": before["missing"] / max(before["missing"] + before["count"], 1),
        "other": float(unlisted / len(column)),
        "other_before": before["rare"] / max(before["missing"] + before["count"], 1),
    }


def _psi(old: np.ndarray, new: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """Return the stability index of two rows of counts, chance taken off, with its interval."""
    used = (old + new) > 0
    old, new = old[used], new[used]
    if len(old) < 2 or not old.sum() or not new.sum():
        return (0.0, 0.0, 0.0) if old.sum() and new.sum() else (np.nan, np.nan, np.nan)
    # Half a customer in every bin: an empty one would make the index infinite.
    before, now = ((counts + 0.5) / (counts + 0.5).sum() for counts in (old, new))
    index = float(((now - before) * np.log(now / before)).sum())
    scale, freedom = 1 / old.sum() + 1 / new.sum(), len(old) - 1
    tail = (1 - confidence) / 2
    lower, upper = (_noncentrality(index / scale, freedom, share) * scale for share in (1 - tail, tail))
    return max(index - freedom * scale, 0.0), lower, upper


def _noncentrality(statistic: float, freedom: int, share: float) -> float:
    """Return the noncentrality under which a chi-squared variable falls below `statistic` with this probability."""
    if special.chdtr(freedom, statistic) <= share:
        return 0.0
    if statistic < 500:
        return float(special.chndtrinc(statistic, freedom, share))
    # Far out the variable is normal, mean k + l and variance 2 (k + 2 l): solved for l.
    z, above = float(stats.norm.ppf(share)), statistic - freedom
    return max(above + 2 * z**2 - z * float(np.sqrt(4 * above + 4 * z**2 + 2 * freedom)), 0.0)


def _shift(
    before: Mapping[str, Any], finite: np.ndarray, noise: np.ndarray, confidence: float
) -> tuple[float, float, float]:
    """Return the Wasserstein distance in the reference's standard deviations, with its interval."""
    old = np.array(before["quantiles"], dtype=np.float64)
    if not before["count"] or not len(finite):
        return np.nan, np.nan, np.nan
    new = _at_quantiles(finite)
    spread = _standard_deviation(old) or _standard_deviation(new) or 1.0
    distance = float(np.abs(new - old).mean()) / spread
    # The wider of the two: a reference without spread says nothing about what chance does to the batch.
    steps = np.maximum(np.diff(old), np.diff(new)) / spread
    error = float(np.quantile(noise @ steps, confidence)) * np.sqrt(1 / before["count"] + 1 / len(finite))
    return distance, max(distance - error, 0.0), distance + error


def _standard_deviation(values: np.ndarray) -> float:
    """Return the standard deviation, 0 where values differ by no more than rounding."""
    spread = float(values.std())
    return spread if spread > 1e-9 * np.abs(values).max() else 0.0


@functools.cache
def _bridges() -> np.ndarray:
    """Return 2,000 absolute Brownian bridges between the points of the quantile function, one a row."""
    steps = np.random.default_rng(0).standard_normal((2000, POINTS)) / np.sqrt(POINTS)
    path = np.cumsum(steps, axis=1)
    return np.abs(path - np.arange(1, POINTS + 1) / POINTS * path[:, -1:])[:, :-1]


def _at_quantiles(values: np.ndarray) -> np.ndarray:
    at = (np.arange(POINTS) + 0.5) / POINTS
    return np.quantile(values, at) if len(values) else np.zeros(POINTS)


def _edges(values: np.ndarray) -> np.ndarray:
    """Return the upper ends of groups of about equal size; a value that fills several has a group of its own.

    Where most customers have the highest value, such as a P(alive) of 1, those who fall below it would otherwise stay
    in its group.
    """
    if not len(values):
        return values
    ends, times = np.unique(np.quantile(values, np.arange(1, SKETCH_BINS) / SKETCH_BINS), return_counts=True)
    often = ends[times > 1]
    return np.union1d(ends, often - 1e-9 * np.abs(often))  # apart from rounding


def _bin_counts(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the number of values up to the first edge, up to the second, ..., and above the last."""
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
