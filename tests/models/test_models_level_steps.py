"""Steps: what lay before one is no base for a ratio to last year."""

from dataclasses import replace

import numpy as np
import pytest

from cltv_ml.models.level import estimate_level
from cltv_ml.models.level_candidates import CohortRevenue, candidates
from cltv_ml.models.level_steps import last_step


def shop(revenue):
    days = len(revenue)
    day = np.arange(days)
    return CohortRevenue(
        np.where(day % 2, 0, day), day, np.asarray(revenue, float), np.arange(days + 1.0) * 100
    )


DAY = np.arange(800)


def test_a_till_that_recorded_a_part_at_first_is_a_step():
    assert last_step(shop(np.where(DAY < 365, 15.0, 100.0))) == 365


@pytest.mark.parametrize(
    "revenue",
    [
        np.full(800, 100.0),
        np.exp(DAY / 150),
        np.where((DAY % 364 > 150) & (DAY % 364 < 270), 500.0, 50.0),
        np.exp(DAY / 230) * np.where((DAY % 364 > 150) & (DAY % 364 < 290), 300.0, 100.0),
        np.where(DAY == 400, 50_000.0, 100.0),
        np.where(DAY < 750, 15.0, 100.0),
    ],
    ids=["none", "growth", "a season that ends", "a season that grows", "one large order", "too new to tell"],
)
def test_what_ends_again_or_comes_slowly_is_no_step(revenue):
    assert last_step(shop(revenue)) == 0


def test_no_ratio_to_last_year_reaches_behind_a_step():
    log = shop(np.where(DAY < 365, 15.0, 100.0))
    bottom_up = dict.fromkeys(range(801), 5_000.0)
    names = {"top-down", "retention", "bottom-up, season"}
    assert names & set(candidates(log, 700, 91, bottom_up)) == names
    stepped = replace(log, step=365)
    assert not names & set(candidates(stepped, 700, 91, bottom_up))
    assert "top-down" in candidates(stepped, 365 + 364 + 30, 40, bottom_up)


def test_windows_that_a_step_falls_into_are_no_record():
    log = replace(shop(np.where(DAY < 365, 15.0, 100.0)), step=365)
    record = estimate_level(log, 800, 91, {}).record
    assert not ((record["day"] < 365) & (record["day"] + 91 > 365)).any()
