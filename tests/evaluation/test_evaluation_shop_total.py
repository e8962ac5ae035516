"""The whole shop's total: last year's same weeks next to the sum of the parts."""

import numpy as np
import pytest

from cltv_ml.evaluation.shop_total import ShopPast, combine_total, last_year
from cltv_ml.models.level_candidates import CohortRevenue
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
    assert found.narrower < 0.9


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
    assert combine_total(shop(1092, newcomers=False), 728, 91, 1.0, []) is None


def test_draws_are_brought_to_another_middle_and_spread_in_all_parts_alike():
    rng = np.random.default_rng(0)
    known, first, repeat = (rng.gamma(9.0, 5.0, (501, 3)) for _ in range(3))
    draws = ShopDraws(known, first, repeat, np.ones((501, 3)))
    moved = draws.brought_to(1.2, 0.5)
    before, after = (one.total.sum(axis=1) for one in (draws, moved))
    assert np.median(after) == pytest.approx(1.2 * np.median(before))
    assert np.log(after).std() == pytest.approx(np.log(before).std() / 2)
    assert moved.known / moved.total == pytest.approx(draws.known / draws.total)
    assert (moved.won == draws.won).all()
