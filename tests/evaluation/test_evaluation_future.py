"""The future of a log's customers: values of every horizon on one curve, whose totals are the levels."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import simulate
from cltv_ml.evaluation.future import _with_total, forecast_future, forecast_known
from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.evaluation.whole_shop import forecast_shop
from cltv_ml.features import build_features
from cltv_ml.log import Log
from cltv_ml.models import MBGNBD, ProbabilisticValue
from cltv_ml.tables import SUMMARY
from cltv_ml.windows import Window

CUTOFF = pd.Timestamp("2023-05-16")
DAYS = [30, 60, 91, 150, 182, 300, 365, 730]


@pytest.fixture(scope="module")
def log():
    return Log(simulate(400, days=500, seed=3).log)


@pytest.fixture(scope="module")
def future(log):
    X = build_features(log, CUTOFF, names=SUMMARY)
    model = ProbabilisticValue(MBGNBD(), horizon=182).fit(X)
    values = pd.Series(model.predict(X), X.index)
    own = pd.DataFrame({91: 0.55 * values, 182: values})
    return forecast_future(log, X, own, CUTOFF, days=DAYS)


@pytest.fixture(scope="module")
def by_horizon(future):
    return future.by_horizon(DAYS)


@pytest.fixture(scope="module")
def level_of(log):
    """The level of a horizon in days, forecast once for all who ask."""
    return cache(lambda days: forecast_level(log, Window(CUTOFF, days)).total)


def test_values_of_no_customer_fall_as_the_horizon_grows(by_horizon):
    assert (np.diff(by_horizon.to_numpy(), axis=1) >= -1e-9).all()


def test_horizons_of_the_training_keep_its_values(future, by_horizon):
    np.testing.assert_allclose(by_horizon[[91, 182]], future.own)
    np.testing.assert_allclose(future.by_horizon([182, 91])[91], future.own[91])


def test_other_horizons_within_a_year_add_up_to_their_level_as_in_the_forecast_of_the_shop(
    future, by_horizon, level_of
):
    for day in (30, 60, 150, 300, 365):
        least = max((future.own[own].sum() for own in future.own if own < day), default=0.0)
        most = min((future.own[own].sum() for own in future.own if own > day), default=np.inf)
        assert by_horizon[day].sum() == pytest.approx(np.clip(level_of(day), least, most), rel=1e-9), day


def test_beyond_a_year_the_total_is_that_of_the_forecast_of_the_shop(future, log, level_of):
    known = forecast_known(log, Window(CUTOFF, 730)).total
    assert future.by_horizon([730])[730].sum() == pytest.approx(known, rel=1e-9)
    assert known > level_of(365)
    assert forecast_shop(log, Window(CUTOFF, 730), "month", size=50).level.total == known


def test_an_end_below_a_year_is_on_the_same_curve(future):
    np.testing.assert_allclose(future.expected([300])[300], future.by_horizon([300])[300])
    less = future.expected([300], 0.1)[300]
    assert (less <= future.by_horizon([300])[300]).all()
    assert less.sum() > future.by_horizon([300])[300].sum() * 1.1 ** (-300 / 365.25)


def test_the_path_of_the_total_goes_through_the_values_that_are_shown(future):
    shown = future.by_horizon([150, 365])
    path = future.expected_path([30, 91, 150, 200, 365, 730], shown)
    assert (np.diff(path) >= 0).all()
    assert path[[91, 150, 365]].tolist() == pytest.approx([future.own[91].sum(), *shown.sum()])
    assert path[730] == pytest.approx(future.expected([730])[730].sum())


def test_groups_of_customers_are_drawn_as_everybody_is(future):
    values, groups = future.by_horizon([300])[300], np.arange(len(future.X)) % 3
    np.testing.assert_allclose(future.sums(300, values, groups).sum(axis=0), future.totals(300, values)[0])


def test_a_total_is_met_as_far_as_the_bounds_allow():
    least, curve, most = np.array([1.0, 0.0]), np.array([2.0, 2.0]), np.array([3.0, 6.0])
    for total in (1.0, 2.5, 4.0, 8.0, 9.0):
        found = _with_total(least, curve, most, total)
        assert found.sum() == pytest.approx(total)
        assert ((least <= found) & (found <= most)).all()
    assert _with_total(least, curve, most, 20.0).tolist() == most.tolist()
    assert _with_total(least, curve, most, 0.0).tolist() == least.tolist()
    assert _with_total(least, curve, np.full(2, np.inf), 10.0).sum() == pytest.approx(10.0)
