"""Coding of customers' attributes as covariates: text one-hot, numbers standardised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.models.base import is_numeric
from cltv_ml.models.categories import as_spelled, first_spelling

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
    columns: dict[str, np.ndarray] = {}
    for name, entry in coding.items():
        column = X[name]
        if "levels" in entry:
            columns |= _code_levels(name, column, entry)
        else:
            column = column.where(~column.isin(entry.get("no_answer", [])))
            values = column.astype("float64").clip(entry.get("low"), entry.get("high"))
            columns[name] = ((values - entry["mean"]) / entry["spread"]).fillna(0.0).to_numpy()
        if entry["missing"]:
            columns[f"{name}=missing"] = column.isna().to_numpy(np.float64)
    coded = pd.DataFrame(columns, index=X.index)
    return pd.concat([X.drop(columns=[name for name in columns if name in X]), coded], axis=1)


def _code_levels(name: str, column: pd.Series, entry: Mapping[str, Any]) -> dict[str, np.ndarray]:
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
    return {f"{name}={one}": table[:, at] for at, one in enumerate(own)}


def average_covariates(coding: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return the covariates of the average of all customers whose values are known."""
    levels = {
        f"{name}={level}": share
        for name, one in coding.items()
        for level, share in zip(one.get("levels", []), one.get("shares", []), strict=False)
    }
    return {column: levels.get(column, 0.0) for column in all_covariates(coding)}


def covariate_names(name: str, entry: Mapping[str, Any]) -> list[str]:
    """Return the names of the covariates of one column."""
    names = [f"{name}={level}" for level in entry["levels"]] if "levels" in entry else [name]
    return [*names, *([f"{name}=missing"] if entry["missing"] else [])]


def all_covariates(coding: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of all covariates of a coding."""
    return [column for name, one in coding.items() for column in covariate_names(name, one)]
