"""Spend kept a year later: by hand, and on simulated shops whose future is known."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cltv_ml.models.kept_spend import YearApart, missed_dropout
from cltv_ml.models.spend_falls import sharpest_fall

CUSTOMERS = pd.DataFrame({"frequency": [1.0, 2.0, 0.0, 4.0]})
SPENT = np.array([[60.0, 40, 30, 20], [100, 100, 50, 40], [20, 30, 10, 10], [50, 100, 40, 50]])


def as_expected(X, days):
    """A model by which nobody ever leaves."""
    return np.outer(np.ones(len(X)), days)


def many(times, spent=SPENT, scale=1.0):
    X = pd.concat([CUSTOMERS] * times, ignore_index=True)
    spent = spent * [1, 1, scale, scale]
    path = spent[:, [0, 0, 0, 0]]  # four equal months
    ends = [345, 375, 405, 435, 465]
    monthly, shop = np.concatenate([path] * times), np.ones(16)
    return YearApart(X, 100, np.concatenate([spent] * times), ends, monthly, shop)


def test_a_shortfall_counts_as_far_as_it_exceeds_its_standard_error():
    missed = missed_dropout([many(100)], as_expected)
    assert missed.kept == pytest.approx(250 / 500)
    assert missed.expected == pytest.approx(1.0)
    before, after = SPENT[:, :2].sum(axis=1), SPENT[:, 2:].sum(axis=1)
    error = np.sqrt(((after / 250 - before / 500) ** 2).sum() / 100)  # a hundred times as many: a tenth of it
    squares = (after / 250 - before / 500) ** 2 / 100**2
    freedom = 100 * squares.sum() ** 2 / (squares**2).sum() - 1
    wanted = min(np.log(2) - stats.t.ppf(0.95, freedom) * error, np.log(230 / 130), np.log(270 / 120))
    assert missed.rate == pytest.approx(wanted)


def test_the_standard_error_is_that_of_drawing_customers_again():
    window, rng = many(30, SPENT[:, [0, 0, 2, 2]]), np.random.default_rng(0)
    sums = [window.spent[rng.integers(0, 120, 120)].sum(axis=0) for _ in range(2000)]
    drawn = np.std([np.log(after / before) for before, _, after, _ in sums])
    missed = missed_dropout([window], as_expected)
    assert (-np.log(missed.kept) - missed.rate) / 1.66 == pytest.approx(drawn, rel=0.05)


def test_a_shortfall_of_one_half_is_none():
    closed = SPENT * [1.0, 1.0, 0.5, 270 / 120]  # the first half lost three quarters, the second nothing
    missed = missed_dropout([many(1000, closed)], as_expected)
    assert missed.kept == pytest.approx((65 + 270) / 500)
    assert missed.rate == pytest.approx(0.0, abs=1e-12)


def test_a_half_in_which_few_customers_bought_does_not_outvote_other_years():
    odd = SPENT * [
        1 / 230,
        499 / 270,
        125 / 130,
        125 / 120,
    ]  # 1, 499, then 125 and 125: half is kept, as elsewhere
    usual, missed = (missed_dropout([many(100), *more], as_expected) for more in ([], [many(50, odd)]))
    assert missed.kept == pytest.approx(usual.kept)
    assert missed.rate == pytest.approx(-np.log((13_000 + 6_250) / (23_000 + 50)))


def test_years_that_differ_say_less_than_years_that_agree():
    alike = missed_dropout([many(100), many(100)], as_expected)
    apart = missed_dropout([many(100, scale=0.6), many(100, scale=1 / 0.6)], as_expected)
    assert alike.kept == pytest.approx(apart.kept)
    assert apart.rate == 0.0 < alike.rate


def test_windows_without_spend_say_nothing():
    assert missed_dropout([], as_expected) is None
    assert missed_dropout([many(10, SPENT * [1, 1, 0, 1])], as_expected) is None


def test_a_fall_within_weeks_is_no_dropout_but_as_far_as_the_shortfall_exceeds_it():
    window = many(1000)
    slow = missed_dropout([window], as_expected)
    sharply = dataclasses.replace(window, monthly=window.monthly * [1, 1, 0.7, 0.7])
    sharp = missed_dropout([sharply], as_expected)
    fall = sharpest_fall(sharply.monthly, np.full(4, 30.0 * len(window.X)), window.shop, slow.rate)
    assert fall == pytest.approx(-np.log(0.7) - slow.rate / 6)
    assert sharp.rate == pytest.approx(slow.rate - fall)
    assert sharp[:2] == slow[:2]


def test_three_customers_with_most_of_the_money_rarely_look_like_dropout():
    rng, found = np.random.default_rng(0), []
    for _ in range(400):
        mean = np.where(np.arange(100) < 3, 400.0, 5.0)[:, None]
        spent = rng.poisson(2.0, (100, 4)) * rng.gamma(2.0, 0.5, (100, 4)) * mean
        X = pd.DataFrame({"frequency": np.zeros(100)})
        window = YearApart(X, 100, spent, [435, 465], np.ones((100, 1)), np.ones(1))
        found.append(missed_dropout([window], as_expected).rate > 0)
    assert np.mean(found) < 0.06
