r"""Breaks: months whose error is unusual, given customers' histories and the errors of earlier months.

A rival opens, prices are halved, a range is dropped: from one week to the next, all customers spend a different
multiple of what they spent before. A model of histories learns this order by order, and the record of a long horizon
only when its windows have ended. The last two months show it at once. Their errors are \(m = \log (K/B)\), what
existing customers spent over the bottom-up forecast for four weeks, minus last year's error in the same weeks if that
model had seen enough.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cltv_ml.models.level_candidates import SEASONED, SETTLED, WEEKS_YEAR, CohortRevenue, missed
from cltv_ml.models.level_closures import CLOSED

#: Days of a month: four of each weekday.
MONTH = 28

#: Largest error that counts (log units); in the month of a strike nothing is sold at all.
_LARGEST = 1.5

#: Prior error of months (log units): of two that agree, and of a single one; and the number of windows that it counts
#: as.
_USUAL_AGREED, _USUAL_SINGLE = 0.12, 0.18
_PRIOR_MONTHS = 2.0

#: Days of age that halve the weight of a month.
_MONTHS_HALVE = 365.0

#: A break counts if its square exceeds this multiple of the usual one.
_SURPRISE = 2.0

#: A bottom-up forecast that has begun to learn a break continues to learn, but keeps at least this share of its error.
_LEARNED_AT_MOST = 0.5

#: Share of an unexplained error of the last month that is added to the error, because it lasts or not with equal
#: chances.
_OPEN = 0.5


class Month(NamedTuple):
    """The error of a month (log units).

    `chance` is its standard deviation if orders of these sizes come at random; `compared` states whether last year's
    same month was subtracted.
    """

    miss: float
    chance: float
    compared: bool = True


@dataclass(frozen=True)
class Break:
    """Errors of the last months, given customers' histories and last year."""

    #: Log of what existing customers spend since over the bottom-up forecast, as far as the last two months agree.
    size: float = 0.0
    #: Share of it that counts as lasting, from 0 to 1: one minus twice the usual square over this one.
    believed: float = 0.0
    #: Further error of the last month, as far as it is unusual: the log does not show whether it lasts.
    open: float = 0.0

    def follow(self, total: float, forecasts: Mapping[str, float], weights: np.ndarray) -> float:
        """Return the total moved towards bottom-up forecasts at the level since the break."""
        after = self._after(forecasts, weights)
        return total if after is None else float(total ** (1 - self.believed) * after**self.believed)

    def doubt(self, total: float, forecasts: Mapping[str, float], weights: np.ndarray) -> float:
        """Return the log error from the uncertainty about a break."""
        after, error = self._after(forecasts, weights), _OPEN * self.open
        if after is None:
            return abs(error)
        apart = np.sqrt(self.believed * (1 - self.believed)) * np.log(after / total)
        return float(np.hypot(error, apart))

    def _after(self, forecasts: Mapping[str, float], weights: np.ndarray) -> float | None:
        own = np.array([name in ("bottom-up", "bottom-up, season") for name in forecasts])
        if not self.believed or not own.any():
            return None
        logs = np.log(list(forecasts.values()))
        return float(np.exp(np.average(logs[own], weights=weights[own]) + self.size))


def monthly_misses(log: CohortRevenue, days: Sequence[int], monthly: Mapping[int, float]) -> dict[int, Month]:
    """Return by day the month that begins there, if it has ended; `monthly` holds its bottom-up forecasts."""
    months = {}
    for day in days:
        if day + MONTH <= log.days and day - log.begins(log.days) >= SETTLED and monthly.get(day):
            miss, year_ago = _miss(log, day, monthly), day - WEEKS_YEAR
            compared = year_ago - log.begins(log.days) >= SEASONED and bool(monthly.get(year_ago))
            if compared:
                miss = _agreed(miss, miss - _miss(log, year_ago, monthly))
            months[day] = Month(float(np.clip(miss, -_LARGEST, _LARGEST)), random_spread(log, day), compared)
    return months


def find_break(months: Mapping[int, Month], cutoff: int) -> Break:
    """Return the break that the months before a cutoff show, from `monthly_misses` by day."""
    days = sorted((day for day in months if day + MONTH <= cutoff), reverse=True)
    if not days:
        return Break()
    singles = [months[day].miss for day in days]
    pairs = [_lasting(later, before) for later, before in itertools.pairwise(singles)]
    # Without last year a break and a season look alike.
    comparable = len(days) > 1 and all(months[day].compared for day in days[:2])
    size = pairs[0] if comparable and not _closed(*singles[:2]) else 0.0
    chance = months[days[0]].chance
    ages = cutoff - np.array(days, dtype=np.float64)
    believed = _surprise(size, pairs[2:], ages[2:-1], _USUAL_AGREED, chance)
    rest = singles[0] - believed * size
    unusual = _surprise(rest, singles[1:], ages[1:], _USUAL_SINGLE, chance)
    return Break(size, believed, float(np.sqrt(unusual)) * rest)


def _miss(log: CohortRevenue, day: int, monthly: Mapping[int, float]) -> float:
    """Return the log of the spend in the month from a day on over its bottom-up forecast."""
    return float(np.log(max(missed(log, day, MONTH, monthly), np.exp(-_LARGEST))))


def random_spread(log: CohortRevenue, day: int) -> float:
    """Return the relative standard deviation of a month's revenue if purchases of these sizes come at random.

    Where a few customers bring most of it, a month without them is no break. Purchases of one day by customers of one
    first day count as one, so it is too large in a log with few first days.
    """
    days = min(WEEKS_YEAR, day)
    counted = (log.day < day) & (log.day >= day - days)
    amounts = log.amount[counted]
    return float(np.sqrt(days / MONTH * (amounts @ amounts))) / max(float(amounts.sum()), 1e-9)


def _agreed(one: float, other: float) -> float:
    """Return the smaller of two misses, 0 where they have opposite signs."""
    return 0.0 if one * other <= 0 else float(min(one, other, key=abs))


def _closed(later: float, before: float) -> bool:
    """Return whether almost nothing was spent in a month that follows one with at least half of the usual spend."""
    return later <= np.log(CLOSED) and before > np.log(0.5)


def _lasting(later: float, before: float) -> float:
    """Return the part of the error that two consecutive months share.

    Where the later one missed less, forecasts have begun to learn, and have learned as much again by now.
    """
    agreed = _agreed(later, before)
    return agreed * max(_LEARNED_AT_MOST, later / before) if abs(later) < abs(before) else agreed


def _surprise(miss: float, earlier: Sequence[float], ages: np.ndarray, usual: float, chance: float) -> float:
    """Return from 0 to 1 how unusual an error is: one minus `_SURPRISE` usual squares over its own."""
    weights = 0.5 ** (ages / _MONTHS_HALVE)
    squares = _PRIOR_MONTHS * usual**2 + weights @ np.square(earlier)
    square = max(float(squares / (_PRIOR_MONTHS + weights.sum())), chance**2)
    return max(0.0, 1 - _SURPRISE * square / max(miss**2, 1e-12))
