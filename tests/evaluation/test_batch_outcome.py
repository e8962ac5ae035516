"""A batch's predicted against its realised spend, in full and so far."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import simulate
from cltv_ml.evaluation import metrics
from cltv_ml.evaluation.batch_outcome import (
    Thresholds,
    away_from,
    compute_expected_path,
    compute_progress,
    compute_truth,
    level_check,
    read_thresholds,
    worst_level,
)
from cltv_ml.features import build_features
from cltv_ml.log import Log
from cltv_ml.models import ProbabilisticValue, SameRate
from cltv_ml.windows import Window

WINDOW = Window("2022-07-01", 60)
SUMMARY = ["frequency", "recency", "T", "monetary_value"]


@pytest.fixture(scope="module")
def log():
    return simulate(800, days=365, seed=11).log


@pytest.fixture(scope="module")
def X(log):
    return build_features(log, WINDOW.cutoff, SUMMARY)


def test_truth_is_the_metrics_with_ranges_around_them(log, X):
    y_true = Log.of(log).target(WINDOW, X.index)
    values = ProbabilisticValue(horizon=60).fit(X).predict_table(X)
    found = compute_truth(y_true, values)
    for name in ("bias", "gini", "decile_mape"):
        assert found.at[name, "value"] == getattr(metrics, name)(y_true, values["expected_value"])
    assert (found["lower"] <= found["upper"]).all()
    assert found.at["bias", "lower"] < found.at["bias", "value"] < found.at["bias", "upper"]


def test_coverage_is_measured_where_the_batch_had_intervals():
    y_true = pd.Series([1.0, 5, 9, 0])
    batch = pd.DataFrame(
        {"expected_value": [2.0, 4, 4, 1], "value_lower": 0.0, "value_upper": [3.0, 6, 6, 2]}
    )
    assert compute_truth(y_true, batch, level=0.9).at["coverage", "value"] == 0.75
    assert "coverage" not in compute_truth(y_true, batch[["expected_value"]], level=0.9).index


def test_purchase_models_give_their_own_path(log, X):
    model = ProbabilisticValue(horizon=60).fit(X)
    path = compute_expected_path(model, X, log, WINDOW)
    half = ProbabilisticValue(horizon=30).fit(X).predict(X).sum() / model.predict(X).sum()
    assert path.set_index("day").at[30, "share"] == pytest.approx(half, abs=0.01)
    assert model.horizon == 60


def test_other_models_take_the_path_that_spending_took(log, X):
    path = compute_expected_path(SameRate(60).fit(X), X, log, WINDOW).set_index("day")["share"]
    y = Log.of(log).target(WINDOW, X.index).sum()
    assert path.at[0] == 0
    assert path.at[60] == 1
    assert path.iloc[10] == pytest.approx(
        Log.of(log).target(Window("2022-07-01", int(path.index[10])), X.index).sum() / y
    )


def test_progress_ends_at_the_last_day_of_the_log(log, X):
    path = pd.DataFrame({"day": [0, 60], "share": [0.0, 1.0]})
    batch = pd.DataFrame({"expected_value": 2.0}, index=X.index)
    found = compute_progress(log, batch, WINDOW, path, pd.Timestamp("2022-07-13")).iloc[-1]
    assert found["day"] == 12
    assert found["expected"] == pytest.approx(2 * len(X) * 12 / 60)
    assert found["realised"] == pytest.approx(Log.of(log).target(Window("2022-07-01", 12), X.index).sum())


def test_what_is_expected_so_far_is_the_total_of_a_shorter_horizon_at_its_end(log, X):
    path = pd.DataFrame({"day": [0, 20, 60], "share": [0.0, 0.5, 1.0]})
    batch = pd.DataFrame(
        {"expected_value": 2.0, "expected_value_30d": 0.5, "expected_value_90d": 3.0}, index=X.index
    )
    found = compute_progress(log, batch, WINDOW, path, pd.Timestamp("2022-08-15")).set_index("day")[
        "expected"
    ]
    # By day 30 the path has reached .625, by day 20 .5 and by day 45 .8125.
    by_hand = {20: 0.5 * 0.5 / 0.625, 30: 0.5, 45: 0.5 + 1.5 * (0.8125 - 0.625) / 0.375}
    assert found.drop(0).to_dict() == pytest.approx({day: len(X) * value for day, value in by_hand.items()})


def test_levels_follow_from_the_thresholds():
    limits = Thresholds().bias
    assert [level_check("bias", one, limits, "").level for one in (0.05, 0.15, 0.3, np.nan)] == [
        "ok",
        "watch",
        "retrain",
        "ok",
    ]
    assert level_check("psi", 9.0, limits, "", worst="watch").level == "watch"
    assert worst_level([level_check("a", 0.15, limits, ""), level_check("b", 0.0, limits, "")]) == "watch"
    assert worst_level([]) == "ok"


def test_an_interval_that_holds_its_target_is_not_away_from_it():
    assert away_from(-0.1, 0.3) == 0
    assert away_from(0.7, 0.8, target=0.9) == pytest.approx(0.1)


def test_thresholds_come_from_toml_by_name():
    assert read_thresholds({"bias": [0.2, 0.4]}).bias == (0.2, 0.4)
    assert read_thresholds({}) == Thresholds()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bais": [0.1, 0.2]}, "unknown name 'bais'"),
        ({"bias": 0.1}, "two numbers"),
        ({"bias": [0.3, 0.1]}, "two numbers"),
    ],
)
def test_a_wrong_threshold_is_named(given, message):
    with pytest.raises(ValueError, match=message):
        read_thresholds(given)
