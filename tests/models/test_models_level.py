"""The level: forecasts of the total, their weights and how far the total may be off."""

from dataclasses import replace

import numpy as np
import pytest

from cltv_ml.models.level import Past, _evidence, _held, estimate_level, past_days, weigh
from cltv_ml.models.level_candidates import (
    CohortRevenue,
    agreed_miss,
    by_age,
    candidates,
    growth,
    retention_by_age,
    top_down,
)
from cltv_ml.models.level_holidays import align
from cltv_ml.models.level_priors import error_before


def shop(days, arrivals, spend, season=lambda day: 1.0):
    """Return the cohorts of a shop: customers by day of arrival, each spending `spend(age)` a day times the season."""
    first, day, amount = [], [], []
    for joined in range(days):
        for at in range(joined, days):
            first.append(joined)
            day.append(at)
            amount.append(arrivals(joined) * spend(at - joined) * season(at))
    counts = [arrivals(joined) for joined in range(days)]
    return CohortRevenue(
        np.array(first), np.array(day), np.array(amount, float), np.concatenate([[0.0], np.cumsum(counts)])
    )


def truth(log, cutoff, horizon):
    return log.revenue(cutoff, cutoff + horizon, known=cutoff)


@pytest.fixture(scope="module")
def seasonal():
    """Thirty arrivals a day who fade at once, and twice the revenue in the last quarter of every year of 364 days."""
    return shop(1000, lambda joined: 30, lambda age: 1 / (1 + age), lambda day: 1 + (day % 364 >= 273))


def test_known_customers_are_those_first_seen_before_the_cutoff():
    log = shop(10, lambda joined: 1, lambda age: 1.0)
    assert log.revenue(4, 6) == 11  # five customers on day 4, six on day 5
    assert log.revenue(4, 6, known=4) == 8


def test_by_age_is_right_where_only_the_mix_of_ages_changes():
    explosive = shop(200, lambda joined: round(np.exp(joined / 30)), lambda age: 1 / (1 + age))
    found = by_age(explosive, 150, 30)
    assert found == pytest.approx(truth(explosive, 150, 30), rel=0.02)
    going_on = candidates(explosive, 150, 30, {})["going on"]
    assert going_on < 0.75 * truth(explosive, 150, 30)


def test_top_down_and_retention_know_the_season_of_last_year(seasonal):
    for candidate in (top_down, retention_by_age):
        assert candidate(seasonal, 637, 91) == pytest.approx(truth(seasonal, 637, 91), rel=0.08)


def test_the_level_follows_the_candidates_that_know_the_season(seasonal):
    seasonless = shop(1000, lambda joined: 30, lambda age: 1 / (1 + age))
    blind = {day: 1.25 * truth(seasonless, day, 91) for day in past_days(637)}
    level = estimate_level(seasonal, 637, 91, blind)
    assert level.season_seen
    assert level.total == pytest.approx(truth(seasonal, 637, 91), rel=0.1)


def test_without_evidence_the_bottom_up_forecast_counts_most():
    log = shop(60, lambda joined: 30, lambda age: 1 / (1 + age))
    level = estimate_level(log, 60, 45, {60: 1000.0})
    table = level.table.set_index("candidate")
    assert table["cutoffs"].max() == 0
    assert table["weight"].idxmax() == "bottom-up"
    assert not level.season_seen


def test_a_ratio_to_last_year_needs_its_whole_base_inside_the_log(seasonal):
    assert "top-down" not in candidates(seasonal, 363, 91, {})
    assert "retention" not in candidates(seasonal, 364 + 90, 91, {})
    assert {"top-down", "retention"} <= set(candidates(seasonal, 364 + 91, 91, {}))


def test_top_down_needs_newcomers():
    cohort = shop(500, lambda joined: 30 if joined < 60 else 0, lambda age: 1 / (1 + age))
    assert "top-down" not in candidates(cohort, 400, 60, {})


def test_newcomers_who_stop_leave_the_existing_customers_as_they_were():
    """Their share had risen to one, of the revenue that newcomers had brought a year ago: five times the truth."""
    log = shop(840, lambda joined: 2.0 * (joined < 700), lambda age: 3_000.0 if age == 0 else 0.05)
    for cutoff in (705, 715, 730):
        forecast = top_down(log.until(cutoff), cutoff, 91)
        assert 0.4 < forecast / truth(log, cutoff, 91) < 2.5


