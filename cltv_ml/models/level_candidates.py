r"""Candidate forecasts of existing customers' total spend, from revenue by first day and day alone.

Let \(A(a, b)\) be the revenue of the days \(a \le t < b\), \(K_k(a, b)\) the part of it from customers first seen
before day \(k\), \(c\) the cutoff, \(h\) the horizon and \(y = c - 364\) the same weekday a year before. The quantity
to forecast is \(L(c) = K_c(c, c + h)\). Every formula reads days before \(c\) only.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cltv_ml.models.level_share import without_newcomers

#: Days in a year of whole weeks: a window of last year holds the same weekdays.
WEEKS_YEAR = 364

#: Days between the cutoffs at which candidates are tried: a twelfth of a year, so that each has one a year before.
PACE = WEEKS_YEAR / 12

#: Fewest days of revenue in the base of a ratio.
LEAST_DAYS = 28

#: Days of history that a bottom-up forecast of last year needs before it may be compared with the realised total.
#: Before that, nearly all customers look new to the model, so its miss reflects the start of the log, not the season.
SEASONED = 150

#: Days of history before a miss of the bottom-up forecast may be carried forward.
SETTLED = 90

#: Largest error carried forward (log units), so that one unusual window does not decide.
LARGEST_MISS = 0.5

#: Fewest days over which growth and newcomers are measured: a month's revenue depends on a few orders.
QUARTER = 91

#: Share of the last quarter's revenue that newcomers must bring for last year's revenue to be comparable with this
#: year's. In a cohort without successors, the same days of last year show the cohort when it was young.
LEAST_NEW = 0.03

#: Days on which less is sold per day than this share of a usual day of the year belong to a dead season: a shop that
#: sells in summer only shows neither growth nor newcomers in spring.
DEAD = 0.04

#: Days that sold less per day than this share of the forecast's days, both a year ago, show neither growth nor the
#: share of existing customers: a month of stray orders before Christmas says nothing about Christmas.
QUIET = 0.25

#: Approximate days of a step in which the share of existing customers is measured. A horizon is cut into equal steps,
#: because a short last one might fall on days when the shop was closed.
LAG = 30

#: Fewest customers behind a rate by age; smaller groups are joined with the next older one.
LEAST_CUSTOMERS = 30

#: Ages at which groups begin, in horizons.
AGE_GROUPS = (0.0, 1 / 6, 1 / 3, 2 / 3, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)


@dataclass(frozen=True)
class CohortRevenue:
    """Revenue by customers' first day and by day, days counted from the log's first."""

    #: One entry per pair of days with revenue.
    first: np.ndarray
    day: np.ndarray
    amount: np.ndarray
    #: Customers first seen before each day, from day 0 to the last plus one.
    joined: np.ndarray
    #: The day of last year that each past or future day is compared with (`level_holidays.align`); 364 days
    #: before if None.
    base: np.ndarray | None = None
    #: Day before which the log does not show the rest of the year (`level_steps.last_step`).
    step: int = 0
    _sums: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def days(self) -> int:
        """Length of the log."""
        return len(self.joined) - 1

    def until(self, day: int) -> CohortRevenue:
        """Return the log before a day."""
        before = self.day < day
        first, when, amount = (one[before] for one in (self.first, self.day, self.amount))
        return CohortRevenue(first, when, amount, self.joined[: day + 1], self.base, self.step)

    def revenue(self, since: int, until: int, known: int | None = None) -> float:
        """Return the revenue of the days from `since` to before `until`, by customers first seen before `known`."""
        sums = self._summed_until(known)
        return float(sums[min(max(until, 0), self.days)] - sums[min(max(since, 0), self.days)])

    def last_year(self, cutoff: int, since: int, until: int, known: int | None = None) -> float:
        """Return the revenue of the days of last year that those from `since` to before `until` are compared with.

        A day that would be compared with one from the cutoff on is compared with the one 364 days before.
        """
        if self.base is None or until > len(self.base):
            return self.revenue(since - WEEKS_YEAR, until - WEEKS_YEAR, known)
        days = np.arange(since, until)
        base = self.base[days]
        base = np.clip(np.where((base < 0) | (base >= cutoff), days - WEEKS_YEAR, base), 0, self.days - 1)
        sums = self._summed_until(known)
        return float((sums[base + 1] - sums[base]).sum())

    def _summed_until(self, known: int | None) -> np.ndarray:
        """Return the revenue before each day by customers first seen before `known`, all if None."""
        cut = self.days if known is None else min(max(known, 0), self.days)
        if cut not in self._sums:
            counted = self.first < cut
            daily = np.bincount(self.day[counted], weights=self.amount[counted], minlength=self.days)
            self._sums[cut] = np.concatenate([[0.0], np.cumsum(daily)])
        return self._sums[cut]

    def begins(self, cutoff: int) -> int:
        """Return the first day that may be the base of a ratio at a cutoff."""
        return self.step if self.step < cutoff else 0

    def customers(self, before: int) -> int:
        """Return the number of customers first seen before a day."""
        return int(self.joined[min(max(before, 0), self.days)])

    def log_age(self, at: int) -> float:
        """Return the mean logarithm of the ages in days of the customers known at a day."""
        newcomers = np.diff(self.joined[: at + 1])
        return float(newcomers @ np.log(at - np.arange(at)) / max(newcomers.sum(), 1.0))


def candidates(
    log: CohortRevenue, cutoff: int, horizon: int, bottom_up: Mapping[int, float]
) -> dict[str, float]:
    r"""Return the forecasts of \(L(c)\) by the candidates whose whole base is in the log.

    Parameters
    ----------
    bottom_up
        The sum of a probabilistic model's values by cutoff, fitted on the log before each.
    """
    year_ago, history = cutoff - WEEKS_YEAR, cutoff - WEEKS_YEAR - log.begins(cutoff)
    totals = {"bottom-up": bottom_up.get(cutoff, np.nan)}
    if cutoff - log.begins(cutoff) >= horizon + LEAST_DAYS:
        totals["going on"] = log.revenue(cutoff - horizon, cutoff, known=cutoff - horizon)
        totals["by age"] = by_age(log, cutoff, horizon)
    totals["bottom-up, last misses"] = totals["bottom-up"] * np.exp(
        agreed_miss(log, cutoff, horizon, bottom_up)
    )
    if horizon <= WEEKS_YEAR + 2 and history >= 0 and newcomers(log, cutoff, horizon) >= LEAST_NEW:
        totals["top-down"] = top_down(log, cutoff, horizon)
    if history >= horizon <= WEEKS_YEAR + 2:
        totals["retention"] = retention_by_age(log, cutoff, horizon)
    if history >= SEASONED and horizon <= WEEKS_YEAR + 2:
        days = min(horizon, WEEKS_YEAR)  # of last year's 365 days one is not over yet
        spent = log.last_year(cutoff, cutoff, cutoff + days, known=year_ago) * horizon / days
        totals["bottom-up, season"] = totals["bottom-up"] * _ratio(spent, bottom_up.get(year_ago, np.nan))
    return {name: total for name, total in totals.items() if np.isfinite(total) and total > 0}


def top_down(log: CohortRevenue, cutoff: int, horizon: int) -> float:
    r"""Return last year's revenue of the same days times growth times the existing customers' share:

    \[ g \sum_u A(y+u, y+u+30) \; \frac{K_{d}(d+u, d+u+30)}{A(d+u, d+u+30)}, \qquad d = c - u - 30. \]

    The share is the latest one measured at the same lag \(u\) after a cutoff; that of last year's window where these
    days are quiet, and that of the lag before where the log is too short. The growth \(g\) is one where last
    year has too few days before \(y\) to measure it. What a change of the share owes to newcomers who stay away, or
    come in crowds, is taken out (`without_newcomers`).
    """
    total, share = 0.0, float("nan")
    grown = growth(log, cutoff, horizon)
    grown = grown if np.isfinite(grown) else 1.0
    edges = np.linspace(0, horizon, max(1, round(horizon / LAG)) + 1).round().astype(int).tolist()
    for start, end in itertools.pairwise(edges):
        then = cutoff - end
        if then >= LEAST_DAYS:
            days, measured = (then + start, then + end), float("nan")
            if not is_quiet(log, cutoff, horizon, *days):
                known, now = log.revenue(*days, known=then), log.revenue(*days)
                measured = _ratio(known, now)
                if then - WEEKS_YEAR >= LEAST_DAYS:
                    known_then = log.last_year(cutoff, *days, known=then - WEEKS_YEAR)
                    expected = grown * log.last_year(cutoff, *days)
                    measured *= without_newcomers(known, known_then * grown, now, expected)
            elif cutoff - WEEKS_YEAR >= LEAST_DAYS:
                days, year_ago = (cutoff + start, cutoff + end), cutoff - WEEKS_YEAR
                measured = _ratio(log.last_year(cutoff, *days, known=year_ago), log.last_year(cutoff, *days))
            share = measured if np.isfinite(measured) else share
        past = min(end, WEEKS_YEAR) - start  # a year of 365 days ends a day after its last known one
        if past > 0:
            revenue = log.last_year(cutoff, cutoff + start, cutoff + start + past)
            total += share * revenue * (end - start) / past
    return total * grown


def growth(log: CohortRevenue, cutoff: int, horizon: int) -> float:
    """Return the revenue before the cutoff over that of the same days a year before; NaN where the log has too few.

    Measured over a horizon or a `quarter`, whichever is longer, as far as the log reaches.
    """
    year_ago = cutoff - WEEKS_YEAR
    days = min(max(horizon, quarter(log, cutoff, horizon)), year_ago - log.begins(cutoff))
    if days < LEAST_DAYS:
        return float("nan")
    return _ratio(log.revenue(cutoff - days, cutoff), log.last_year(cutoff, cutoff - days, cutoff))


def quarter(log: CohortRevenue, cutoff: int, horizon: int) -> int:
    """Return the days of a `QUARTER`, of a year if the last quarter was quiet."""
    return WEEKS_YEAR if is_quiet(log, cutoff, horizon, cutoff - QUARTER, cutoff) else QUARTER


def is_dead(log: CohortRevenue, cutoff: int, since: int, until: int) -> bool:
    """Return whether these days lie in a dead season (`DEAD`), compared with the year before the cutoff."""
    usual = log.revenue(cutoff - WEEKS_YEAR, cutoff) / WEEKS_YEAR
    return log.revenue(since, until) < DEAD * usual * (until - since)


def is_quiet(log: CohortRevenue, cutoff: int, horizon: int, since: int, until: int) -> bool:
    """Return whether these days lie in a dead season, or were quiet last year next to its days of the forecast.

    Last year's, because a cohort without successors also sells less than it did then.
    """
    if is_dead(log, cutoff, since, until):
        return True
    ahead = min(horizon, WEEKS_YEAR)
    if since - WEEKS_YEAR < log.begins(cutoff):
        return False
    usual = log.last_year(cutoff, cutoff, cutoff + ahead) / ahead
    return log.last_year(cutoff, since, until) < QUIET * usual * (until - since)


def started(log: CohortRevenue, cutoff: int) -> float:
    """Return the revenue per day before the cutoff over that of the log's first `LEAST_DAYS`.

    A log that begins in the middle of a shop's life starts at its usual revenue. One that begins with the shop does
    not, and its first months cannot be the base of a ratio.
    """
    return _ratio(log.revenue(0, cutoff) / cutoff, log.revenue(0, LEAST_DAYS) / LEAST_DAYS)


def newcomers(log: CohortRevenue, cutoff: int, horizon: int) -> float:
    """Return the share of the last `quarter`'s revenue that came from customers first seen in it."""
    start = cutoff - quarter(log, cutoff, horizon)
    return 1.0 - _ratio(log.revenue(start, cutoff, known=start), log.revenue(start, cutoff))


