"""The total of trees among the forecasts of the level."""

from dataclasses import replace

import numpy as np
import pytest

from cltv_ml.models.level import estimate_level
from cltv_ml.models.level_candidates import CohortRevenue
from cltv_ml.models.level_learned import add_learned
from cltv_ml.models.level_priors import LEARNED, error_before


@pytest.fixture(scope="module")
def level():
    """A shop that takes 10 a day for 500 days, and a bottom-up forecast that was a third too high."""
    day = np.arange(500)
    log = CohortRevenue(np.zeros(500, int), day, np.full(500, 10.0), np.ones(501))
    return estimate_level(log, 500, 91, dict.fromkeys(range(29, 501), 1213.0))


def weight(level):
    return level.table.set_index("candidate")["weight"][LEARNED]


def test_trees_that_were_right_before_gain_weight_and_those_that_were_wrong_lose_it(level):
    right = add_learned(level, 910.0, {91: 0.0, 121: 0.01, 182: -0.01, 273: 0.0})
    wrong = add_learned(level, 910.0, {91: 0.5, 121: -0.4, 182: 0.5, 273: -0.5})
    unknown = add_learned(level, 910.0, {})
    assert weight(right) > weight(unknown) > weight(wrong)


def test_the_record_of_the_trees_counts_at_the_nearest_day_of_the_level(level):
    found = add_learned(level, 910.0, {96: 0.0, 1000: 0.0})
    assert found.table.set_index("candidate")["cutoffs"][LEARNED] == 1


def test_trees_say_less_once_last_year_is_in_the_log(level):
    short, long = (error_before(level.basis.log, cutoff, 91, LEARNED) for cutoff in (363, 365))
    assert short < 0.7 * long


def test_trees_that_expect_nothing_change_nothing(level):
    assert add_learned(level, 0.0, {91: 0.0}) is level


def test_the_notes_stay(level):
    assert add_learned(replace(level, notes=("closed",)), 910.0, {}).notes == ("closed",)


def test_the_latest_window_counts_whatever_the_horizon(level):
    log, tried = level.basis.log, []
    for horizon in (30, 44, 75, 100):
        own = estimate_level(log, 500, horizon, dict.fromkeys(range(29, 501), 13.3 * horizon))
        found = add_learned(own, 10.0 * horizon, {horizon: 0.0})
        tried.append(int(found.table.set_index("candidate")["cutoffs"][LEARNED]))
    assert tried == [1, 1, 1, 1]
