"""Validation reads labelled rows from before the test cutoff and nothing else."""

import pandas as pd
import pytest

from cltv_ml.evaluation.panel import prepare
from cltv_ml.evaluation.validation import validate
from cltv_ml.models import Hybrid, ProbabilisticValue, Tweedie
from cltv_ml.windows import Window

MODELS = [
    ProbabilisticValue(horizon=60),
    Tweedie(60, n_estimators=10),
    Hybrid(60, n_estimators=10, probabilistic=ProbabilisticValue()),
]


@pytest.fixture(scope="module")
def window(log):
    return Window.latest(log["timestamp"].max(), 60)


@pytest.fixture(scope="module")
def validation(log, names, window):
    return validate(MODELS, prepare(log, window, names, max_origins=3))


def test_every_model_predicts_every_customer_of_the_latest_origin(log, validation, window):
    origin = window.cutoff - pd.Timedelta(days=60)
    assert validation.protocol == "out of time"
    assert list(validation.predictions.columns) == [model.name for model in MODELS]
    assert validation.cutoffs[0] == origin
    before = log.loc[log["timestamp"] < origin, "customer_id"]
    assert set(validation.predictions.loc[origin].index) == set(before)
    assert validation.predictions.notna().all(axis=None)


def test_the_truth_is_what_customers_spent_between_the_origin_and_the_test_cutoff(log, validation, window):
    origin = window.cutoff - pd.Timedelta(days=60)
    inside = log[(log["timestamp"] >= origin) & (log["timestamp"] < window.cutoff)]
    spent = inside.groupby("customer_id")["amount"].sum()
    truth = validation.y_true.loc[origin]
    assert truth.index.equals(validation.predictions.loc[origin].index)
    assert truth.to_numpy() == pytest.approx(spent.reindex(truth.index, fill_value=0.0).to_numpy())


def test_a_rewritten_test_window_changes_nothing(log, names, window, validation):
    past = log[log["timestamp"] < window.cutoff]
    future = log[log["timestamp"] >= window.cutoff].assign(amount=1e6)
    again = validate(MODELS[:2], prepare(pd.concat([past, future]), window, names, max_origins=3))
    pd.testing.assert_frame_equal(
        again.predictions, validation.predictions[["bg_nbd_gamma_gamma", "tweedie"]]
    )


def test_a_log_without_a_labelled_window_is_refused_with_the_way_out(log, names):
    first = log["timestamp"].min().normalize()
    short = prepare(log, Window(first + pd.Timedelta(days=40), 60), names)
    with pytest.raises(ValueError, match="too short for a labelled window"):
        validate(MODELS, short)