def by_age(log: CohortRevenue, cutoff: int, horizon: int) -> float:
    r"""Return the number of customers of each age times the spend of one of that age in the horizon just ended:

    \[ \sum_j N_j(c) \; \frac{K_j(c-h, c)}{N_j(c-h)}, \]

    where \(j\) runs over ages at the respective cutoff, and the oldest age stands for all beyond it.
    """
    then = cutoff - horizon
    rows = [
        (
            log.customers(cutoff - young) - log.customers(cutoff - old),
            log.customers(then - young) - log.customers(then - old),
            _of_age(log, then, young, old, (then, cutoff)),
        )
        for young, old in _age_groups(horizon)
    ]
    return _grouped_sum(np.array(rows, dtype=np.float64), np.array([row[1] for row in rows]))


def retention_by_age(log: CohortRevenue, cutoff: int, horizon: int) -> float:
    r"""Return the last horizon's revenue times what it came to a year before, by age of the customer:

    \[ \sum_j K_j(c-h, c) \; \frac{K_j(y, y+h)}{K_j(y-h, y)}. \]

    The ratio contains season, growth and decline with age, as long as customers of an age behave as they did a year
    before.
    """
    then, days = cutoff - WEEKS_YEAR, min(horizon, WEEKS_YEAR)
    rows = [
        (
            _of_age(log, cutoff, young, old, (cutoff - horizon, cutoff)),
            _of_age_last_year(log, cutoff, young, old, (cutoff - horizon, cutoff)),
            _of_age_last_year(log, cutoff, young, old, (cutoff, cutoff + days)) * horizon / days,
        )
        for young, old in _age_groups(horizon)
    ]
    sizes = [log.customers(then - young) - log.customers(then - old) for young, old in _age_groups(horizon)]
    return _grouped_sum(np.array(rows, dtype=np.float64), np.array(sizes))


