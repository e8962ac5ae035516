"""Values of several horizons agree, and the tail is that of the purchase model."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.models import ParetoNBD
from cltv_ml.models.value_curve import ValueCurve

PARAMS = {"r": 0.6, "alpha": 30.0, "s": 0.7, "beta": 60.0}


@pytest.fixture(scope="module")
def world():
    """Customers of a Pareto/NBD world, a year old, with what they buy in the next five years."""
    return ParetoNBD().with_params(PARAMS).simulate(20_000, T=365.0, seed=3, horizon=1826.0)


@pytest.fixture(scope="module")
def curve(world):
    return ValueCurve(horizon=91).fit(world)


def test_values_never_fall_as_the_horizon_grows(curve, world):
    table = curve.multiples(world, [1, 30, 91, 365, 1826]).to_numpy()
    assert (np.diff(table, axis=1) >= 0).all()


def test_the_multiple_of_the_horizon_itself_is_one(curve, world):
    np.testing.assert_allclose(curve.multiples(world, [91])[91], 1.0)


def test_the_curve_times_the_expected_purchases_is_the_models_own_answer(curve, world):
    expected = curve.purchases_.expected_purchases(world, 91.0) * curve.multiples(world, [365])[365]
    np.testing.assert_allclose(expected, curve.purchases_.expected_purchases(world, 365.0), rtol=1e-9)


def test_over_centuries_the_discounted_curve_is_the_dert(curve, world):
    rate = np.log1p(0.15) / 365.25
    within = curve.purchases_.expected_purchases(world, 91.0)
    residual = curve.purchases_.discounted_expected_purchases(world, np.inf, rate)
    multiples = curve.multiples(world, [36525 * 2], 0.15)[36525 * 2]
    np.testing.assert_allclose(within * multiples, residual, rtol=1e-3)


def test_five_years_of_simulated_purchases_are_recovered_from_a_quarter(curve, world):
    quarter = curve.purchases_.expected_purchases(world, 91.0)
    expected = quarter * curve.multiples(world, [1826])[1826].to_numpy()
    actual = world["purchases"].to_numpy()
    assert expected.sum() / actual.sum() == pytest.approx(1, abs=0.05)
    tenth = pd.qcut(expected, 10, labels=False, duplicates="drop")
    sums = pd.DataFrame({"expected": expected, "actual": actual}).groupby(tenth).sum()
    assert (sums["expected"] - sums["actual"]).abs().sum() / actual.sum() < 0.10


def test_as_many_customers_stay_alive_as_in_a_simulation(curve, world):
    params = curve.purchases_.params_
    draws = np.random.default_rng(4)
    n, age, later = 400_000, 365.0, 730.0
    leaves = draws.exponential(size=n) / (draws.gamma(params["s"], size=n) / params["beta"])
    alive = leaves > age
    assert curve.survival(world, later) == pytest.approx((leaves[alive] > age + later).mean(), abs=0.01)


def test_impossible_days_and_rates_are_refused(curve, world):
    with pytest.raises(InputError, match="days must be positive"):
        curve.multiples(world, [0])
    with pytest.raises(InputError, match=r"0\.1 is 10%"):
        curve.multiples(world, [91], 10)
