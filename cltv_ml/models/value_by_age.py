r"""Customer value by age: a first order, then an amount per day that declines with age.

A customer won on day \(c\) brings a first day's amount \(f(c)\), and on day \(t > c\) on average \(v(t - c)\,q(t)\):
\(v\) is a step function of the age, \(q\) the shop's calendar (`models.calendar_rate`). Both are estimated from all
customers of the log at once, so that the season is not mistaken for decline with age, nor that decline for a trend: an
age-period model (T. Holford, The estimation of age, period and cohort effects for vital rates, Biometrics 39, 1983).
The trend may differ with age: where each cohort stays shorter than those before, what old customers spend falls while
what young ones spend does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from cltv_ml.models.calendar_rate import Calendar, Rate, fit_rate, shared_variance
from cltv_ml.models.level_candidates import CohortRevenue

#: Ages in days at which the steps begin; the last is open. A step counts if the log covers it for this many days.
AGE_STEPS = (1, 8, 15, 29, 61, 92, 183, 365, 730)
SHOWN_DAYS = 91

#: Customers first seen within this many days from the log's start may be older than they look: they form a group of
#: their own, of which only the last days count. If they are most of the customers, the log begins with the shop.
GUARD_DAYS, RECENT_DAYS = 91, 182


@dataclass(frozen=True)
class ValueByAge:
    """The fitted value by age."""

    #: Amount of a customer's first day.
    first: Rate
    #: Amount per customer and day by age group.
    repeat: Rate
    #: The factor of customers seen from the log's start on, as of its last days.
    opening: float
    #: Customers won on each day of the log.
    joined: np.ndarray
    #: Days at the log's start whose customers are the last group.
    guard: int
    #: Variance of a week's common factor of spend after the first day, as of `Arrivals.clump`.
    clump: float = 0.0
    #: The steps that the log covers.
    ages: tuple[int, ...] = AGE_STEPS

    def known(self, coefficients: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Return the expected spend of the log's customers on each later day, shape (draws, days)."""
        exposure = exposures(self.joined[None, :], days, self.guard, self.ages)
        return self._spent(coefficients, days, exposure)

    def repeats(self, coefficients: np.ndarray, won: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Return the expected spend of future customers after their first day, shape (draws, days).

        Parameters
        ----------
        won
            Customers won on each day after the log, shape (draws, days).
        """
        return self._spent(coefficients, days, exposures(won, np.arange(won.shape[1]), 0, self.ages))

    def _spent(self, coefficients: np.ndarray, days: np.ndarray, exposure: np.ndarray) -> np.ndarray:
        by_group = self.repeat.groups(coefficients, days)
        # One row of coefficients or of exposures stands for all draws, one day of groups for all days.
        spent = (exposure[:, :-1] * by_group).sum(axis=1) + exposure[:, -1] * self.opening
        return np.asarray(spent * self.repeat.rates(coefficients, days))


def fit_value_by_age(
    cohorts: CohortRevenue,
    start: pd.Timestamp,
    horizon: int,
    closed: np.ndarray | None = None,
    *,
    drifting: bool = False,
) -> ValueByAge:
    """Return the value by age of a log's customers, from weeks and age groups.

    Parameters
    ----------
    cohorts
        Revenue by first day and day.
    start
        The log's first day.
    closed
        Whether the shop was closed on each day of the log; purchases of these days do not count.
    drifting
        Whether the trend may differ with age. The oldest step has no end, so its customers get older in any log and the
        young ones' trend is too high: this is for the log's customers, not for those to come.
    """
    joined = np.diff(cohorts.joined)
    closed = np.zeros(cohorts.days, dtype=bool) if closed is None else closed
    days, guard = cohorts.days, min(GUARD_DAYS, cohorts.days // 4)
    if joined[:guard].sum() > joined[:-1].sum() / 2:
        guard = 0
    ages = tuple(one for one in AGE_STEPS if one == AGE_STEPS[0] or one + SHOWN_DAYS <= days - guard)
    calendar = Calendar(start, days, horizon, weekdays=False)
    age = cohorts.day - cohorts.first
    is_open = ~closed[cohorts.day]
    opening, later = (age <= 0) & is_open, (age > 0) & is_open
    weekly = _week_of(days)
    opened = np.bincount(
        weekly[cohorts.day[opening]], weights=cohorts.amount[opening], minlength=weekly[-1] + 1
    )
    first = fit_rate(
        calendar, np.unique(weekly) * 7 + 3, opened, np.bincount(weekly, weights=joined * ~closed)
    )
    group = np.where(cohorts.first < guard, len(ages), np.searchsorted(ages, age, side="right") - 1)
    table = np.zeros((len(ages) + 1, weekly[-1] + 1))
    np.add.at(table, (group[later], weekly[cohorts.day[later]]), cohorts.amount[later])
    exposure = exposures(joined[None, :], np.arange(days), guard, ages)[0] * ~closed
    weeks = np.add.reduceat(exposure, np.arange(0, days, 7), axis=1)
    aged = table[:-1]
    number = np.broadcast_to(np.arange(len(aged))[:, None], aged.shape)
    at = np.broadcast_to(np.arange(table.shape[1]) * 7 + 3, aged.shape)
    lean = _lean(ages, aged.sum(axis=1)) if drifting else None
    repeat = fit_rate(calendar, at.ravel(), aged.ravel(), weeks[:-1].ravel(), number.ravel(), lean=lean)
    recent = np.arange(table.shape[1]) >= (days - RECENT_DAYS) // 7
    means = weeks[:-1] * repeat.groups(repeat.mean[None], at[0])[0] * repeat.rates(repeat.mean[None], at[0])
    clump = shared_variance(aged.sum(axis=0), means.sum(axis=0), repeat.dispersion)
    own = weeks[-1, recent] @ repeat.rates(repeat.mean[None], at[0, recent])[0]
    opening = float(table[-1, recent].sum() / own) if own > 0 else 0.0
    return ValueByAge(first, repeat, max(opening, 0.0), joined, guard, clump, ages)


def exposures(won: np.ndarray, days: np.ndarray, guard: int, ages: tuple[int, ...] = AGE_STEPS) -> np.ndarray:
    """Return the customers of each age group on each day, shape (draws, groups, days).

    Parameters
    ----------
    won
        Customers won on each day, shape (draws, days of winning).
    guard
        Customers won before this day form the last group, whatever their age.

    >>> exposures(np.array([[2.0, 0, 1]]), np.array([0, 1, 3]), 0)[0, 0].tolist()
    [0.0, 2.0, 3.0]
    """
    late = won.copy()
    late[:, :guard] = 0
    before = np.concatenate([np.zeros((len(won), 1)), np.cumsum(late, axis=1)], axis=1)
    last = before.shape[1] - 1
    edges = [*ages, 10**9]
    customers = np.zeros((len(won), len(ages) + 1, len(days)))
    for number, (young, old) in enumerate(pairwise(edges)):
        upto, since = np.clip(days - young + 1, 0, last), np.clip(days - old + 1, 0, last)
        customers[:, number] = before[:, upto] - before[:, since]
    opening = np.concatenate([np.zeros((len(won), 1)), np.cumsum(won[:, :guard], axis=1)], axis=1)
    customers[:, -1] = opening[:, np.clip(days, 0, guard)]
    return customers


def _lean(ages: tuple[int, ...], spent: np.ndarray) -> np.ndarray:
    """Return the root of each step's age in quarters, the mean of what was spent subtracted."""
    ends = [*ages[1:], ages[-1] * 9 / 4]  # the middle of the open step is one and a half times its beginning
    root = np.sqrt(np.sqrt(np.array(ages) * np.array(ends)) / SHOWN_DAYS)
    return np.asarray(root - np.average(root, weights=np.maximum(spent, 1e-9)))


def _week_of(days: int) -> np.ndarray:
    return np.arange(days) // 7