def missed(log: CohortRevenue, cutoff: int, horizon: int, bottom_up: Mapping[int, float]) -> float:
    """Return the ratio of existing customers' spend after an earlier cutoff to its bottom-up forecast."""
    return _ratio(log.revenue(cutoff, cutoff + horizon, known=cutoff), bottom_up.get(cutoff, np.nan))


def agreed_miss(log: CohortRevenue, cutoff: int, horizon: int, bottom_up: Mapping[int, float]) -> float:
    r"""Return the log miss \(\log (K/B)\) that the last two disjoint windows agree on, NaN where they do not.

    It is the smaller of the two if they have the same sign, because a single error shows almost nothing.
    """
    misses: list[float] = []
    day = cutoff
    while len(misses) < 2:
        day = max((one for one in bottom_up if one <= day - horizon), default=-1)
        if day - log.begins(cutoff) < SETTLED:
            return float("nan")
        misses.append(float(np.log(max(missed(log, day, horizon, bottom_up), 1e-9))))
    if misses[0] * misses[1] <= 0:
        return float("nan")
    return float(np.sign(misses[0])) * min(LARGEST_MISS, *np.abs(misses))


def _age_groups(horizon: int) -> list[tuple[int, int]]:
    edges = sorted({round(horizon * age) for age in AGE_GROUPS})
    return list(zip(edges, [*edges[1:], 1_000_000], strict=True))


