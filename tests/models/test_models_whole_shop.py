"""Arrivals, value by age, and the draws of a whole shop, against shops whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.shop_plan import PlanTerms, compute_equity
from cltv_ml.evaluation.shop_tables import drawn_parts, expected_parts
from cltv_ml.evaluation.whole_shop import _without_closures, forecast_shop
from cltv_ml.models.arrivals import fit_arrivals
from cltv_ml.models.calendar_rate import Calendar, draw_unseen_season, fit_rate
from cltv_ml.models.level_candidates import CohortRevenue
from cltv_ml.models.shop_draws import draw_shop
from cltv_ml.models.value_by_age import exposures, fit_value_by_age
from cltv_ml.windows import Window
from experiments.simulated_shop import START, arrival_rate, simulate_shop, true_equity


def shop(days, ahead, seed):
    """Return counts of each day and purchases (first, day, amount) of a shop that goes on after `days`."""
    counts, purchases = simulate_shop(days, ahead, seed)
    return counts, *(purchases[name].to_numpy() for name in ("first", "day", "amount"))


def as_cohorts(counts, first, day, amount, days):
    past = day < days
    joined = np.concatenate([[0.0], np.cumsum(counts[:days])])
    return CohortRevenue(first[past], day[past], amount[past], joined)


@pytest.mark.slow
def test_bands_of_arrivals_cover_what_they_say_over_200_shops():
    days, ahead, inside = 800, 91, []
    for seed in range(200):
        counts = shop(days, ahead, seed)[0]
        drawn = fit_arrivals(counts[:days], START, ahead).draw(300, np.random.default_rng(seed))
        low, high = np.quantile(drawn.sum(axis=1), [0.1, 0.9])
        inside.append(low <= counts[days:].sum() <= high)
    assert 0.75 <= np.mean(inside) <= 0.92


@pytest.mark.slow
def test_bands_of_the_sum_cover_what_they_say_over_200_shops():
    days, ahead, inside, of_new, ratios = 800, 91, [], [], []
    for seed in range(200):
        counts, first, day, amount = shop(days, ahead, seed)
        log = as_cohorts(counts, first, day, amount, days)
        drawn = draw_shop(
            fit_value_by_age(log, START, ahead),
            fit_arrivals(counts[:days], START, ahead),
            None,
            np.array([0, ahead]),
            seed=seed,
        )
        truth = amount[day >= days].sum()
        low, middle, high = np.quantile(drawn.total[:, 0], [0.1, 0.5, 0.9])
        inside.append(low <= truth <= high)
        ratios.append(middle / truth)
        low, high = np.quantile(drawn.new[:, 0], [0.1, 0.9])
        of_new.append(low <= amount[first >= days].sum() <= high)
    assert 0.75 <= np.mean(inside) <= 0.92
    assert 0.75 <= np.mean(of_new) <= 0.85
    assert np.median(ratios) == pytest.approx(1.0, abs=0.06)


@pytest.fixture(scope="module")
def judged_equity():
    """Return the share of 24 whole shops whose total lies within the 80% band, and forecast over true equity."""
    days, ahead, terms = 800, 91, PlanTerms(margin_rate=0.4, acquisition_cost=10.0, discount_rate=0.1)
    inside, ratios = [], []
    for seed in range(24):
        counts, purchases = simulate_shop(days, ahead, seed)
        log = purchases[["customer_id", "timestamp", "amount"]]
        forecast = forecast_shop(log, Window(START + pd.Timedelta(days=days), ahead))
        until = forecast.periods["days"].cumsum().to_numpy()
        equity = compute_equity(drawn_parts(forecast), terms, until, expected_parts(forecast))
        truth = true_equity(counts, purchases, days, terms)
        ratios.append(equity.set_index("part")["equity"] / pd.Series(truth))
        low, high = np.quantile(forecast.draws.total.sum(axis=1), [0.1, 0.9])
        inside.append(low <= purchases.loc[purchases["day"] >= days, "amount"].sum() <= high)
    return np.mean(inside), pd.DataFrame(ratios)


def test_equity_is_that_of_the_truth(judged_equity):
    means = judged_equity[1].mean()
    assert means["total"] == pytest.approx(1.0, abs=0.05)
    assert means[["known", "new"]].to_numpy() == pytest.approx([1.0, 1.0], abs=0.08)


def test_bands_of_the_whole_shop_cover_what_they_say(judged_equity):
    assert 0.65 <= judged_equity[0] <= 0.95  # 24 shops: a standard error of .08


def test_arrivals_follow_trend_season_and_weekday():
    days, ahead = 1100, 364
    counts = np.random.default_rng(1).poisson(arrival_rate(np.arange(days)))
    expected = fit_arrivals(counts, START, ahead).expected()
    truth = arrival_rate(days + np.arange(ahead))
    quarters = [expected[at : at + 91].sum() / truth[at : at + 91].sum() for at in (0, 91, 182, 273)]
    assert quarters == pytest.approx([1.0] * 4, abs=0.15)
    weekend = (days + np.arange(ahead) + START.day_of_week) % 7 >= 5
    assert expected[weekend].mean() / expected[~weekend].mean() == pytest.approx(0.5 / 1.2, abs=0.05)


def test_a_shop_that_stopped_winning_customers_is_expected_to_win_none():
    counts = np.r_[np.full(90, 20.0), np.zeros(60)]
    arrivals = fit_arrivals(counts, START, 30)
    assert arrivals.rate is None
    assert arrivals.draw(5, np.random.default_rng(0)).sum() == 0


def test_customers_won_on_the_first_of_each_month_are_won_on_the_next_too():
    dates = pd.date_range("2021-01-01", "2024-05-31")  # the 28 days before the end hold none
    arrivals = fit_arrivals(np.where(dates.day == 1, 60.0, 0.0), dates[0], 61)
    assert arrivals.expected().sum() == pytest.approx(120, rel=0.1)


def test_a_quiet_month_of_a_small_shop_is_no_end():
    counts = np.zeros(200)
    counts[::20] = 1
    counts[-28:] = 0
    assert fit_arrivals(counts, START, 30).expected().sum() > 0


def test_what_the_start_of_a_log_makes_look_new_is_not_taken_for_decline():
    day = np.arange(800)
    counts = np.random.default_rng(3).poisson(5 + 60 * np.exp(-day / 40))
    assert fit_arrivals(counts, START, 91).expected().mean() == pytest.approx(5.0, rel=0.25)


def test_a_holiday_moves_the_arrivals_of_its_day():
    counts = np.full(400, 10.0)
    holidays = {"sale": frozenset({50, 150, 250, 420})}
    counts[[50, 150, 250]] = 60
    expected = fit_arrivals(counts, START, 91, holidays).expected()
    assert expected[20] > 2 * expected[19]


def with_a_closure(days, since, until):
    """Return the counts and cohorts of a shop with ten new customers a day who buy again, closed for some days."""
    day = np.repeat(np.arange(days), 3)
    first = np.maximum(day - np.tile([0, 9, 40], days), 0)
    is_open = (day < since) | (day >= until)
    counts = np.where((np.arange(days) < since) | (np.arange(days) >= until), 10.0, 0.0)
    joined = np.concatenate([[0.0], np.cumsum(counts)])
    return counts, CohortRevenue(first[is_open], day[is_open], np.full(is_open.sum(), 50.0), joined)


def test_a_closure_that_is_not_expected_again_is_no_season():
    counts, log = with_a_closure(800, 300, 390)
    opened, closed = _without_closures(log, 91)
    assert np.flatnonzero(closed)[[0, -1]].tolist() == [300, 389]
    assert opened.revenue(300, 390) == pytest.approx(log.revenue(200, 290), rel=0.05)
    expected = fit_arrivals(counts, START, 91, closed=closed).expected()
    assert expected == pytest.approx(np.full(91, 10.0), rel=0.05)
    value = fit_value_by_age(log, START, 91, closed)
    assert value.repeat.rates(value.repeat.mean[None], np.arange(800, 891)).std() < 0.05
    assert not _without_closures(with_a_closure(600, 300, 390)[1], 91)[1].any()  # expected again


def test_less_than_a_year_of_arrivals_has_no_season():
    assert not fit_arrivals(np.full(300, 5.0), START, 30).season_seen
    assert fit_arrivals(np.full(400, 5.0), START, 30).season_seen


def test_rates_of_a_constant_count_are_the_count():
    calendar = Calendar(START, 300, 30, weekdays=False)
    day = np.arange(300)
    rate = fit_rate(calendar, day, np.full(300, 12.0), np.full(300, 4.0))
    assert rate.rates(rate.mean[None], np.array([310]))[0] == pytest.approx([3.0], rel=0.01)


def test_exposures_count_every_customer_once_a_day_after_the_first():
    won = np.zeros((1, 500))
    won[0, [0, 100, 200]] = [3, 2, 1]
    found = exposures(won, np.array([200, 499]), guard=50)
    assert found.sum(axis=1)[0].tolist() == [5.0, 6.0]
    assert found[0, -1].tolist() == [3.0, 3.0]


def test_value_fades_with_age_as_it_does_in_truth():
    days = 900
    counts, first, day, amount = shop(days, 0, 5)
    value = fit_value_by_age(as_cohorts(counts, first, day, amount, days), START, 91)
    groups = value.repeat.groups(value.repeat.mean[None], np.array([800]))[0, :, 0]
    # Half a year to a year old against the first week: exp(-265 / 120) over exp(-4 / 120).
    assert groups[6] / groups[0] == pytest.approx(np.exp(-261 / 120), rel=0.35)


def test_known_customers_spend_the_totals_that_are_given():
    days = 400
    counts, first, day, amount = shop(days, 0, 6)
    log = as_cohorts(counts, first, day, amount, days)
    value, arrivals = fit_value_by_age(log, START, 60), fit_arrivals(counts, START, 60)
    totals = np.linspace(900.0, 1100.0, 50)
    drawn = draw_shop(value, arrivals, totals, np.array([0, 30, 60]))
    np.testing.assert_allclose(drawn.known.sum(axis=1), totals)
    later = [  # a level of 1 leaves new customers their own value by age, whatever the known ones leave behind
        draw_shop(value, arrivals, part * totals, np.array([0, 60]), level=1.0).repeat for part in (1.0, 0.5)
    ]
    np.testing.assert_allclose(*later)


def test_new_customers_of_a_year_are_worth_what_they_bring():
    days, ratios = 800, []
    for seed in range(3):
        _, purchases = simulate_shop(days, 365, seed)
        log = purchases.loc[purchases["day"] < days, ["customer_id", "timestamp", "amount"]]
        window = Window(START + pd.Timedelta(days=days), 365)
        _, from_new = forecast_shop(log, window, size=50).totals
        ratios.append(from_new / purchases.loc[purchases["first"] >= days, "amount"].sum())
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.1)


def with_shared_weeks(day, amount, variance, seed):
    """Return the amounts times a factor that all purchases of a week share."""
    factors = np.random.default_rng([seed, 1]).gamma(1 / variance, variance, day.max() // 7 + 1)
    return amount * factors[day // 7]


def test_the_variance_that_the_spend_of_a_week_shares_is_found():
    days, found = 800, {}
    for variance in (1e-9, 0.15):
        clumps = []
        for seed in range(2):
            counts, first, day, amount = shop(days, 0, seed)
            log = as_cohorts(counts, first, day, with_shared_weeks(day, amount, variance, seed), days)
            clumps.append(fit_value_by_age(log, START, 91).clump)
        found[variance] = np.mean(clumps)
    assert found[1e-9] < 0.01
    assert found[0.15] == pytest.approx(0.15, rel=0.4)


def test_bands_of_single_weeks_hold_what_they_say_where_weeks_differ():
    days, ahead, inside = 800, 91, []
    edges = np.arange(0, ahead + 1, 7)
    for seed in range(6):
        counts, first, day, amount = shop(days, ahead, seed)
        amount = with_shared_weeks(day, amount, 0.1, seed)
        log = as_cohorts(counts, first, day, amount, days)
        value = fit_value_by_age(log, START, ahead)
        future, past = day >= days, first < days
        known = amount[future & past].sum()  # the total is not what is tested
        drawn = draw_shop(value, fit_arrivals(counts[:days], START, ahead), np.full(300, known), edges)
        low, high = np.quantile(drawn.known, [0.1, 0.9], axis=0)
        came = np.add.reduceat(np.bincount(day[future] - days, (amount * past)[future], ahead), edges[:-1])
        inside.extend((low <= came) & (came <= high))
    assert 0.72 <= np.mean(inside) <= 0.88


def test_weeks_may_differ_by_a_season_that_a_short_log_has_not_shown():
    rng = np.random.default_rng(0)
    season = draw_unseen_season(Calendar(START, 364, 91), 500, 91, rng)
    assert season.mean(axis=0) == pytest.approx(np.ones(91))
    assert season.mean(axis=1) == pytest.approx(np.ones(500), abs=0.01)
    assert 0.05 < season[:, ::7].std() < 0.15
    assert draw_unseen_season(Calendar(START, 365, 91), 500, 91, rng) is None


def test_the_same_seed_draws_the_same_shop():
    days = 300
    counts, first, day, amount = shop(days, 0, 7)
    log = as_cohorts(counts, first, day, amount, days)
    value, arrivals = fit_value_by_age(log, START, 30), fit_arrivals(counts, START, 30)
    one, other = (draw_shop(value, arrivals, np.full(20, 50.0), np.array([0, 30])).total for _ in range(2))
    np.testing.assert_array_equal(one, other)
