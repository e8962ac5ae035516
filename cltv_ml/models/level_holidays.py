"""Moving holidays: the day of last year that each day is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cltv_ml.models.level_candidates import WEEKS_YEAR

#: Days before and after a holiday in which people buy because of it.
BEFORE = 28
AFTER = 7

#: Days between two dates that count as a year.
DAYS_APART = (330, 400)


def align(holidays: Mapping[str, Sequence[int]], days: int) -> np.ndarray:
    """Return for each of `days` the day of last year that it is compared with, below zero before the log.

    By default 364 days before: the same weekday. From `BEFORE` days before a holiday to `AFTER` days after it, the
    day as far from last year's. A day that would meet last year's holiday without being near this year's meets the same
    weekday before or after it.

    >>> base = align({"Easter": [100, 100 + 364 + 21]}, 600)
    >>> int(base[485]), int(base[475]), int(base[364]), int(base[580])  # the holiday, ten days before, elsewhere twice
    (100, 90, 0, 216)
    """
    base = np.arange(days) - WEEKS_YEAR
    moved = np.zeros(days, dtype=bool)
    pairs = [
        (before, now)
        for dates in holidays.values()
        for before, now in zip(sorted(dates), sorted(dates)[1:], strict=False)
        if DAYS_APART[0] <= now - before <= DAYS_APART[1] and now - before != WEEKS_YEAR
    ]
    for before, now in pairs:
        zone = slice(max(now - BEFORE, 0), max(min(now + AFTER + 1, days), 0))
        base[zone] = np.arange(days)[zone] - (now - before)
        moved[zone] = True
    for before, now in pairs:
        later = now - before > WEEKS_YEAR
        for day in range(max(before - BEFORE + WEEKS_YEAR, 0), min(before + AFTER + 1 + WEEKS_YEAR, days)):
            if not moved[day]:
                base[day] = _beside(day - WEEKS_YEAR, before, later)
    return base


def align_table(holidays: pd.DataFrame, start: pd.Timestamp, days: int) -> np.ndarray:
    """Return the day of last year that each day is compared with, counted from `start`, by a table of holidays."""
    since = (holidays["date"] - start).dt.days
    return align({str(name): list(dates) for name, dates in since.groupby(holidays["holiday"])}, days)


def _beside(day: int, holiday: int, earlier: bool) -> int:
    """Return the nearest day of the same weekday outside the holiday's days, before them or after."""
    if earlier:
        return day - 7 * (-(-(day - (holiday - BEFORE) + 1) // 7))
    return day + 7 * (-(-(holiday + AFTER + 1 - day) // 7))