def _of_age(log: CohortRevenue, at: int, young: int, old: int, days: tuple[int, int]) -> float:
    """Return the revenue within `days` of customers who at a cutoff were first seen `young` to `old` days ago."""
    return log.revenue(*days, known=at - young) - log.revenue(*days, known=at - old)


def _of_age_last_year(log: CohortRevenue, cutoff: int, young: int, old: int, days: tuple[int, int]) -> float:
    """Return the revenue of last year's `days` by customers who a year before the cutoff were of these ages."""
    at = cutoff - WEEKS_YEAR
    older = log.last_year(cutoff, *days, known=at - young)
    return older - log.last_year(cutoff, *days, known=at - old)


def _grouped_sum(rows: np.ndarray, sizes: np.ndarray) -> float:
    """Return the sum of now x later / before over groups of ages, small ones joined with the next older.

    `rows` holds now, before and later; what remains at the old end joins the last group.
    """
    groups, waiting, size = [], np.zeros(3), 0
    for row, count in zip(rows, sizes, strict=True):
        waiting, size = waiting + row, size + count
        if size >= LEAST_CUSTOMERS and waiting[1] > 0:
            groups.append(waiting)
            waiting, size = np.zeros(3), 0
    if not groups:
        return float("nan")
    groups[-1] = groups[-1] + waiting
    return float(sum(now * later / before for now, before, later in groups))


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else float("nan")
