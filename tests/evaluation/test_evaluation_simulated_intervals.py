"""Where a log holds no labelled origin, bounds come from what the probabilistic models hold possible."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import clean, read
from cltv_ml.evaluation.backtest import judge
from cltv_ml.evaluation.calibration import calibrate, learn_intervals
from cltv_ml.evaluation.panel import Training, prepare
from cltv_ml.log import Log
from cltv_ml.models import CATALOGUE, GammaGamma, Level, ParetoNBD, ProbabilisticValue, SameRate
from cltv_ml.models.state import from_state, to_state
from cltv_ml.windows import Window

#: CDNOW's first nine months, and as long again: too short for an earlier window of the same length.
WINDOW = Window("1997-10-01", "39w")
COLUMNS = ["frequency", "recency", "T", "monetary_value"]


@pytest.fixture(scope="module")
def log():
    return clean(read("cdnow")).log


@pytest.fixture(scope="module")
def training(log):
    return prepare(log, WINDOW, COLUMNS)


@pytest.fixture(scope="module")
def model(training):
    return calibrate(ProbabilisticValue(horizon=WINDOW.horizon).fit(training.X_now), training)


def test_every_probabilistic_model_has_bounds_without_a_labelled_origin(log):
    some = log[log["customer_id"].str.endswith("7")].reset_index(drop=True)
    models = [ProbabilisticValue(ParetoNBD(), horizon=WINDOW.horizon), SameRate(WINDOW.horizon)]
    result = judge(some, WINDOW, models, COLUMNS)
    assert {"value_lower", "value_upper"} <= set(result.predictions["pareto_nbd_gamma_gamma"])
    assert "value_lower" not in result.predictions["same_rate"]


def test_simulated_bounds_hold_nine_in_ten_of_cdnow_in_the_39_weeks_after(log, training, model):
    table = model.predict_table(training.X_now)
    spent = Log.of(log).target(WINDOW, training.X_now.index)
    inside = (spent >= table["value_lower"]) & (spent <= table["value_upper"])
    assert 0.88 <= inside.mean() <= 0.92


def test_simulated_bounds_hold_nine_in_ten_in_every_fifth_of_simulated_customers():
    truth = ParetoNBD().with_params({"r": 3.0, "alpha": 40.0, "s": 0.8, "beta": 200.0})
    customers = truth.simulate(4_000, 300.0, seed=3, horizon=180)
    rng = np.random.default_rng(4)
    rate, bought = rng.gamma(3.0, 1 / 12.0, 4_000), customers["frequency"].clip(lower=1)
    mean = rng.gamma(4.0 * bought) / rate / bought
    customers["monetary_value"] = np.where(customers["frequency"] > 0, mean, 0.0)
    later = customers["purchases"]
    spent = np.where(later > 0, rng.gamma(4.0 * later.clip(lower=1)) / rate, 0.0)
    now = customers[COLUMNS]
    model = ProbabilisticValue(ParetoNBD(), GammaGamma(), horizon=180).fit(now)
    table = calibrate(model, Training(now.iloc[:0], pd.Series(dtype="float64"), [], now)).predict_table(now)
    inside = (spent >= table["value_lower"]) & (spent <= table["value_upper"])
    fifths = inside.groupby(pd.qcut(table["expected_value"].rank(method="first"), 5, labels=False)).mean()
    undecided = fifths[fifths < 0.97]  # where nearly all buy nothing, no interval can hold less
    assert len(undecided) >= 3
    assert undecided.between(0.85, 0.95).all()


def test_a_restored_model_gives_one_customer_the_bounds_he_had_among_all(training, model):
    restored = from_state(to_state(model), CATALOGUE)
    whole = model.predict_table(training.X_now)
    pd.testing.assert_frame_equal(restored.predict_table(training.X_now.iloc[[7]]), whole.iloc[[7]])


def test_simulated_bounds_are_the_same_each_time(training, model):
    again = calibrate(ProbabilisticValue(horizon=WINDOW.horizon).fit(training.X_now), training)
    pd.testing.assert_frame_equal(again.predict_table(training.X_now), model.predict_table(training.X_now))


def uncertain_shop(customers, seed):
    """Return expected values and what was spent in two windows, each at its right total."""
    rng = np.random.default_rng(seed)
    rows = pd.MultiIndex.from_product([["2024-01-01", "2024-04-01"], range(customers)])
    expected = pd.Series(rng.lognormal(3, 1, len(rows)), rows)
    return expected, expected * rng.gamma(0.5, 2.0, len(rows))


def test_the_order_of_customers_does_not_move_bounds_at_an_uncertain_level():
    level = Level(1.0, 0.3, 8.0, pd.DataFrame(), pd.DataFrame(), season_seen=True)
    expected, spent = uncertain_shop(700, 1)
    bounds = learn_intervals(expected, spent, of_total=level).predict(expected)
    other = np.random.default_rng(2).permutation(len(expected))
    again = learn_intervals(expected.iloc[other], spent.iloc[other], of_total=level)
    np.testing.assert_allclose(again.predict(expected), bounds, rtol=1e-9)


def test_bounds_hold_nine_in_ten_on_average_over_the_errors_of_the_level():
    level = Level(1.0, 0.3, 8.0, pd.DataFrame(), pd.DataFrame(), season_seen=True)
    intervals = learn_intervals(*uncertain_shop(4_000, 3), of_total=level)
    held = []
    for seed, factor in enumerate(level.factors(40)):  # the true total over the forecast
        expected, spent = uncertain_shop(1_000, 10 + seed)
        lower, upper = intervals.predict(expected)
        held.append(((spent * factor >= lower) & (spent * factor <= upper)).mean())
    assert np.mean(held) == pytest.approx(0.9, abs=0.01)
