"""XGBoost as tutorials write it: raw features, a random split, the log of the target, default settings."""

import time

import numpy as np
import pandas as pd
import xgboost as xgb

from experiments.benchmark.cases import Answer
from experiments.benchmark.summary import summarise

FEATURES = ["frequency", "recency", "T", "monetary_value", "spend", "days_since_last"]


def predict(case):
    """Return expm1 of what was learned from the window before the cutoff, or from the customers that are known."""
    started = time.perf_counter()
    now = summarise(case.log, case.window.cutoff)
    if case.other_spend.empty:
        before = case.window.cutoff - pd.Timedelta(days=case.window.horizon)
        if case.log["timestamp"].min() >= before - pd.Timedelta(days=1):
            return {
                "plain_xgboost": Answer(None, _version(), note="the log is too short for an earlier window")
            }
        X = summarise(case.log, before)
        later = case.log[case.log["timestamp"] >= before]
        y = later.groupby("customer_id")["amount"].sum().reindex(X.index, fill_value=0.0)
    else:
        X, y = now.loc[case.other_spend.index], case.other_spend
    learn = np.random.default_rng(0).random(len(X)) < 0.8  # the usual fifth is set aside at random
    model = xgb.XGBRegressor(random_state=0, n_jobs=2).fit(X.loc[learn, FEATURES], np.log1p(y[learn]))
    values = pd.Series(np.expm1(model.predict(now.loc[case.customers, FEATURES])).clip(min=0), case.customers)
    settings = {"target": "log1p", "split": "random"}
    return {
        "plain_xgboost": Answer(values.astype(float), _version(), settings, time.perf_counter() - started)
    }


def _version():
    return f"xgboost {xgb.__version__}"
