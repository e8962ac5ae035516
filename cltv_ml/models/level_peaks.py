r"""Peaks that have ended: the first Christmas of a log that holds no earlier year.

Averages of the last months, and models fitted on them, continue a peak after its end, because no candidate knows that
it was a season. The last two weeks show that it is over.
"""

from __future__ import annotations

import numpy as np

from cltv_ml.models.level_breaks import random_spread
from cltv_ml.models.level_candidates import LARGEST_MISS, LEAST_DAYS, QUARTER, WEEKS_YEAR, CohortRevenue

#: Days at the end of the log whose revenue shows whether a peak is over: two of each weekday.
_TWO_WEEKS = 14

#: A peak is four weeks of the last quarter above the median of earlier four weeks by this much (log units). It is
#: over once revenue has fallen by this much, and by more than twice the standard deviation that a month has by
#: chance.
_PEAK, _FALLEN, _BY_CHANCE = 0.4, 0.3, 2.0

#: Share of the way from the forecast to the rate of the last two weeks.
_FOLLOWED = 0.7


def after_peak(log: CohortRevenue, cutoff: int, horizon: int, total: float, seasonal: bool) -> float:
    r"""Return a total moved towards the rate since a peak that has ended; unchanged if there was none.

    With \(r\) what existing customers would spend in the horizon at the rate of the last two weeks, the log of the
    total \(L\) changes by seven tenths of \(\log (r / L)\), if this is negative, and of half a log unit at most.

    Parameters
    ----------
    seasonal
        Whether a candidate knows last year's season; the total then stays as it is.
    """
    if seasonal or not peak_ended(log, cutoff, horizon):
        return total
    since = log.revenue(cutoff - _TWO_WEEKS, cutoff, known=cutoff - _TWO_WEEKS)
    apart = np.log(max(since, 1e-9) * horizon / _TWO_WEEKS / total)
    return total * float(np.exp(_FOLLOWED * np.clip(apart, -LARGEST_MISS, 0.0)))


def peak_ended(log: CohortRevenue, cutoff: int, horizon: int) -> bool:
    """Return whether revenue rose and fell again within the last quarter, and would not rise again in the horizon.

    A log with less than eight weeks before that quarter does not show the usual revenue. Two weeks without any
    purchase are a closure, or lie between the dates of a month, and do not end a peak.
    """
    begins, recent = log.begins(cutoff), cutoff - QUARTER
    last = log.revenue(cutoff - _TWO_WEEKS, cutoff) * LEAST_DAYS / _TWO_WEEKS
    if recent - begins < 2 * LEAST_DAYS or horizon > WEEKS_YEAR - QUARTER or last <= 0:
        return False
    starts = range(begins, cutoff - LEAST_DAYS + 1)
    months = np.array([log.revenue(start, start + LEAST_DAYS) for start in starts])
    peak, usual = months[recent - begins :].max(), np.median(months[: recent - begins])
    fallen = max(_FALLEN, _BY_CHANCE * random_spread(log, cutoff))
    return bool(peak > usual * np.exp(_PEAK) and last < peak * np.exp(-fallen))
