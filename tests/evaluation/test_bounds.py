"""The verdict on a test window: chance is not held against a model, wrong shares are."""

import numpy as np
import pytest

from cltv_ml.evaluation.bounds import (
    DECILE_BOUND,
    decile_chance,
    decile_error_by_chance,
    is_within_bounds,
    tell_chance,
    tell_overstep,
)
from cltv_ml.evaluation.metrics import decile_mape


def shop(customers, seed, years=2.0):
    """Return what customers spend in a window, and its true expectation given their purchases before."""
    rng = np.random.default_rng([seed, customers])
    rate, value = rng.gamma(0.5, 1.0, customers), 2_000 / rng.gamma(3.5, 1.0, customers)
    before, orders = rng.poisson(rate * years), rng.poisson(rate)
    spent = rng.standard_gamma(np.maximum(3 * orders, 1e-9)) * value / 3 * (orders > 0)
    return spent, (0.5 + before) / (1.0 + years) * value


def flagged(spent, expected, seed):
    expected = expected * spent.sum() / expected.sum()
    scores = {
        "decile_mape": decile_mape(spent, expected),
        "decile_chance": decile_chance(spent, expected, seed=seed, draws=400),
    }
    return not is_within_bounds(scores)


@pytest.mark.parametrize("customers", [300, 1_000, 10_000])
def test_the_true_expectation_is_seldom_called_outside_its_bounds(customers):
    found = [flagged(*shop(customers, seed), seed) for seed in range(60)]
    assert np.mean(found) < 0.12  # 5% are expected: 8 or more of 60 have a chance of 1%


def test_without_the_test_against_chance_a_small_shop_would_nearly_always_be():
    over = [
        decile_mape(spent, value * spent.sum() / value.sum())
        for spent, value in (shop(300, s) for s in range(60))
    ]
    assert np.mean(np.array(over) > DECILE_BOUND) > 0.8


@pytest.mark.parametrize("power", [1.6, 0.5])
@pytest.mark.parametrize(("customers", "least"), [(300, 0.6), (1_000, 0.95)])
def test_distorted_shares_are(customers, least, power):
    shops = (shop(customers, seed) for seed in range(40))
    found = [flagged(spent, value**power, seed) for seed, (spent, value) in enumerate(shops)]
    assert np.mean(found) >= least


@pytest.mark.parametrize("customers", [300, 1_000, 10_000])
def test_the_true_expectation_exceeds_its_decile_error_by_chance_in_half_of_the_windows(customers):
    exceeds = []
    for spent, expected in (shop(customers, seed) for seed in range(60)):
        error = decile_mape(spent, expected * spent.sum() / expected.sum())
        exceeds.append(error > decile_error_by_chance(spent, expected, draws=400))
    assert 0.25 < np.mean(exceeds) < 0.75  # half are expected: a share beyond has a chance of 1 in 10,000


def test_fewer_customers_make_a_larger_decile_error_by_chance():
    errors = [decile_error_by_chance(*shop(customers, 1)) for customers in (300, 1_000, 10_000)]
    assert errors == sorted(errors, reverse=True)


def test_the_scale_of_the_values_and_the_order_of_the_rows_do_not_matter():
    spent, expected = shop(500, 1)
    again = np.random.default_rng(0).permutation(500)
    chance = decile_chance(spent, expected)
    assert decile_chance(spent, 3 * expected) == pytest.approx(chance)
    assert decile_chance(spent[again], np.round(expected[again], 12)) == pytest.approx(chance)


def test_nothing_spent_is_not_judged():
    assert np.isnan(decile_chance([0.0, 0.0], [1.0, 2.0]))
    assert np.isnan(decile_error_by_chance([0.0, 0.0], [1.0, 2.0]))


def test_a_miss_that_chance_explains_is_told_apart_from_one_that_it_does_not():
    miss = {"bias": -0.3, "decile_mape": 0.6}
    likely, unlikely = ({**miss, "bias_chance": p, "decile_chance": p} for p in (0.3, 0.01))
    assert tell_overstep(unlikely) == (
        "In its test, the model was outside its bounds: its total was 30.0% too low (10% is allowed) and the value "
        "of a tenth of the customers was 60.0% off on average (25% is allowed)."
    )
    assert tell_overstep(likely) == ""
    assert tell_chance(unlikely, 0.43) == []
    assert len(tell_chance(likely, 0.43)) == 2
    assert "correct values would typically be 43% off" in tell_chance(likely, 0.43)[1]
