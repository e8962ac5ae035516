import numpy as np
import pytest

from cltv_ml.models.level_candidates import CohortRevenue
from cltv_ml.models.level_closures import Closure, as_if_open, find_closures


def shop(days=1100, closed=(), each=5, left=0):
    """A shop of five cohorts that each spend 10 a day but on Sundays, closed but for `left` cohorts on some days."""
    shut = {day for start, end in closed for day in range(start, end)}
    cells = [
        (one, day, 10.0)
        for day in range(days)
        if day % 7
        for one in range(left if day in shut else each)
        if one <= day
    ]
    first, day, amount = np.array(cells).T
    return CohortRevenue(first.astype(int), day.astype(int), amount, np.arange(days + 1.0).clip(max=each))


def test_a_month_without_sales_is_a_closure_of_its_days():
    (found,) = find_closures(shop(closed=[(604, 629)]))
    assert (found.start, found.end, found.yearly) == (604, 629, False)
    assert found.lost == pytest.approx(1)


def test_what_was_closed_once_is_known_a_week_after_its_end():
    log = shop(closed=[(604, 629)])
    (found,) = find_closures(log.until(636))
    assert (found.start, found.end, found.lost, found.yearly) == (604, 629, 1.0, False)
    assert find_closures(log.until(629)) == []  # it may stay closed
    every = shop(closed=[(240, 265), (604, 629)])
    assert [one.start for one in find_closures(every.until(636))] == [240]


def test_newcomers_do_not_hide_a_closure():
    log, days = shop(closed=[(604, 629)]), np.arange(1, 1100)
    first, day = np.concatenate([log.first, days]), np.concatenate([log.day, days])
    amount = np.concatenate([log.amount, np.full(1099, 30.0)])
    (found,) = find_closures(CohortRevenue(first, day, amount, np.arange(1101.0)))
    assert (found.start, found.end, found.lost) == (604, 629, 1.0)


def test_days_off_a_low_season_and_a_rare_trade_are_no_closures():
    monthly = CohortRevenue(np.zeros(36, int), np.arange(36) * 30, np.ones(36), np.ones(1081))
    week, season = shop(closed=[(600, 610)]), shop(closed=[(236, 356), (600, 720)])
    assert [find_closures(log) for log in (week, season, monthly, shop())] == [[], [], [], []]


def test_four_months_are_a_closure_where_the_shop_was_open_on_these_days_of_other_years():
    (found,) = find_closures(shop(closed=[(600, 720)]))
    assert (found.start, found.end, found.yearly) == (600, 720, False)
    assert find_closures(shop(closed=[(600, 800)])) == []  # more than half a year
    assert find_closures(shop(closed=[(100, 220)]).until(400)) == []  # no other year that would tell


def test_what_is_closed_in_every_year_is_told_from_what_was_once():
    every, once = ([(start, start + 30) for start in starts] for starts in ((236, 600), (600,)))
    assert [one.yearly for one in find_closures(shop(closed=every))] == [True, True]
    assert [one.yearly for one in find_closures(shop(days=630, closed=[(250, 280)]))] == [None]
    assert [one.yearly for one in find_closures(shop(closed=once))] == [False]


@pytest.mark.parametrize("length", [90, 150])
def test_a_shop_that_is_open_again_on_these_days_of_the_next_year_was_closed_once(length):
    log = shop(closed=[(300, 300 + length)])
    (after,) = find_closures(log.until(664 + 40))
    assert after.yearly is False
    assert not after.returns(704, 60)
    assert [one.yearly for one in find_closures(log.until(664 + 20))] == [None] * (length == 90)
    again = shop(closed=[(300, 390), (664, 754)])
    assert all(one.yearly is None for one in find_closures(again.until(704)))


@pytest.mark.parametrize(("yearly", "expected"), [(True, True), (None, True), (False, False)])
def test_only_a_closure_that_was_seen_once_is_not_expected_again(yearly, expected):
    closure = Closure(600, 630, 1.0, yearly)
    assert closure.returns(600 + 350, 60) is expected
    assert closure.returns(700, 60) is False


def test_a_closed_shop_is_given_what_it_sold_around():
    log = shop(closed=[(600, 630)], left=1)
    opened = as_if_open(log, find_closures(log))
    assert log.revenue(600, 630) == pytest.approx(260)
    assert opened.revenue(600, 630) == pytest.approx(1300, rel=0.05)
    assert opened.revenue(0, 600) == log.revenue(0, 600)
    assert opened.revenue(607, 608) > 0 == opened.revenue(609, 610)  # Sundays stay Sundays


@pytest.mark.parametrize(
    ("day", "cutoff", "expected"), [(650, 900, True), (650, 700, False), (590, 900, False), (670, 900, False)]
)
def test_a_forecast_is_misled_by_a_closure_until_it_is_as_long_ago_as_it_lasted(day, cutoff, expected):
    assert Closure(600, 630, 1.0, False).misled(day, cutoff) is expected
