"""The level's forecast by age and cohort, in shops whose truth is known without chance."""

from dataclasses import replace

import numpy as np
import pytest

from cltv_ml.models.level import estimate_level, past_days
from cltv_ml.models.level_by_cohort import DRIFTING, by_age_and_cohort
from cltv_ml.models.level_candidates import CohortRevenue, by_age, candidates
from cltv_ml.models.level_priors import error_before

CUTOFF, HORIZON = 800, 91


def shop_of_lifetimes(lifetime):
    """Return a shop with a season that wins 90 customers every third day, who stay `lifetime(day of joining)` days."""
    days = np.arange(CUTOFF + HORIZON)
    joined, day = np.meshgrid(days[::3], days, indexing="ij")
    some = day >= joined
    joined, day = joined[some], day[some]
    season = 1 + 0.3 * np.cos(2 * np.pi * day / 364)
    spent = 90 * season * np.exp(-(day - joined) / lifetime(joined))
    return CohortRevenue(joined, day, spent, np.concatenate([[0.0], np.cumsum(90.0 * (days % 3 == 0))]))


@pytest.fixture(scope="module")
def falling():
    """Lifetimes fall from 400 to 54 days."""
    return shop_of_lifetimes(lambda day: 400 * np.exp(-2 * day / CUTOFF))


def miss(log, forecast):
    return np.log(forecast / log.revenue(CUTOFF, CUTOFF + HORIZON, known=CUTOFF))


def test_cohorts_that_stay_shorter_than_those_before_are_forecast_to_spend_less(falling):
    forecast = by_age_and_cohort(falling, CUTOFF, HORIZON)[DRIFTING]
    assert abs(miss(falling, forecast)) < 0.12
    assert miss(falling, by_age(falling, CUTOFF, HORIZON)) > 0.3


def test_cohorts_that_are_alike_are_forecast_alike():
    steady = shop_of_lifetimes(lambda day: np.full(day.shape, 150.0))
    assert abs(miss(steady, by_age_and_cohort(steady, CUTOFF, HORIZON)[DRIFTING])) < 0.05


def test_the_level_follows_shorter_lifetimes_where_other_candidates_miss_them(falling, monkeypatch):
    days = past_days(CUTOFF)
    blind = {day: (1 + 0.5 * day / CUTOFF) * falling.revenue(day, day + HORIZON, known=day) for day in days}
    before = falling.until(CUTOFF)
    with_it = miss(falling, estimate_level(before, CUTOFF, HORIZON, blind).total)
    monkeypatch.setattr("cltv_ml.models.level.every_candidate", candidates)
    without = miss(falling, estimate_level(before, CUTOFF, HORIZON, blind).total)
    assert abs(with_it) < 0.7 * without


def test_a_log_without_a_season_after_a_step_or_of_few_customers_has_no_forecast_by_cohort(falling):
    assert by_age_and_cohort(falling, 455, HORIZON) == {}
    assert by_age_and_cohort(replace(falling, step=300), CUTOFF, HORIZON) == {}
    few = replace(falling, joined=falling.joined / 1000)
    assert by_age_and_cohort(few, CUTOFF, HORIZON) == {}


def test_the_first_cohorts_of_a_log_that_begins_in_the_middle_do_not_show_falling_lifetimes(falling):
    more = falling.amount * np.where(falling.day < 30, 10.0, 1.0)
    middle = CohortRevenue(falling.first, falling.day, more, falling.joined)
    errors = [error_before(log, CUTOFF, HORIZON, DRIFTING) for log in (falling, middle)]
    assert errors[1] > 1.8 * errors[0]
