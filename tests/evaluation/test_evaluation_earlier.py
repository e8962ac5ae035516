"""Windows before the test on which a model was asked unseen: which, by what protocol, and how right it was."""

import pandas as pd
import pytest

from cltv_ml.data import clean, simulate
from cltv_ml.evaluation.backtest import judge
from cltv_ml.evaluation.earlier import earlier_windows
from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.evaluation.results import measure
from cltv_ml.evaluation.validation import MAX_WINDOWS
from cltv_ml.features import build_features
from cltv_ml.log import Log
from cltv_ml.models import ProbabilisticValue, SameRate, Tweedie
from cltv_ml.models.out_of_fold import OUT_OF_TIME
from cltv_ml.windows import Window

WINDOW = Window("2023-01-01", 60)
SUMMARY = ["frequency", "recency", "T", "monetary_value"]


@pytest.fixture(scope="module")
def log():
    return clean(simulate(500, days=500, seed=3).log).log


@pytest.fixture(scope="module")
def result(log):
    trees = Tweedie(60, features=SUMMARY, n_estimators=20)
    return judge(log, WINDOW, [SameRate(60), ProbabilisticValue(horizon=60), trees], SUMMARY)


def test_every_model_has_the_same_windows_all_closed_before_the_test(result):
    windows = {name: earlier_windows(result, name) for name in result.models}
    cutoffs = {name: [one.cutoff for one in found] for name, found in windows.items()}
    assert 1 < len(cutoffs["tweedie"]) <= MAX_WINDOWS
    assert len({tuple(days) for days in cutoffs.values()}) == 1
    assert max(cutoffs["tweedie"]) + pd.Timedelta(days=60) <= WINDOW.cutoff
    assert cutoffs["tweedie"] == sorted(cutoffs["tweedie"], reverse=True)
    assert len({tuple(one.scores) for found in windows.values() for one in found}) == 1


def test_where_the_log_holds_windows_to_train_on_all_are_predicted_out_of_time(result):
    assert result.validation.protocol == OUT_OF_TIME
    for name in ("tweedie", "same_rate"):
        assert {one.protocol for one in earlier_windows(result, name)} == {OUT_OF_TIME}


def test_scores_are_those_of_a_fit_on_that_day_at_the_level_of_that_day(log, result):
    """The slow reference: features built, fitted, forecast and measured at that day by hand."""
    latest = earlier_windows(result, "bg_nbd_gamma_gamma")[:2]
    assert len(latest) == 2
    for one in latest:
        X = build_features(log, one.cutoff, SUMMARY)
        model = ProbabilisticValue(horizon=60).fit(X)
        window = Window(one.cutoff, 60)
        y_true = Log.of(log).target(window, X.index)
        table = {"m": model.predict_table(X)[["expected_value"]]}
        scores = measure(window, y_true, table, {"m": 0.0}).set_index("metric")["value"]
        assert one.customers == len(X)
        assert one.scores["gini"] == pytest.approx(scores["gini"], rel=1e-3)
        level = forecast_level(log, window)
        assert one.scores["bias"] == pytest.approx(level.total / y_true.sum() - 1, abs=0.05)


def test_the_naive_rule_keeps_its_own_total(result):
    validation = result.validation
    for one in earlier_windows(result, "same_rate"):
        spent, expected = (
            part.loc[one.cutoff].sum() for part in (validation.y_true, validation.predictions["same_rate"])
        )
        assert one.scores["bias"] == pytest.approx(expected / spent - 1)


def test_a_log_too_short_for_labels_has_no_earlier_window(log):
    short = Window("2022-02-20", 60)
    result = judge(log[log["timestamp"] < "2022-05-01"], short, [SameRate(60)], SUMMARY)
    assert earlier_windows(result, "same_rate") == []
