"""Continuation of cohorts: the champion's forecast for each cohort's customers from today on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cltv_ml.evaluation.future import Future, forecast_future
from cltv_ml.features import build_features
from cltv_ml.log import Log
from cltv_ml.serving import registered_model, scoring
from cltv_ml.tables import SUMMARY, values_by_horizon
from cltv_ml.tracking import store


def continue_cohorts(log: Log, members: pd.DataFrame, days: Sequence[int]) -> pd.DataFrame:
    """Return the expected spend per customer of each cohort in each of the next `days`.

    One row per cohort and horizon: `cohort`, `customers`, `age` (mean days since the first purchase), `to_date`
    (revenue so far), `days`, `expected` (from today on) and its 90% interval `lower`, `upper`, all per customer of the
    cohort. Customers times `expected` sum to the champion's total of that horizon or, if it was not trained for it, to
    that of `cltv lifetime` (`evaluation.future`). Customers with nothing but refunds have no value.

    Parameters
    ----------
    members
        `decisions.cohort_members`.

    Raises
    ------
    InputError
        There is no champion, or it cannot be loaded.
    """
    cutoff = scoring.check_as_of(log, None)
    store.open_existing()
    model, version = registered_model.load_registered()
    card = model.metadata.metadata
    registered_model.warn_of_total(log, card, cutoff, version)
    X = build_features(log, cutoff, names=list(dict.fromkeys([*card["features"], *SUMMARY])))
    scores = scoring.predict_in_chunks(model, X[card["features"]])
    future = forecast_future(log, X, values_by_horizon(scores, int(card["horizon"])), cutoff, days=days)
    values = future.by_horizon(days)
    cohort = members["cohort"].reindex(X.index)
    age = (cutoff - members["t0"]).dt.days
    sizes = members.groupby("cohort").agg(customers=("cohort", "size"), to_date=("spent", "mean"))
    sizes["age"] = age.groupby(members["cohort"]).mean()
    tables = [
        _sums_within(future, values[day], cohort, day).join(sizes, how="right").assign(days=day)
        for day in days
    ]
    table = pd.concat(tables).rename_axis("cohort").reset_index().fillna({"expected": 0.0})
    table[["expected", "lower", "upper"]] = table[["expected", "lower", "upper"]].div(
        table["customers"], axis=0
    )
    columns = ["cohort", "customers", "age", "to_date", "days", "expected", "lower", "upper"]
    return table[columns].sort_values(["cohort", "days"], ignore_index=True)


def _sums_within(future: Future, value: pd.Series, cohort: pd.Series, day: int) -> pd.DataFrame:
    """Return each cohort's expected sum within a horizon and the 90% interval of its draws."""
    names, codes = np.unique(cohort.to_numpy(dtype=object), return_inverse=True)
    low, high = np.quantile(future.sums(day, value, codes), [0.05, 0.95], axis=1)
    expected = value.groupby(cohort).sum().reindex(names)
    return pd.DataFrame({"expected": expected.to_numpy(), "lower": low, "upper": high}, index=names)
