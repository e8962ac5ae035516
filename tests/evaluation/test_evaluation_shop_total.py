"""The whole shop's total: last year's same weeks next to the sum of the parts."""

import numpy as np
import pytest

from cltv_ml.evaluation.shop_total import ShopPast, combine_total, last_year
from cltv_ml.models.level_candidates import CohortRevenue
from cltv_ml.models.level_spread import Spread
from cltv_ml.models.shop_draws import ShopDraws


def shop(days, growth=0.0, newcomers=True):
    """Return a shop that takes 100 a day times its growth and season; one customer comes each day."""
    day = np.arange(days)
    amount = 100 * np.exp(growth * day / 364) * (1 + 0.5 * np.sin(2 * np.pi * day / 364))
    first = day if newcomers else np.zeros(days, dtype=int)
    won = np.ones(days) if newcomers else np.eye(1, days)[0]
    return CohortRevenue(first, day, amount, np.concatenate([[0.0], np.cumsum(won)]))


def records(log, cutoff, parts_over_truth):
    """Return earlier cutoffs at which the sum of the parts was so many times what came."""
    found = []
    for day in range(cutoff - 91 - 30 * 9, cutoff - 90, 30):
        total = log.revenue(day, day + 91)
        found.append(ShopPast(day, total, parts_over_truth * total))
    return found


def test_a_shop_that_repeats_its_year_is_forecast_by_it_where_the_parts_were_wrong():
    log = shop(1092)
    truth, cutoff = log.revenue(728, 728 + 91), 728
    found = combine_total(log, cutoff, 91, 1.2 * truth, records(log, cutoff, 1.25))
    assert found.weight > 0.8
    assert found.total == pytest.approx(truth, rel=0.03)


def test_a_shop_that_grows_is_forecast_by_its_parts():
    log = shop(1092, growth=0.7)
    truth, cutoff = log.revenue(728, 728 + 91), 728
    found = combine_total(log, cutoff, 91, 1.02 * truth, records(log, cutoff, 1.02))
    assert found.weight < 0.02
    assert found.total == pytest.approx(1.02 * truth, rel=0.02)


def test_last_year_tells_nothing_where_the_log_lacks_it_or_nobody_has_come_since():
    assert last_year(shop(1092), 363, 91) is None
    assert last_year(shop(1092), 728, 400) is None
    assert last_year(shop(1092, newcomers=False), 728, 91) is None
    found = combine_total(shop(1092), 363, 91, 80.0, [])
    assert (found.total, found.weight, found.spread) == (80.0, 0.0, None)


def errors_of(log, cutoff, size):
    """Return the spread after earlier forecasts that were too high and too low by turns, by so much (log units)."""
    past = records(log, cutoff, 1.0)
    past = [
        ShopPast(one.cutoff, one.total, one.total * np.exp(size * (-1) ** place))
        for place, one in enumerate(past)
    ]
    return combine_total(log, cutoff, 91, log.revenue(cutoff, cutoff + 91), past).spread


def test_the_spread_is_that_of_earlier_errors():
    log = shop(1092, growth=0.7)  # it grows, so that last year has no say
    near, far = errors_of(log, 900, 0.02), errors_of(log, 900, 0.3)
    assert near.sigma == pytest.approx(0.03, abs=0.015)
    assert far.sigma == pytest.approx(0.28, abs=0.04)
    assert near.freedom == far.freedom > 3


def test_errors_of_before_the_season_was_seen_count_less_once_it_is():
    log = shop(1092, growth=0.7)
    early, late = errors_of(log, 440, 0.2), errors_of(log, 500, 0.2)
    assert early.sigma == pytest.approx(0.16, abs=0.02)  # as far off as before
    assert late.sigma < 0.9 * early.sigma


def test_misses_by_more_than_a_half_count_as_they_are_until_the_season_was_seen():
    log = shop(1092, growth=0.7)
    large, larger = (errors_of(log, 440, size).sigma for size in (0.5, 0.9))
    assert larger > 1.5 * large
    assert errors_of(log, 900, 0.9).sigma == pytest.approx(errors_of(log, 900, 0.5).sigma, rel=0.02)


def test_an_80_percent_interval_reaches_as_far_as_the_latest_forecasts_missed_on_average():
    spread = errors_of(shop(1092, growth=0.7), 500, 0.2)  # before the season was seen, of which it is now
    assert np.log(spread.interval(1.0, 0.8)[1]) == pytest.approx(
        0.2, abs=0.03
    )  # .15 if it followed the season alone


def test_draws_are_brought_to_another_middle_and_spread_in_all_parts_alike():
    rng = np.random.default_rng(0)
    known, first, repeat = (rng.gamma(9.0, 5.0, (501, 3)) for _ in range(3))
    draws = ShopDraws(known, first, repeat, np.ones((501, 3)))
    moved = draws.brought_to(1200.0, 1000.0, Spread(0.05, 5.0))
    before, after = (one.total.sum(axis=1) for one in (draws, moved))
    assert np.quantile(after, [0.1, 0.5, 0.9]) == pytest.approx(
        1200 * np.exp(0.05 * np.array([-1.476, 0, 1.476])), rel=2e-3
    )
    assert (after.argsort() == before.argsort()).all()
    assert moved.known / moved.total == pytest.approx(draws.known / draws.total)
    assert (moved.won == draws.won).all()
    assert draws.brought_to(1200.0, 1000.0, None).total == pytest.approx(1.2 * draws.total)
