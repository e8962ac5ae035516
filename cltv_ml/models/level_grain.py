"""The grain of a log: days, weeks or months whose purchases have one date, or months between billing dates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cltv_ml.models.level_candidates import PACE

#: Smallest share of the revenue on a single date of each week or month, where purchases are dated by period.
LEAST_SHARE = 0.95

#: Days by which a month's date may differ from the usual one because of a weekend or holiday, and the share of months
#: in which it must be this close: occasional purchases do not make a grain.
NEAR_DAYS, LEAST_NEAR = 4, 0.9

#: Smallest share of the revenue on one date of each month from which windows must hold equally many of these dates, and
#: the days that such a date takes in a calendar of equal months.
LEAST_BILLED, _BILLED = 0.25, 3

#: Fewest periods of a log before they are taken as its grain.
LEAST_PERIODS = 8

_ONE_DAY, _ONE_MONTH = np.timedelta64(1, "D"), np.timedelta64(1, "M")


@dataclass(frozen=True)
class PeriodGrain:
    """Whole periods in place of days, each with all its sales on one date.

    A window of 91 days holds three or four firsts of a month, and so does the one a year before, so their revenues are
    not comparable. Periods are put on a calendar of their own, of equal length and twelve or fifty-two a year.
    """

    #: "week" or "month".
    name: str
    #: The date of each period, also of those to come, as `datetime64[D]`.
    dates: np.ndarray
    #: Days of a period in that calendar.
    length: float

    def days_before(self, date: np.datetime64) -> int:
        """Return the day at which the first period begins that is dated `date` or later."""
        return round(float(np.searchsorted(self.dates, date)) * self.length)

    def days_of(self, dates: np.ndarray) -> np.ndarray:
        """Return the day in the middle of the period that each date falls into."""
        period = np.maximum(np.searchsorted(self.dates, dates, side="right") - 1, 0)
        return ((period + 0.5) * self.length).astype(int)


@dataclass(frozen=True)
class BillingMonths:
    """Months that run from one billing date to the next, for a log with much of its revenue on one date a month.

    The 30 days from the first of November hold that date, and the 30 days before it hold none. On a calendar of months
    of equal length, in which a billing date takes `_BILLED` days with its purchases in the middle, windows a month or a
    year apart hold as many of these dates.
    """

    #: The billing dates, also one before the log and those to come, and the log's first date, as `datetime64[D]`.
    dates: np.ndarray
    first: np.datetime64
    #: Share of the revenue on these dates.
    share: float

    def days_before(self, date: np.datetime64) -> int:
        """Return the day of that calendar on which a date begins."""
        return int(self._begins(np.array([date, self.first])) @ [1, -1])

    def days_of(self, dates: np.ndarray) -> np.ndarray:
        """Return the day of that calendar for each date."""
        billed = np.isin(dates, self.dates) * (_BILLED // 2)
        return (self._begins(dates) + billed - self._begins(np.array([self.first]))).astype(int)

    def _begins(self, dates: np.ndarray) -> np.ndarray:
        month = np.searchsorted(self.dates, dates, side="right") - 1
        since = (dates - self.dates[month]).astype(int)
        length = (self.dates[month + 1] - self.dates[month]).astype(int)
        within = np.where(since == 0, 0.0, _BILLED + (since - 1) / (length - 1) * (PACE - _BILLED))
        return np.floor(month * PACE + within)


def find_billing(dates: np.ndarray, amounts: np.ndarray, until: np.datetime64) -> BillingMonths | None:
    """Return the months between billing dates, None where no date of the month holds much of the revenue.

    >>> days = np.arange("2023-01-05", "2024-01-05", dtype="datetime64[D]")
    >>> is_first = days == days.astype("datetime64[M]").astype("datetime64[D]")
    >>> months = find_billing(days, np.where(is_first, 20.0, 1.0), np.datetime64("2024-03-31"))
    >>> round(months.share, 2), months.dates[:2].astype(str).tolist()
    (0.4, ['2022-12-01', '2023-01-01'])
    """
    sizes = np.abs(amounts)
    largest, months = _largest_of_month(dates, sizes)
    if sizes[largest].sum() < LEAST_BILLED * sizes.sum() or len(largest) < LEAST_PERIODS:
        return None
    calendar = np.arange(months.min() - _ONE_MONTH, until.astype("datetime64[M]") + 3 * _ONE_MONTH)
    usual, seen = _usual_dates(dates[largest], calendar), np.searchsorted(calendar, months[largest])
    near = np.abs((usual[seen] - dates[largest]).astype(int)) <= NEAR_DAYS
    if near.mean() < LEAST_NEAR:
        return None
    usual[seen[near]] = dates[largest][near]
    return BillingMonths(usual, dates.min(), float(sizes[np.isin(dates, usual)].sum() / sizes.sum()))


def find_grain(dates: np.ndarray, amounts: np.ndarray, until: np.datetime64) -> PeriodGrain | None:
    """Return the grain of purchases by date, None where they are dated by day.

    Parameters
    ----------
    dates, amounts
        Revenue by date (`datetime64[D]`), the dates in any order.
    until
        The last date for which future periods are needed.

    >>> months = np.arange("2023-01", "2024-01", dtype="datetime64[M]").astype("datetime64[D]")
    >>> find_grain(months, np.ones(12), np.datetime64("2024-03-31")).dates[-3:].astype(str).tolist()
    ['2024-01-01', '2024-02-01', '2024-03-01']
    """
    sizes = np.abs(amounts)
    weeks = _weeks(dates, sizes, until)
    return weeks if weeks is not None else _months(dates, sizes, until)


def _weeks(dates: np.ndarray, sizes: np.ndarray, until: np.datetime64) -> PeriodGrain | None:
    weekday = dates.astype(int) % 7
    by_weekday = np.bincount(weekday, weights=sizes, minlength=7)
    usual = int(by_weekday.argmax())
    periods = len(np.unique(dates[weekday == usual]))
    if by_weekday[usual] < LEAST_SHARE * sizes.sum() or periods < LEAST_PERIODS:
        return None
    first = dates[weekday == usual].min()
    return PeriodGrain("week", np.arange(first, until + _ONE_DAY, 7 * _ONE_DAY), 7.0)


def _months(dates: np.ndarray, sizes: np.ndarray, until: np.datetime64) -> PeriodGrain | None:
    largest, months = _largest_of_month(dates, sizes)
    if sizes[largest].sum() < LEAST_SHARE * sizes.sum() or len(largest) < LEAST_PERIODS:
        return None
    calendar = np.arange(months.min(), until.astype("datetime64[M]") + _ONE_MONTH)
    usual, seen = _usual_dates(dates[largest], calendar), np.searchsorted(calendar, months[largest])
    if (np.abs((usual[seen] - dates[largest]).astype(int)) <= NEAR_DAYS).mean() < LEAST_NEAR:
        return None
    usual[seen] = dates[largest]
    return PeriodGrain("month", usual, PACE)


def _largest_of_month(dates: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of the date that sold most in each month, and the month of every date."""
    months = dates.astype("datetime64[M]")
    order = np.lexsort((sizes, months))
    return order[np.append(months[order][1:] != months[order][:-1], True)], months


def _usual_dates(seen: np.ndarray, calendar: np.ndarray) -> np.ndarray:
    """Return the usual date of each month: days after its beginning, or before its end where that is steadier."""
    begins, ends = calendar.astype("datetime64[D]"), (calendar + _ONE_MONTH).astype("datetime64[D]")
    month = seen.astype("datetime64[M]")
    after = (seen - month.astype("datetime64[D]")).astype(int)
    before = ((month + _ONE_MONTH).astype("datetime64[D]") - seen).astype(int)
    if np.ptp(before) < np.ptp(after):
        return np.maximum(ends - round(float(np.median(before))) * _ONE_DAY, begins)
    return np.minimum(begins + round(float(np.median(after))) * _ONE_DAY, ends - _ONE_DAY)