def test_before_the_season_of_a_summer_shop_top_down_reads_newcomers_growth_and_shares_of_the_year():
    def summer(day):
        """Return 1 in the twenty weeks of summer, 0 in the rest of the year."""
        return 120 <= day % 364 < 260

    log = shop(1000, lambda joined: summer(joined) * (2 + joined / 364), lambda age: 1 / (5 + age), summer)
    spring = 2 * 364 + 115
    assert log.revenue(spring - 91, spring) == 0
    forecasts = candidates(log.until(spring), spring, 91, {})
    assert forecasts["top-down"] == pytest.approx(truth(log, spring, 91), rel=0.2)
    assert growth(log, spring, 91) == pytest.approx(log.revenue(479, 843) / log.revenue(115, 479))


def test_stray_orders_before_the_season_tell_neither_its_growth_nor_its_share_of_existing_customers():
    def gifts(day):
        """Return 1 in the five weeks before Christmas, a twelfth in the rest of the year."""
        return 1.0 if 320 <= day % 364 < 355 else 1 / 12

    log = shop(1130, lambda joined: gifts(joined) ** 2 * (20 + joined / 20), lambda age: 1 / (5 + age), gifts)
    autumn = 2 * 364 + 300
    assert log.revenue(autumn - 91, autumn) > 0.04 * 91 * log.revenue(autumn - 364, autumn) / 364  # not dead
    forecasts = candidates(log.until(autumn), autumn, 91, {})
    assert forecasts["top-down"] == pytest.approx(truth(log, autumn, 91), rel=0.2)


def test_where_the_log_cannot_tell_growth_top_down_is_last_years_revenue():
    daily = 100.0 + np.arange(500)
    established = CohortRevenue(np.zeros(500, int), np.arange(500), daily, np.full(501, 50.0))
    assert np.isnan(growth(established, 380, 30))
    assert top_down(established, 380, 30) == pytest.approx(daily[16:46].sum())


def test_a_shop_that_rests_one_day_a_week_has_a_top_down_forecast_on_every_day():
    rests = shop(
        600, lambda joined: 30 * (joined % 7 != 5), lambda age: 1 / (1 + age), lambda day: day % 7 != 5
    )
    for cutoff in range(500, 507):
        assert top_down(rests, cutoff, 61) == pytest.approx(truth(rests, cutoff, 61), rel=0.1)


def test_a_log_that_begins_with_the_shop_trusts_its_first_months_less(seasonal):
    established = CohortRevenue(np.zeros(500, int), np.arange(500), np.full(500, 100.0), np.full(501, 50.0))
    doubts = [error_before(log, 370, 91, "top-down") for log in (established, seasonal)]
    assert doubts[0] == pytest.approx(np.hypot(0.12, 0.1))
    assert doubts[1] > 1.5 * doubts[0]


def test_a_year_of_365_days_is_forecast_from_a_log_of_as_many():
    steady = CohortRevenue(
        np.tile([0, 1], 730), np.repeat(np.arange(730), 2), np.ones(1460), np.full(731, 50.0)
    )
    assert top_down(steady, 365, 365) == pytest.approx(truth(steady, 365, 365), rel=0.01)


def test_a_miss_is_carried_forward_only_where_two_windows_agree():
    log = shop(400, lambda joined: 30 if joined < 30 else 0, lambda age: 1.0)
    right = {day: truth(log, day, 30) for day in range(90, 371)}
    low = {day: value / 1.2 for day, value in right.items()}
    assert agreed_miss(log, 370, 30, low) == pytest.approx(np.log(1.2))
    mixed = low | {day: 1.1 * right[day] for day in range(330, 341)}
    assert np.isnan(agreed_miss(log, 370, 30, mixed))
    assert np.isnan(agreed_miss(log, 130, 30, low))  # the second window would begin before day 90


def test_errors_of_a_cohort_that_was_young_say_little_of_it_when_old():
    log = shop(370, lambda joined: 30 if joined < 30 else 0, lambda age: 1 / (1 + age))
    steady = shop(370, lambda joined: 30, lambda age: 1 / (1 + age))
    past = [Past(day, 1.0, {}) for day in (60, 90, 120)]
    cohort, shop_like = (_evidence(one, 360, 90, past).sum() for one in (log, steady))
    assert cohort < 0.7 * shop_like


