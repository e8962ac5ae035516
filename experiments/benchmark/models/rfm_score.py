"""The marketer's rule: quintiles of recency, frequency and spend; a score is worth what its customers spent so far."""

import time

import pandas as pd

from experiments.benchmark.cases import Answer
from experiments.benchmark.summary import summarise


def predict(case):
    """Return the past spend per day of the customers with the same R + F + M, times the horizon."""
    started = time.perf_counter()
    X = summarise(case.log, case.window.cutoff)
    score = _fifths(-X["days_since_last"]) + _fifths(X["frequency"]) + _fifths(X["spend"])
    per_day = X["spend"].groupby(score).sum() / (X["T"] + 1).groupby(score).sum()
    values = score.map(per_day) * case.window.horizon
    return {"rfm_score": Answer(values.loc[case.customers], "rule", {}, time.perf_counter() - started)}


def _fifths(values):
    return pd.qcut(values.rank(method="first"), 5, labels=False) + 1
