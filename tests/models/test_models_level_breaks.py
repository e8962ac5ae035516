"""Breaks: months that went otherwise than histories let expect move the total, or widen its interval."""

import numpy as np
import pytest

from cltv_ml.models.level import estimate_level, past_days
from cltv_ml.models.level_breaks import MONTH, Break, Month, find_break, monthly_misses
from cltv_ml.models.level_candidates import CohortRevenue


def shop(pace, days=900):
    """A shop of 50 customers who came on a day each and spend 2 a day, times the pace."""
    day, first = (one.ravel() for one in np.meshgrid(np.arange(days), np.arange(50), indexing="ij"))
    day, first = day[first <= day], first[first <= day]
    amount = 2.0 * np.array([pace(one) for one in range(days)])[day]
    return CohortRevenue(first, day, amount, np.arange(days + 1.0).clip(max=50))


def histories(log, cutoff, days):
    """Bottom-up forecasts of customers who spend as they did on average so far."""
    return {day: log.revenue(50, day) / (day - 50) * days for day in past_days(cutoff) if day > 50}


def level(log, cutoff, days=91, broken=True):
    known, sums = log.until(cutoff), histories(log, cutoff, days)
    return estimate_level(known, cutoff, days, sums, months=missed(log, cutoff) if broken else None)


def missed(log, cutoff):
    return monthly_misses(log.until(cutoff), past_days(cutoff), histories(log, cutoff, MONTH))


def months(misses, chance=0.0):
    return {day: Month(miss, chance) for day, miss in misses.items()}


def halved(day):
    return 0.5 if day >= 700 else 1.0


def test_two_months_after_a_break_the_total_follows_it():
    log = shop(halved)
    without, total = level(log, 765, broken=False).total, level(log, 765).total
    assert without > 1.3 * 50 * 91
    assert total == pytest.approx(50 * 91, rel=0.1)


def test_within_a_month_of_a_break_the_interval_holds_both_what_was_and_what_is():
    log = shop(halved)
    found, before = level(log, 730), level(log, 730, broken=False)
    low, high = found.interval()
    assert found.total == pytest.approx(before.total, rel=0.1)
    assert low < 1.05 * 50 * 91 < before.interval()[0]
    assert high > 100 * 91


def test_a_season_that_last_year_had_too_is_no_break():
    log = shop(lambda day: 2.0 if day % 364 >= 300 else 1.0)
    found = missed(log, 728)
    assert found[364].miss < 0.3  # the first year's end: nothing to compare with
    assert abs(found[698].miss) < 0.2 < np.log(2) - 0.3
    assert find_break(found, 728).believed == 0


def test_an_odd_month_of_last_year_makes_no_break_of_a_usual_one():
    log = shop(lambda day: 0.2 if 305 <= day < 365 else 1.0)
    assert abs(missed(log, 728)[698].miss) < 0.1
    assert find_break(missed(log, 728), 728).believed == 0


def test_a_miss_of_the_usual_size_moves_nothing():
    calm = dict.fromkeys(range(100, 700, 30), 0.02) | {700: 0.5, 730: 0.5}
    noisy = dict.fromkeys(range(100, 731, 30), 0.4)
    assert find_break(months(calm), 760).believed > 0.8
    assert find_break(months(noisy), 760) == Break(0.4, 0.0, 0.0)
    assert find_break(months(dict.fromkeys(calm, 0.1)), 760).believed == 0


def test_where_few_orders_make_a_month_its_miss_is_no_break():
    calm = dict.fromkeys(range(100, 700, 30), 0.02) | {700: 0.5, 730: 0.5}
    assert find_break(months(calm, chance=0.4), 760) == Break(0.5, 0.0, 0.0)
    even, two = (
        CohortRevenue(np.zeros(400, int), np.arange(400), amount, np.full(401, 50.0))
        for amount in (np.full(400, 10.0), np.where(np.arange(400) % 180 == 0, 3_000.0, 10.0))
    )
    chances = [monthly_misses(log, [364], {364: 280.0})[364].chance for log in (even, two)]
    assert chances[0] == pytest.approx(1 / np.sqrt(MONTH))
    assert chances[1] > 0.9


def test_one_month_alone_moves_nothing_but_is_left_open():
    once = dict.fromkeys(range(100, 701, 30), 0.02) | {730: -0.8}
    found = find_break(months(once), 760)
    assert (found.believed, found.size) == (0.0, 0.0)
    assert -0.8 < found.open < -0.6
    assert find_break({}, 760) == Break()


def test_a_shop_that_is_closed_at_the_cutoff_may_open_again():
    closed = dict.fromkeys(range(100, 671, 30), 0.02) | {700: -0.4, 730: -1.5}
    found = find_break(months(closed), 760)
    assert found.believed == 0
    assert found.open < -1.3


def test_a_forecast_that_learns_of_a_break_is_corrected_by_what_it_still_lacks():
    learning = dict.fromkeys(range(100, 671, 30), 0.0) | {700: 0.8, 730: 0.6}
    assert find_break(months(learning), 760).size == pytest.approx(0.6 * 0.6 / 0.8)
    assert find_break(months(learning | {730: 0.9}), 760).size == pytest.approx(0.8)


def test_without_last_year_a_season_could_be_a_break_so_the_total_stays_and_the_interval_is_wider():
    log = shop(lambda day: 2.0 if day >= 300 else 1.0)
    assert not missed(log, 365)[335].compared
    found = find_break(missed(log, 365), 365)
    assert found.believed == 0 < 0.2 < found.open
    with_months, without = level(log, 365, 180), level(log, 365, 180, broken=False)
    assert with_months.total == without.total
    assert with_months.sigma > 1.2 * without.sigma