def test_growth_that_has_just_come_makes_top_down_doubtful():
    steady = shop(900, lambda joined: round(30 * np.exp(joined / 610)), lambda age: 1.0 / (1 + age))
    sudden = shop(900, lambda joined: 60 if joined >= 700 else 30, lambda age: 1.0 / (1 + age))
    assert growth(sudden, 820, 91) == pytest.approx(growth(steady, 820, 91), rel=0.1)
    assert error_before(sudden, 820, 91, "top-down") > 1.1 * error_before(steady, 820, 91, "top-down")


def test_a_candidate_hardly_tried_stays_near_the_reference():
    now = {"bottom-up": 100.0, "top-down": 390.0, "by age": 390.0}
    past = [Past(day, 100.0, {"bottom-up": 80.0}) for day in (30, 60)]
    held = _held(now, np.array([0.8, 0.1, 0.1]), [2, 1, 2], past)
    assert held == {"bottom-up": 100.0, "top-down": pytest.approx(200.0), "by age": 390.0}
    far = [Past(30, 100.0, {"bottom-up": 40.0})]
    assert _held(now, np.array([0.2, 0.2, 0.6]), [1, 1, 2], far)["top-down"] == pytest.approx(250.0)


def test_a_candidate_with_half_of_the_weight_stays_as_it_is_without_a_record():
    now = {"bottom-up": 400.0, "going on": 420.0, "top-down": 100.0, "retention": 110.0}
    held = _held(now, np.array([0.2, 0.1, 0.6, 0.1]), [9, 9, 0, 0], [Past(330, 100.0, {"bottom-up": 90.0})])
    assert held == pytest.approx({**now, "bottom-up": 400.0, "going on": 400.0, "retention": 200.0})


def test_a_candidate_whose_base_was_next_to_nothing_stays_within_a_factor_of_the_others():
    now = {"bottom-up": 18_000.0, "top-down": 20_000.0, "retention": 2_446_450.0, "by age": 19_000.0}
    held = _held(now, np.full(4, 0.25), [5, 5, 5, 5], [Past(900, 18_000.0, {"bottom-up": 300.0})])
    assert held == pytest.approx({**now, "retention": 4 * 19_000.0})


def test_candidates_without_a_season_that_are_wrong_together_do_not_hold_the_others():
    now = {"bottom-up": 900.0, "going on": 950.0, "by age": 1_000.0, "top-down": 100.0, "retention": 90.0}
    held = _held(
        now, np.array([0.02, 0.02, 0.02, 0.5, 0.44]), [9] * 5, [Past(900, 100.0, {"bottom-up": 100.0})]
    )
    assert (held["top-down"], held["going on"]) == pytest.approx((100.0, 400.0))


def test_a_large_miss_of_a_young_model_says_less_of_the_season_the_longer_the_horizon(seasonal):
    errors = [error_before(seasonal, 600, days, "bottom-up, season", ratio=8.0) for days in (30, 236)]
    assert errors[1] > 2 * errors[0]


def test_a_candidate_that_was_right_before_gains_weight():
    log = shop(300, lambda joined: 30 if joined < 30 else 0, lambda age: 1.0)
    right = {day: truth(log, day, 30) for day in past_days(270)}
    wrong = {day: 1.6 * value for day, value in right.items()}
    weights = [
        estimate_level(log, 270, 30, sums).table.set_index("candidate").at["bottom-up", "weight"]
        for sums in ({**right, 270: 900.0 * 30}, {**wrong, 270: 900.0 * 30})
    ]
    assert weights[0] > 0.3 > 0.05 > weights[1]


def test_the_interval_of_the_total_is_as_wide_as_earlier_errors():
    log = shop(300, lambda joined: 30 if joined < 30 else 0, lambda age: 1.0)
    off = {day: truth(log, day, 30) * (1.3 if i % 2 else 0.75) for i, day in enumerate(past_days(270))}
    wide = estimate_level(log, 270, 30, off | {270: 27_000.0})
    narrow = estimate_level(
        log, 270, 30, {day: truth(log, day, 30) for day in past_days(240)} | {270: 27_000.0}
    )
    assert wide.sigma > narrow.sigma
    low, high = narrow.interval(0.9)
    assert low < narrow.total < high
    assert np.median(narrow.factors(9)) == pytest.approx(1.0)


