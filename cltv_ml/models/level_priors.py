"""Prior errors of the forecasts of the level, before their errors at earlier cutoffs are read."""

from __future__ import annotations

import numpy as np

from cltv_ml.models.level_by_cohort import DRIFTING
from cltv_ml.models.level_candidates import QUARTER, SEASONED, WEEKS_YEAR, CohortRevenue, growth, started

#: The reference candidate, with which the others are compared.
REFERENCE = "bottom-up"

#: The total of trees that learned from labels (`models.level_learned`).
LEARNED = "trees"

#: Candidates that know last year's season.
SEASONAL = ("top-down", "retention", "bottom-up, season", DRIFTING)

#: The prior log error of each candidate. A customer model and the ratios to last year with the fewest assumptions are
#: trusted most; a candidate that repeats the last horizon is trusted least.
_BEFORE = {
    REFERENCE: 0.12,
    LEARNED: 0.12,
    "top-down": 0.12,
    "bottom-up, season": 0.12,
    DRIFTING: 0.15,
    "bottom-up, last misses": 0.15,
    "retention": 0.2,
}
_BEFORE_OTHERS = 0.3

#: The prior log error of trees where last year is in the log: their total reflects the seasons they learned from.
_LEARNED_IN_SEASON = 0.2

#: A log whose revenue per day is less than this multiple of its first month's began in the middle of the shop's life.
#: Its first customers had bought before and look like a better cohort, so the forecast by cohort is trusted least.
_BEGAN_WITH_SHOP = 1.5

#: Error per unit of log growth in a ratio to last year: a shop twice as large as a year ago (log 2) adds .07, because
#: last year's ratio then holds that year's growth as well as the season.
_GROWTH_DOUBT = 0.1

#: Error of top-down per log unit by which growth changed within the last quarter, for a horizon of a quarter: growth
#: that has just begun or is ending does not continue.
_UNSTEADY_DOUBT = 0.25

#: Error where the log is too short to measure growth, and where the log began with the shop and its first months are
#: the base of a ratio (per log unit by which the whole log exceeds them).
_UNKNOWN_GROWTH = 0.1
_BEGINNING_DOUBT = 0.5

#: Error per log unit of bottom-up's miss of last year, for a horizon as long as the log was then: a model of few days
#: misses a long horizon because it knows few customers well, not only because of the season.
_YOUNG_MISS_DOUBT = 0.2


def error_before(log: CohortRevenue, cutoff: int, horizon: int, name: str, ratio: float = 1.0) -> float:
    """Return the prior log error of a candidate, before its errors at earlier cutoffs are read.

    `ratio` is its total over the reference's.
    """
    error = _BEFORE.get(name, _BEFORE_OTHERS)
    if name == LEARNED and cutoff - WEEKS_YEAR >= log.begins(cutoff):
        error = _LEARNED_IN_SEASON
    if name == DRIFTING and started(log, cutoff) < _BEGAN_WITH_SHOP:
        error = _BEFORE_OTHERS
    if name not in SEASONAL:  # it continues what the log has shown, with less certainty for longer
        return error * float(np.sqrt(1 + horizon / cutoff))
    grown = growth(log, cutoff, horizon)
    unsure = _GROWTH_DOUBT * np.log(grown) if np.isfinite(grown) and grown > 0 else _UNKNOWN_GROWTH
    if name == "top-down":
        unsure = float(np.hypot(unsure, _unsteady(log, cutoff, horizon, grown)))
    if name == "bottom-up, season":
        length = horizon / (cutoff - WEEKS_YEAR - log.begins(cutoff))
        unsure = float(np.hypot(unsure, _YOUNG_MISS_DOUBT * np.log(ratio) * length))
    young = cutoff - WEEKS_YEAR < SEASONED
    ramp = np.log(max(1.0, started(log, cutoff))) if young else 0.0
    return float(np.sqrt(error**2 + unsure**2 + (_BEGINNING_DOUBT * ramp) ** 2))


def _unsteady(log: CohortRevenue, cutoff: int, horizon: int, grown: float) -> float:
    """Return the log error from growth that has changed within a quarter; from all growth where that is unknown."""
    if not (np.isfinite(grown) and grown > 0):
        return 0.0
    earlier = growth(log, cutoff - QUARTER, horizon)
    change = np.log(grown / earlier) if np.isfinite(earlier) and earlier > 0 else np.log(grown)
    return _UNSTEADY_DOUBT * float(change) * float(np.sqrt(max(1.0, horizon / QUARTER)))
