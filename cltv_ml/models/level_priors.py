"""Errors expected of each forecast of the level before its record is read."""

from __future__ import annotations

import numpy as np

from cltv_ml.models.level_candidates import QUARTER, SEASONED, WEEKS_YEAR, CohortRevenue, growth, started

#: The candidate that the others are measured against.
REFERENCE = "bottom-up"

#: The total of trees that learned from labels (`models.level_learned`).
LEARNED = "trees"

#: Candidates that know last year's season.
SEASONAL = ("top-down", "retention", "bottom-up, season")

#: The log error that a candidate is expected to have before its record is read. A model of customers and the ratios
#: to last year that need fewest assumptions are trusted most; what takes the last horizon for the next one least.
_BEFORE = {
    REFERENCE: 0.12,
    LEARNED: 0.12,
    "top-down": 0.12,
    "bottom-up, season": 0.12,
    "bottom-up, last misses": 0.15,
    "retention": 0.2,
}
_BEFORE_OTHERS = 0.3

#: What is expected of trees where last year is in the log: their total is that of the seasons they learned from.
_LEARNED_IN_SEASON = 0.2

#: By how much growth makes a ratio to last year doubtful: a shop twice as large as a year ago (log 2) adds an error of
#: .07. Last year's ratio then holds the growth of that time as well as the season.
_GROWTH_DOUBT = 0.1

#: What growth adds to top-down by how much it changed within the last quarter (log units), for a horizon of a quarter:
#: growth that has just come, or is going, is not carried on.
_UNSTEADY_DOUBT = 0.25

#: What growth adds where the log is too short to tell it, and what a log that began with the shop adds as long as its
#: first months are the base of a ratio (by log units that the whole log lies above them).
_UNKNOWN_GROWTH = 0.1
_BEGINNING_DOUBT = 0.5

#: What last year's miss of bottom-up adds by its size (log units), for a horizon as long as the log then was: a model
#: of few days misses a long horizon because it knows few customers well, and not for the season alone.
_YOUNG_MISS_DOUBT = 0.2


def error_before(log: CohortRevenue, cutoff: int, horizon: int, name: str, ratio: float = 1.0) -> float:
    """Return the log error expected of a candidate before its record is read.

    `ratio` is its total over the reference's.
    """
    error = _BEFORE.get(name, _BEFORE_OTHERS)
    if name == LEARNED and cutoff - WEEKS_YEAR >= log.begins(cutoff):
        error = _LEARNED_IN_SEASON
    if name not in SEASONAL:  # it goes on with what the log has shown: for longer with less certainty
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
    """Return the log error that comes of growth which was another a quarter ago; all of it where that is unknown."""
    if not (np.isfinite(grown) and grown > 0):
        return 0.0
    earlier = growth(log, cutoff - QUARTER, horizon)
    change = np.log(grown / earlier) if np.isfinite(earlier) and earlier > 0 else np.log(grown)
    return _UNSTEADY_DOUBT * float(change) * float(np.sqrt(max(1.0, horizon / QUARTER)))
