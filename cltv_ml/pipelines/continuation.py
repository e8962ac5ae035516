"""The continuation of cohorts: the champion's forecast for each cohort's customers from today on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.features import build_features
from cltv_ml.log import Log
from cltv_ml.models import GammaGamma, ParetoNBD, ProbabilisticValue
from cltv_ml.models.value_curve import ValueCurve
from cltv_ml.serving import registered_model, scoring
from cltv_ml.tables import SUMMARY
from cltv_ml.tracking import store
from cltv_ml.windows import Window

#: Draws for the intervals.
CONTINUATION_DRAWS = 200


def continue_cohorts(log: Log, members: pd.DataFrame, days: Sequence[int]) -> pd.DataFrame:
    """Return the expected spend per customer of each cohort in each of the next `days`.

    One row per cohort and horizon: `cohort`, `customers`, `age` (days since the first purchase, their mean), `to_date`
    (revenue so far), `days`, `expected` (from today on) and its 90% interval `lower`, `upper`, all per customer of
    the cohort. Customers times `expected` sum to the champion's total of that horizon. Customers who have nothing but
    refunds have no value.

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
    store.open_store()
    model, _ = registered_model.load_registered()
    card = model.metadata.metadata
    horizon = int(card["horizon"])
    X = build_features(log, cutoff, names=list(dict.fromkeys([*card["features"], *SUMMARY])))
    scores = scoring.predict_in_chunks(model, X[card["features"]])
    curve = ValueCurve(ParetoNBD(), horizon).fit(X)
    values = expected_within(scores, curve.multiples(X, days))
    cohort = members["cohort"].reindex(X.index)
    level = forecast_level(log, Window(cutoff, horizon))
    factors = np.ones(CONTINUATION_DRAWS)
    if level is not None:
        factors = np.random.default_rng(0).permutation(level.factors(CONTINUATION_DRAWS))
    age = (cutoff - members["t0"]).dt.days
    sizes = members.groupby("cohort").agg(customers=("cohort", "size"), to_date=("spent", "mean"))
    sizes["age"] = age.groupby(members["cohort"]).mean()
    tables = [
        _sums_within(curve, X, values[day], cohort, day, factors).join(sizes, how="right").assign(days=day)
        for day in days
    ]
    table = pd.concat(tables).rename_axis("cohort").reset_index().fillna({"expected": 0.0})
    table[["expected", "lower", "upper"]] = table[["expected", "lower", "upper"]].div(
        table["customers"], axis=0
    )
    columns = ["cohort", "customers", "age", "to_date", "days", "expected", "lower", "upper"]
    return table[columns].sort_values(["cohort", "days"], ignore_index=True)


def expected_within(scores: pd.DataFrame, multiples: pd.DataFrame) -> pd.DataFrame:
    """Return each customer's expected spend within each horizon: the champion's own where it has one.

    Values of other horizons are its main value times their `multiples`; none falls as the horizon grows.

    >>> scores = pd.DataFrame({"expected_value": [100.0], "expected_value_30d": [20.0]})
    >>> expected_within(scores, pd.DataFrame({30: [0.4], 60: [0.7]})).to_numpy().tolist()
    [[20.0, 70.0]]
    """
    values = multiples.mul(scores["expected_value"], axis=0)
    for day in values:
        values[day] = scores.get(f"expected_value_{day}d", values[day])
    return values.fillna(0.0).cummax(axis=1)


def _sums_within(
    curve: ValueCurve, X: pd.DataFrame, value: pd.Series, cohort: pd.Series, day: int, factors: np.ndarray
) -> pd.DataFrame:
    """Return each cohort's expected sum within a horizon and the 90% interval of its draws."""
    names, codes = np.unique(cohort.to_numpy(dtype=object), return_inverse=True)
    model = ProbabilisticValue(curve.purchases_, GammaGamma(), horizon=day).fit(X[SUMMARY])
    scale = value.to_numpy() / np.maximum(model.predict(X[SUMMARY]), np.finfo(float).tiny)
    sums, first = np.zeros((len(names), CONTINUATION_DRAWS)), 0
    for part in model.draw_values(X[SUMMARY], CONTINUATION_DRAWS):
        rows = slice(first, first + len(part))
        np.add.at(sums, codes[rows], part * scale[rows, None])
        first += len(part)
    low, high = np.quantile(sums * factors, [0.05, 0.95], axis=1)
    expected = value.groupby(cohort).sum().reindex(names)
    return pd.DataFrame({"expected": expected.to_numpy(), "lower": low, "upper": high}, index=names)
