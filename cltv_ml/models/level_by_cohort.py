"""Spend by age and cohort as another candidate for the level: each cohort may stay shorter than the one before.

The other candidates assume that customers of an age spend what customers of that age did in an earlier window. Where
lifetimes fall from cohort to cohort, they are all too high.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cltv_ml.models.calendar_rate import SEASON_DAYS
from cltv_ml.models.level_candidates import (
    LEAST_CUSTOMERS,
    QUARTER,
    WEEKS_YEAR,
    CohortRevenue,
    candidates,
)
from cltv_ml.models.value_by_age import fit_value_by_age

#: The candidate's name.
DRIFTING = "by age and cohort"

#: A first day of the log: the season that is fitted does not depend on it.
_ANY_START = pd.Timestamp("2000-01-01")


def every_candidate(
    log: CohortRevenue, cutoff: int, horizon: int, bottom_up: Mapping[int, float]
) -> dict[str, float]:
    """Return the forecasts of `candidates` and that by age and cohort."""
    return candidates(log, cutoff, horizon, bottom_up) | by_age_and_cohort(log, cutoff, horizon)


def by_age_and_cohort(log: CohortRevenue, cutoff: int, horizon: int) -> dict[str, float]:
    """Return the candidate's forecast under its name, if the log holds its season and enough customers; else nothing.

    It knows no step (`level_steps`), so it is left out where the log holds one.
    """
    is_long = cutoff >= SEASON_DAYS + QUARTER and horizon <= WEEKS_YEAR + 2
    if not is_long or log.begins(cutoff) > 0 or log.customers(cutoff - QUARTER) < LEAST_CUSTOMERS:
        return {}
    value = fit_value_by_age(log.until(cutoff), _ANY_START, horizon, drifting=True)
    total = float(value.known(value.repeat.mean[None], cutoff + np.arange(horizon)).sum())
    return {DRIFTING: total} if np.isfinite(total) and total > 0 else {}
