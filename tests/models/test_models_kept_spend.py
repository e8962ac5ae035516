"""Spend kept a year later: by hand, and on simulated shops whose future is known."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models.kept_spend import YearApart, missed_dropout

CUSTOMERS = pd.DataFrame({"frequency": [1.0, 2.0, 0.0, 4.0]})
SPENT = np.array([[60.0, 40, 30, 20], [100, 100, 50, 40], [20, 30, 10, 10], [50, 100, 40, 50]])


def as_expected(X, days):
    """A model by which nobody ever leaves."""
    return np.outer(np.ones(len(X)), days)


def many(times, spent=SPENT, scale=1.0):
    X = pd.concat([CUSTOMERS] * times, ignore_index=True)
    return YearApart(X, 100, np.concatenate([spent * [1, 1, scale, scale]] * times))


def test_a_shortfall_counts_as_far_as_it_exceeds_its_standard_error():
    missed = missed_dropout([many(100)], as_expected)
    assert missed.kept == pytest.approx(250 / 500)
    assert missed.expected == pytest.approx(1.0)
    before, after = SPENT[:, :2].sum(axis=1), SPENT[:, 2:].sum(axis=1)
    error = np.sqrt(((after / 250 - before / 500) ** 2).sum() / 100)  # a hundred times as many: a tenth of it
    wanted = min(np.log(2) - 1.645 * error, np.log(230 / 130), np.log(270 / 120))
    assert missed.rate == pytest.approx(wanted)


def test_the_standard_error_is_that_of_drawing_customers_again():
    window, rng = many(30, SPENT[:, [0, 0, 2, 2]]), np.random.default_rng(0)
    sums = [window.spent[rng.integers(0, 120, 120)].sum(axis=0) for _ in range(2000)]
    drawn = np.std([np.log(after / before) for before, _, after, _ in sums])
    missed = missed_dropout([window], as_expected)
    assert (-np.log(missed.kept) - missed.rate) / 1.645 == pytest.approx(drawn, rel=0.05)


def test_a_shortfall_of_one_half_is_none():
    closed = SPENT * [1.0, 1.0, 0.5, 270 / 120]  # the first half lost three quarters, the second nothing
    missed = missed_dropout([many(1000, closed)], as_expected)
    assert missed.kept == pytest.approx((65 + 270) / 500)
    assert missed.rate == pytest.approx(0.0, abs=1e-12)


def test_years_that_differ_say_less_than_years_that_agree():
    alike = missed_dropout([many(100), many(100)], as_expected)
    apart = missed_dropout([many(100, scale=0.6), many(100, scale=1 / 0.6)], as_expected)
    assert alike.kept == pytest.approx(apart.kept)
    assert apart.rate == 0.0 < alike.rate


def test_windows_without_spend_say_nothing():
    assert missed_dropout([], as_expected) is None
    assert missed_dropout([many(10, SPENT * [1, 1, 0, 1])], as_expected) is None
