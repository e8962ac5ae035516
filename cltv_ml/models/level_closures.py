"""Closures: weeks in which the shop sold almost nothing, and the sales that they cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cltv_ml.models.level_candidates import WEEKS_YEAR, CohortRevenue

#: Shortest and longest closure in days: anything shorter is a holiday, anything longer a season.
LEAST_DAYS, MOST_DAYS = 14, 91

#: The longest closure if the shop was open on these days in every other year of the log, as far as the last one goes,
#: which rules out a season: those days must hold this share of the sales of the `MOST_DAYS` before or after, whichever
#: are more.
MOST_ONCE, OPEN = 182, 0.5

#: A shop is closed while a week's sales are below this share of a usual week before it and of one after it.
CLOSED = 0.25

#: Days before and after that define the usual week, and how many of them before and after it the log must hold.
AROUND, NEEDED, NEEDED_AFTER = 182, 28, 7

#: Fewest sales that would be expected within a closure: a shop that sells twice a month is not closed in between.
LEAST_EXPECTED = 20.0

#: Days before and after a closure whose sales estimate those that it cost.
STAND_IN = 28

#: Days by which a closure may return earlier or later than last year.
MOST_SHIFT = 14


@dataclass(frozen=True)
class Closure:
    """Days from `start` to before `end`, counted from the log's first, of which a share of the sales is `lost`.

    `yearly` states whether the shop was closed on these days of another year too; None if no other year of the log
    shows it.
    """

    start: int
    end: int
    lost: float
    yearly: bool | None

    def returns(self, cutoff: int, horizon: int) -> bool:
        """Return whether to expect it again in the coming window: yes, unless another year shows otherwise."""
        if self.yearly is False:
            return False
        years = range(1, 2 + (cutoff + horizon - self.start) // WEEKS_YEAR)
        return any(
            self.start + year * WEEKS_YEAR - MOST_SHIFT < cutoff + horizon
            and self.end + year * WEEKS_YEAR + MOST_SHIFT > cutoff
            for year in years
        )

    def misled(self, day: int, cutoff: int) -> bool:
        """Return whether customers looked lost on an earlier day because of it, and no longer do at the cutoff.

        Soon after it the forecasts of these days show how far those of today are off.
        """
        return self.start < day < 2 * self.end - self.start and cutoff >= self.end + AROUND


def find_closures(log: CohortRevenue) -> list[Closure]:
    """Return the closures of a log, the earliest first.

    Sales are counted by groups of customers with the same first day, so that a single large buyer changes nothing, and
    without first days, because newcomers may take what is left while others find nothing. A closure
    that another year shows to have happened once is known a week after its end, others after four.
    """
    sales = np.bincount(log.day[log.first < log.day], minlength=log.days).astype(np.float64)
    week, usual = _weekly(sales), _usual(sales)
    settled = np.where(np.arange(len(sales)) < len(sales) - NEEDED, usual, np.nan)
    once = [one for one in _closures_by(sales, week, usual) if one.yearly is False]
    others = [one for one in _closures_by(sales, week, settled) if one.yearly is not False]
    return sorted(once + others, key=lambda one: one.start)


def _closures_by(sales: np.ndarray, week: np.ndarray, usual: np.ndarray) -> list[Closure]:
    """Return the closures by daily sales, those of the week around each day, and those of its usual week."""
    low = week < CLOSED * usual  # never where the usual week is unknown
    edges = np.flatnonzero(np.diff(np.concatenate([[0], low.astype(int), [0]])))
    closures: list[Closure] = []
    for start, end in edges.reshape(-1, 2).tolist():
        level = float(usual[start:end].mean())
        start, end = _widened(sales, week, CLOSED * level, start, end)
        expected = level * (end - start)
        most = MOST_ONCE if _was_open(sales, start, end) else MOST_DAYS
        long_enough = LEAST_DAYS <= end - start <= most and expected >= LEAST_EXPECTED
        if long_enough and (not closures or start >= closures[-1].end):
            lost = 1 - sales[start:end].sum() / expected
            yearly = _is_yearly(low, usual, start, end)
            if yearly is None and _is_open_again(sales, start, end):
                yearly = False
            closures.append(Closure(start, end, float(lost), yearly))
    return closures


def as_if_open(log: CohortRevenue, closures: Iterable[Closure], *, newcomers: bool = False) -> CohortRevenue:
    """Return the log with the sales that each closure cost: its lost share of the mean of the weekdays around it.

    Sales to customers first seen after a day count on it only with `newcomers`, who are then first seen on it.
    """
    closures = list(closures)
    if not closures:
        return log
    order = np.argsort(log.day, kind="stable")
    first, day, amount = log.first[order], log.day[order], log.amount[order]
    cells = [(first, day, amount)]
    for closure in closures:
        for closed in range(closure.start, closure.end):
            alike = _alike(closure, closed, log.days)
            for one in alike:
                rows = slice(*np.searchsorted(day, [one, one + 1]))
                joined = (first[rows] <= closed) | newcomers
                share = closure.lost / len(alike)
                cells.append(
                    (
                        np.minimum(first[rows][joined], closed),
                        np.full(joined.sum(), closed),
                        share * amount[rows][joined],
                    )
                )
    first, day, amount = (np.concatenate(part) for part in zip(*cells, strict=True))
    return replace(log, first=first, day=day, amount=amount, _sums={})


def open_days(closures: Iterable[Closure], days: int) -> np.ndarray:
    """Return each day from 0 to `days` on a clock that stands still for the share of the sales that closures cost.

    A customer who could not buy is not lost, so that a purchase model has to count the days on which the shop was open.

    >>> open_days([Closure(2, 6, 0.75, False)], 8).tolist()
    [0, 1, 2, 2, 3, 3, 3, 4, 5]
    """
    open_share = np.ones(days)
    for closure in closures:
        open_share[closure.start : closure.end] = 1 - closure.lost
    return np.floor(np.concatenate([[0.0], np.cumsum(open_share)]) + 0.5).astype(int)


def _weekly(sales: np.ndarray) -> np.ndarray:
    """Return the mean of the seven days around each day, as far as the log holds them."""
    kernel = np.ones(7)
    return np.convolve(sales, kernel, mode="same") / np.convolve(np.ones(len(sales)), kernel, mode="same")


def _usual(sales: np.ndarray) -> np.ndarray:
    """Return sales per day in the usual week around each day: the lower of the medians before and after.

    NaN if there are too few days.
    """
    week, days = _weekly(sales), len(sales)
    usual, known = np.full(days, np.nan), slice(NEEDED, max(days - NEEDED_AFTER, NEEDED))
    usual[known] = np.minimum(_medians_before(week), _medians_before(week[::-1])[::-1])[known]
    return usual


def _medians_before(week: np.ndarray) -> np.ndarray:
    """Return the median of the `AROUND` values before each, or of all that there are; of the first NaN."""
    begun = [np.nan, *(np.median(week[:day]) for day in range(1, min(AROUND, len(week))))]
    if len(week) <= AROUND:
        return np.array(begun)
    return np.concatenate([begun, np.median(sliding_window_view(week[:-1], AROUND), axis=1)])


def _widened(sales: np.ndarray, week: np.ndarray, least: float, start: int, end: int) -> tuple[int, int]:
    """Return the run with the days next to it on which less was sold than `least`, in their week or on the day."""
    while start > 0 and week[start - 1] < least:
        start -= 1
    while end < len(week) and week[end] < least:
        end += 1
    for _ in range(3):  # their week holds open days as well
        start -= bool(start > 0 and sales[start - 1] < least)
        end += bool(end < len(sales) and sales[end] < least)
    return start, end


def _is_yearly(low: np.ndarray, usual: np.ndarray, start: int, end: int) -> bool | None:
    """Return whether the shop was closed for a part of these days of another year, None where that is unknown."""
    years = range(-(start // WEEKS_YEAR), 1 + (len(low) - end) // WEEKS_YEAR)
    others = [slice(start + year * WEEKS_YEAR, end + year * WEEKS_YEAR) for year in years if year]
    others = [days for days in others if np.isfinite(usual[days]).all()]
    return any(low[days].mean() > 1 / 3 for days in others) if others else None


def _was_open(sales: np.ndarray, start: int, end: int) -> bool:
    """Return whether the log holds these days of another year, and the shop was open on them in each."""
    years = range(-(start // WEEKS_YEAR), 1 + (len(sales) - end) // WEEKS_YEAR)
    others = [(start + year * WEEKS_YEAR, end + year * WEEKS_YEAR) for year in years if year]
    if not others:
        return _is_open_again(sales, start, end)
    return all(_sold_as_around(sales, since, until) for since, until in others)


def _is_open_again(sales: np.ndarray, start: int, end: int) -> bool:
    """Return whether the log ends among these days of the next year, and the shop was open on them until then.

    A closure may come up to `MOST_SHIFT` days later, so that the first of these days show nothing.
    """
    since, until = start + WEEKS_YEAR + MOST_SHIFT, min(end + WEEKS_YEAR, len(sales))
    return until - since >= MOST_SHIFT and _sold_as_around(sales, since, until)


def _sold_as_around(sales: np.ndarray, since: int, until: int) -> bool:
    """Return whether these days hold a share of `OPEN` of the sales of the days before or after, whichever are more."""
    around = (sales[max(since - MOST_DAYS, 0) : since], sales[until : until + MOST_DAYS])
    most = max((float(days.mean()) for days in around if len(days) >= NEEDED), default=np.inf)
    return bool(sales[since:until].mean() >= OPEN * most)


def _alike(closure: Closure, day: int, days: int) -> list[int]:
    """Return the days of the same weekday within `STAND_IN` days before a closure and after it."""
    near = [*range(closure.start - STAND_IN, closure.start), *range(closure.end, closure.end + STAND_IN)]
    return [one for one in near if 0 <= one < days and (one - day) % 7 == 0]