def test_the_interval_is_wider_where_the_forecasts_disagree():
    log = shop(300, lambda joined: 30 if joined < 30 else 0, lambda age: 1.0)
    right = {day: truth(log, day, 30) for day in past_days(240)}
    agreed, apart = (estimate_level(log, 270, 30, right | {270: sums}) for sums in (27_000.0, 54_000.0))
    assert apart.sigma > 1.5 * agreed.sigma


def test_the_interval_is_wider_where_the_log_does_not_hold_the_season(monkeypatch):
    steady = shop(500, lambda joined: 30, lambda age: 1 / (1 + age))
    right = {day: truth(steady, day, 15) for day in past_days(480)}
    seen = estimate_level(steady, 480, 15, right)
    monkeypatch.setattr("cltv_ml.models.level.SEASONAL", ())
    unseen = estimate_level(steady, 480, 15, right)
    assert (seen.season_seen, unseen.season_seen) == (True, False)
    assert unseen.total == pytest.approx(seen.total)
    assert unseen.sigma == pytest.approx(1.3 * seen.sigma, rel=0.01)


def test_one_absurd_forecast_does_not_make_the_interval_absurd():
    log = shop(300, lambda joined: 30 if joined < 30 else 0, lambda age: 1.0)
    wrong = {day: 1.8 * truth(log, day, 30) for day in past_days(240)}
    low, high = estimate_level(log, 270, 30, wrong | {270: 1e15}).interval()
    assert high < 30 * low


def test_a_log_that_tells_nothing_has_no_level():
    assert estimate_level(shop(10, lambda joined: 1, lambda age: 1.0), 10, 5, {}) is None


def test_a_holiday_that_moves_is_compared_with_itself():
    dates = [120, 120 + 364 + 21]  # three weeks later this year

    def easter(day):
        return 4.0 if any(0 <= date - day < 21 for date in dates) else 1.0

    daily = np.array([easter(day) for day in range(620)])
    log = CohortRevenue(np.zeros(620, int), np.arange(620), daily, np.full(621, 50.0))
    aware = replace(log, base=align({"Easter": dates}, 620))
    for cutoff in (455, 484):  # before last year's days, and between them and this year's
        wanted = truth(log, cutoff, 30)
        missed = [abs(top_down(one, cutoff, 30) / wanted - 1) for one in (aware, log)]
        assert missed[0] < 0.1 < missed[1]


def test_a_feast_of_weeks_given_by_its_first_and_last_day_is_compared_with_itself():
    first, last = [120, 120 + 354], [149, 149 + 354]  # ten days earlier this year
    base = align({"begins": first, "ends": last}, 620)
    feast = np.arange(first[1] - 28, last[1] + 8)
    assert (base[feast] == feast - 354).all()
    others = np.setdiff1d(np.arange(364, 620), feast)
    assert not np.isin(base[others], np.arange(first[0] - 28, last[0] + 8)).any()


def test_every_day_of_a_feast_is_as_good_as_its_first_one():
    """A feast of ten days: its last day meets last year's last day, as by two names, the first day's and the last's."""
    days, later = [*range(100, 110)], [*range(454, 464)]
    listed = align({"feast": [*days, *later]}, 800)
    assert listed[454:464].tolist() == days
    named = align({"begins": [100, 454], "ends": [109, 463]}, 800)
    assert listed[400:480].tolist() == named[400:480].tolist()


def test_without_holidays_last_year_is_364_days_before():
    log = shop(500, lambda joined: 1, lambda age: 1.0)
    same = replace(log, base=align({}, 500))
    assert log.last_year(450, 450, 480) == same.last_year(450, 450, 480) == log.revenue(86, 116)


def test_no_day_is_compared_with_one_that_the_cutoff_hides():
    log = shop(500, lambda joined: 1, lambda age: 1.0)
    late = replace(log, base=np.arange(500) - 10)
    assert late.last_year(400, 450, 480) == log.revenue(86, 116)


def test_an_untried_candidate_that_knows_no_season_does_not_outweigh_a_reference_that_was_wrong():
    log = shop(300, lambda joined: 30 if joined < 30 else 0, lambda age: 1.0)
    now = {"bottom-up": 100.0, "bottom-up, last misses": 120.0}
    weights = [
        weigh(log, 270, 30, now, [Past(day, 100.0, {"bottom-up": told}) for day in range(90, 241, 30)])[0]
        for told in (100.0, 160.0)
    ]
    assert weights[0][0] > 0.5
    assert weights[1][0] > 0.5
