"""Steps: days on which a shop's sales change by a factor, permanently."""

from __future__ import annotations

import numpy as np

from cltv_ml.models.level_candidates import QUARTER, WEEKS_YEAR, CohortRevenue

#: Smallest ratio of a usual week after a step to one before it, or the reverse.
LEAST_RATIO = 2.5

#: Smallest ratio of the first week after it to the last week before it: a step is sudden, growth and seasons are not.
AT_ONCE = 2.0

#: Days on either side that define the usual weeks; a `QUARTER` must agree with them.
NEAR = 28


def last_step(log: CohortRevenue) -> int:
    """Return the day of the last step of a log, 0 where there is none.

    Examples are a till that at first recorded only part of the sales, a second shop, or a chain that was taken over:
    sales before the step say nothing about the rest of the year. A season that opens or ends abruptly is not a step,
    since such sales occurred before, nor is one that also grows, since the same days of another year change as well.
    """
    sums = np.concatenate([[0.0], np.cumsum(np.bincount(log.day, weights=log.amount, minlength=log.days))])
    steps = [
        (_jump(sums, day, 7), day)
        for day in np.flatnonzero(_jumps_near(sums) >= np.log(LEAST_RATIO)).tolist()
        if QUARTER <= day < log.days - QUARTER and _is_step(sums, day)
    ]
    if not steps:
        return 0
    last = max(day for _, day in steps)
    return max((jump, day) for jump, day in steps if last - day <= NEAR)[1]


def _is_step(sums: np.ndarray, day: int) -> bool:
    """Return whether a change seen around a day was sudden, permanent, and the first of its kind."""
    if _jump(sums, day, 7) < np.log(AT_ONCE) or _beyond_other_years(sums, day) < np.log(LEAST_RATIO):
        return False
    before, after = _usual_week(sums, day - QUARTER, day), _usual_week(sums, day, day + QUARTER)
    sign, middle = np.sign(after - before), np.sqrt(before * after)
    earlier = np.array([_usual_week(sums, one, one + NEAR) for one in range(0, day - NEAR + 1, 7)])
    later = np.array([_usual_week(sums, one, one + NEAR) for one in range(day, len(sums) - NEAR, 7)])
    return bool((sign * (earlier - middle) < 0).all() and (sign * (later - middle) > 0).all())


def _beyond_other_years(sums: np.ndarray, day: int) -> float:
    """Return the size of the change over a quarter beyond that on the same days of other years, as far as known."""
    here, last = _log_ratio_at(sums, day, QUARTER), len(sums) - 1 - QUARTER
    before, after = (
        range(day - WEEKS_YEAR, QUARTER - 1, -WEEKS_YEAR),
        range(day + WEEKS_YEAR, last + 1, WEEKS_YEAR),
    )
    others = [_log_ratio_at(sums, other, QUARTER) for other in (*before, *after)]
    return min(np.sign(here) * (here - other) for other in (0.0, *others))


def _jump(sums: np.ndarray, day: int, days: int) -> float:
    """Return the size of the change at a day."""
    return abs(_log_ratio_at(sums, day, days))


def _jumps_near(sums: np.ndarray) -> np.ndarray:
    """Return `_jump` over `NEAR` days at each day; 0 where the log does not hold these."""
    weeks = sums[7:] - sums[:-7]
    count = max(len(weeks) - NEAR + 7, 0)
    usual = np.median([weeks[since : since + count] for since in range(0, NEAR, 7)], axis=0)
    before, after = usual[:-NEAR], usual[NEAR:]
    jumps, sold = np.zeros(len(sums)), np.flatnonzero((before > 0) & (after > 0))
    jumps[NEAR + sold] = np.abs(np.log(after[sold] / before[sold]))
    return jumps


def _log_ratio_at(sums: np.ndarray, day: int, days: int) -> float:
    """Return the log ratio of the usual weeks after a day and before it; 0 where nothing was sold."""
    before, after = _usual_week(sums, day - days, day), _usual_week(sums, day, day + days)
    return float(np.log(after / before)) if before > 0 and after > 0 else 0.0


def _usual_week(sums: np.ndarray, since: int, until: int) -> float:
    """Return the median weekly revenue of some days, which one large order does not move."""
    edges = sums[since : until + 1 : 7]
    return float(np.median(np.diff(edges)))
