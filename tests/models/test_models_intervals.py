"""Conformal intervals: the coverage they promise, for each value, on data they have not seen."""

import numpy as np
import pytest

from cltv_ml.evaluation.interval_metrics import winkler
from cltv_ml.models import Intervals


def customers(n, seed, share_of_buyers=0.6, noise=1.0):
    """Return predictions and what was spent: nothing or a skewed amount around the prediction."""
    rng = np.random.default_rng(seed)
    expected = rng.lognormal(3, 1, n)
    buys = rng.random(n) < np.minimum(share_of_buyers * (expected / 20) ** 0.4, 1)
    return expected, buys * expected * rng.gamma(1 / noise, noise, n)


def shares_inside(intervals, expected, actual, groups=5):
    lower, upper = intervals.predict(expected)
    inside = (actual >= lower) & (actual <= upper)
    return [part.mean() for part in np.array_split(inside[np.argsort(expected)], groups)]


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("share_of_buyers", [0.6, 1.0])
def test_new_customers_of_every_value_are_covered_as_promised(level, share_of_buyers):
    intervals = Intervals(level).fit(*customers(6_000, 1, share_of_buyers))
    expected, actual = customers(40_000, 2, share_of_buyers)
    inside = shares_inside(intervals, expected, actual)
    # The value itself is inside, so where fewer than promised spend more than it, more are covered.
    below = [part.mean() for part in np.array_split((actual <= expected)[np.argsort(expected)], 5)]
    for covered, least in zip(inside, below, strict=True):
        assert covered == pytest.approx(max(level, least), abs=0.03)


def test_customers_are_covered_even_where_predictions_know_nothing():
    """Above the level only where the shuffled value itself exceeds what nine in ten then spend."""
    rng = np.random.default_rng(3)
    expected, actual = customers(6_000, 4)
    intervals = Intervals().fit(rng.permutation(expected), actual)
    later, spent = customers(20_000, 5)
    inside = shares_inside(intervals, rng.permutation(later), spent)
    assert inside[:4] == pytest.approx([0.9] * 4, abs=0.03)
    assert inside[4] >= 0.87


def test_predictions_that_know_nothing_get_worse_intervals():
    expected, actual = customers(6_000, 4)
    shuffled = np.random.default_rng(3).permutation(expected)
    scores = [
        winkler(actual, *Intervals().fit(values, actual).predict(values)) for values in (expected, shuffled)
    ]
    assert scores[0] < 0.9 * scores[1]


def test_a_level_that_is_wrong_alike_in_all_windows_is_made_good():
    expected, actual = customers(6_000, 6)
    intervals = Intervals().fit(expected / 3, actual)
    later, spent = customers(20_000, 7)
    assert shares_inside(intervals, later / 3, spent) == pytest.approx([0.9] * 5, abs=0.03)


def test_where_nearly_nobody_buys_the_interval_reaches_from_nothing_to_the_value():
    intervals = Intervals().fit(np.full(1_000, 2.0), np.r_[np.zeros(970), np.full(30, 50.0)])
    assert [bound.tolist() for bound in intervals.predict([2.0])] == [[0.0], [2.0]]


def test_customers_predicted_nothing_have_bounds_of_their_own():
    expected = np.r_[np.zeros(500), np.full(500, 10.0)]
    actual = np.r_[np.arange(500) / 5.0, np.full(500, 100.0)]
    lower, upper = Intervals().fit(expected, actual).predict([0.0])
    assert lower[0] == 0
    assert upper[0] == pytest.approx(95, abs=2)


def test_bounds_beyond_the_largest_seen_value_grow_in_proportion():
    intervals = Intervals().fit(*customers(3_000, 8))
    lower, upper = intervals.predict([1e4, 2e4])
    assert upper[1] / upper[0] == pytest.approx(2)
    assert lower[1] == pytest.approx(2 * lower[0])


def test_a_handful_of_customers_gives_their_extremes():
    lower, upper = Intervals().fit([1.0, 1, 1], [0.5, 2, 3]).predict([1.0])
    assert (lower[0], upper[0]) == (0.5, 3.0)


def test_probability_of_buying_is_the_share_of_buyers_at_that_value():
    expected, actual = customers(20_000, 9)
    later, spent = customers(20_000, 10)
    p_buy = Intervals().fit(expected, actual).p_buy(later)
    order = np.argsort(later)
    for part in np.array_split(order, 5):
        assert p_buy[part].mean() == pytest.approx((spent[part] > 0).mean(), abs=0.03)


@pytest.mark.parametrize("level", [0.0, 1.0, 90])
def test_a_level_that_is_no_probability_is_refused(level):
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        Intervals(level).fit([1.0], [1.0])


@pytest.mark.parametrize(("expected", "actual"), [([np.nan], [1.0]), ([1.0], [-2.0]), ([np.inf], [0.0])])
def test_impossible_numbers_are_refused(expected, actual):
    with pytest.raises(ValueError, match=r"(contains a negative value|has 1 missing or infinite)"):
        Intervals().fit(expected, actual)


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="the same length"):
        Intervals().fit([1.0, 2.0], [1.0])


def test_half_of_new_customers_of_every_value_spend_no_more_than_their_median():
    intervals = Intervals().fit(*customers(6_000, 11, 0.95))
    later, spent = customers(20_000, 12, 0.95)
    below = spent <= intervals.predict_median(later)
    shares = [part.mean() for part in np.array_split(below[np.argsort(later)], 5)]
    assert shares == pytest.approx([0.5] * 5, abs=0.04)


def test_intervals_stored_before_medians_were_learned_have_none():
    intervals = Intervals().fit(*customers(500, 1))
    del intervals.median_
    assert intervals.predict_median([1.0]) is None


def test_customers_with_several_predictions_each_count_once():
    """A customer whose nine predictions are one and the same is a customer with that prediction."""
    expected, actual = customers(800, 12)
    once = Intervals().fit(expected, actual)
    nine = Intervals().fit(np.repeat(expected, 9), np.repeat(actual, 9), repeats=9)
    assert nine.customers_ == once.customers_ == 800
    for one, other in zip(once.predict(expected), nine.predict(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=0.02)
