"""The total that trees learned from labels: when it may join the level, and what is carried to the log's end."""

from dataclasses import replace

import pandas as pd
import pytest

from cltv_ml.data import simulate
from cltv_ml.evaluation.backtest import judge
from cltv_ml.evaluation.learned_total import carry_learned, learned_total, with_learned
from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.evaluation.panel import prepare
from cltv_ml.models import SameRate, Tweedie
from cltv_ml.models.level_priors import LEARNED
from cltv_ml.windows import Window

FEATURES = ["frequency", "recency", "T", "monetary_value", "days_since_last"]


@pytest.fixture(scope="module")
def shop():
    log = simulate(150).log
    window = Window(log["timestamp"].max().normalize() - pd.Timedelta(days=120), 60)
    models = [SameRate(60), Tweedie(60, features=FEATURES, n_estimators=5)]
    return log, window, judge(log, window, models, FEATURES)


def weights(level):
    return level.table.set_index("candidate")["weight"]


def test_the_level_of_a_training_knows_the_total_of_its_trees(shop):
    log, window, result = shop
    assert LEARNED in weights(result.level)
    assert LEARNED not in weights(forecast_level(log, window))
    assert sorted(result.learned.misses) == sorted(result.validation.cutoffs)


def test_every_model_but_the_naive_rule_is_brought_to_that_level(shop):
    _, _, result = shop
    assert result.values["tweedie"].sum() == pytest.approx(result.level.total)


def test_windows_that_show_no_level_say_nothing_of_the_trees_total(shop):
    _, _, result = shop
    same = replace(result.validation, protocol="other customers")
    shorter = replace(result.validation, days=30)
    for validation in (same, shorter, None):
        assert learned_total(result.models, result.training, validation) is None
    assert learned_total({"same_rate": SameRate(60)}, result.training, result.validation) is None
    assert with_learned(result.level, None) is result.level


def test_at_the_end_of_the_log_the_test_window_joins_the_record(shop):
    log, window, result = shop
    end = Window(window.cutoff + pd.Timedelta(days=60), 60)
    level = forecast_level(log, end)
    spent, training = float(result.y_true.sum()), prepare(log, end, FEATURES)
    heard, silent = (replace(result.level, table=result.level.table.assign(weight=one)) for one in (1.0, 0.0))
    levels = carry_learned({60: level, 90: level}, heard, result.learned, spent, training)
    assert LEARNED in weights(levels[60])
    assert levels[90].total / level.total == pytest.approx(levels[60].total / level.total)
    assert carry_learned({60: level}, silent, result.learned, spent, training)[60] is level
