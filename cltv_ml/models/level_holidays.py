"""Moving holidays: the day of last year that each day is compared with."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cltv_ml.models.level_candidates import WEEKS_YEAR

#: Days before and after a holiday in which people buy because of it.
BEFORE = 28
AFTER = 7

#: Days between two dates that count as a year.
DAYS_APART = (330, 400)

#: Dates of one holiday that are at most so many days apart belong to one feast of several days.
_ONE_FEAST = 28

#: Days until a moving holiday comes again: Easter, Lunar New Year, Ramadan and Black Friday stay within these.
_NEXT = (350, 385)


def align(holidays: Mapping[str, Sequence[int]], days: int) -> np.ndarray:
    """Return for each of `days` the day of last year that it is compared with, below zero before the log.

    By default 364 days before: the same weekday. From `BEFORE` days before a holiday to `AFTER` days after it, the
    day as far from last year's. A day that would meet last year's holiday without being near this year's meets the same
    weekday before or after it. A feast of several days counts from its first day to its last.

    >>> base = align({"Easter": [100, 100 + 364 + 21]}, 600)
    >>> int(base[485]), int(base[475]), int(base[364]), int(base[580])  # the holiday, ten days before, elsewhere twice
    (100, 90, 0, 216)
    """
    base = np.arange(days) - WEEKS_YEAR
    moved = np.zeros(days, dtype=bool)
    pairs = [
        (before, now)
        for dates in holidays.values()
        for before, now in itertools.pairwise(feasts(dates))
        if DAYS_APART[0] <= now[0] - before[0] <= DAYS_APART[1] and now[0] - before[0] != WEEKS_YEAR
    ]
    for before, now in pairs:
        zone = slice(max(now[0] - BEFORE, 0), max(min(now[-1] + AFTER + 1, days), 0))
        base[zone] = np.arange(days)[zone] - (now[0] - before[0])
        moved[zone] = True
    for before, now in pairs:
        later = now[0] - before[0] > WEEKS_YEAR
        first, last = before[0] - BEFORE + WEEKS_YEAR, before[-1] + AFTER + WEEKS_YEAR
        for day in range(max(first, 0), min(last + 1, days)):
            if not moved[day]:
                base[day] = _beside(day - WEEKS_YEAR, before, later)
    return base


def feasts(dates: Sequence[int]) -> list[list[int]]:
    """Return the days of each feast, the earliest first: a table may hold one date a year, or every day of a feast.

    >>> feasts([3, 1, 2, 355, 356])
    [[1, 2, 3], [355, 356]]
    """
    runs: list[list[int]] = []
    for day in sorted(set(dates)):
        if runs and day - runs[-1][-1] <= _ONE_FEAST:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def align_table(holidays: pd.DataFrame, start: pd.Timestamp, days: int) -> np.ndarray:
    """Return the day of last year that each day is compared with, counted from `start`, by a table of holidays."""
    since = (holidays["date"] - start).dt.days
    return align({str(name): list(dates) for name, dates in since.groupby(holidays["holiday"])}, days)


def undated_notes(holidays: pd.DataFrame, cutoff: pd.Timestamp, horizon: int) -> tuple[str, ...]:
    """Return a sentence for each holiday of the table that will come again within the horizon on an unknown date."""
    notes = []
    for name, dates in holidays[holidays["date"] < cutoff + pd.Timedelta(days=horizon)].groupby("holiday"):
        last = dates["date"].max()
        soonest, latest = (last + pd.Timedelta(days=days) for days in _NEXT)
        if soonest < cutoff + pd.Timedelta(days=horizon) and latest >= cutoff:
            notes.append(
                f"The table of holidays has no date of {name} after {last:%Y-%m-%d}: the forecast of the total from "
                f"{cutoff:%Y-%m-%d} on expects it on the same days of the year. Add its next date."
            )
    return tuple(notes)


def _beside(day: int, feast: Sequence[int], earlier: bool) -> int:
    """Return the nearest day of the same weekday outside the feast's days, before them or after."""
    if earlier:
        return day - 7 * (-(-(day - (feast[0] - BEFORE) + 1) // 7))
    return day + 7 * (-(-(feast[-1] + AFTER + 1 - day) // 7))
