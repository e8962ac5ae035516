"""Calibration and holdout windows: what may be seen, what is to be predicted, in days."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from cltv_ml.errors import InputError

#: Days in one unit; months and years are average calendar lengths, rounded to whole days at the end.
_DAYS_IN = {"d": 1.0, "w": 7.0, "m": 365.25 / 12, "y": 365.25}

#: With fewer customers neither a model nor its comparison means anything.
MIN_CUSTOMERS = 50

#: Days of history that a cutoff needs before it, or as many as the horizon where that is shorter.
MIN_HISTORY = 28

#: Days of history that a training origin has in a log of a year and more; in a shorter one a quarter of it is enough.
FULL_HISTORY = 90

#: Shortest labels in days: shorter ones say almost nothing about who spends more.
MIN_LABEL_DAYS = 7

#: Horizons of one training, at most: each is judged by a fit of its own.
MOST_HORIZONS = 8

#: Same months of earlier years that are always training origins, where the log holds them.
MAX_YEARS = 2

#: A window of an earlier year is of the same season when it begins within this many days.
SAME_SEASON = 15


def to_days(horizon: int | float | str | pd.Timedelta, name: str = "horizon") -> int:
    """Return a horizon in whole days: the one place where weeks, months and years are converted.

    1w is 7 days, 1m is 365.25 / 12 days and 1y is 365.25 days, rounded once at the end. `name` is what messages call
    the span.

    Raises
    ------
    InputError
        The horizon cannot be read or is shorter than one day.

    >>> to_days("13w"), to_days("6m"), to_days("1y"), to_days(90), to_days("91D")
    (91, 183, 365, 90, 91)
    """
    if isinstance(horizon, pd.Timedelta):
        days = horizon / pd.Timedelta(days=1)
    elif isinstance(horizon, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([dwmy]?)\s*", horizon.lower())
        if match is None:
            raise InputError(f"{name} {horizon!r} cannot be read; write 90 (days), 13w, 6m or 1y.")
        days = float(match[1]) * _DAYS_IN[match[2] or "d"]
    else:
        days = float(horizon)
    if not 1 <= days <= 36525:
        raise InputError(f"{name} must be between one day and a hundred years, got {horizon!r}.")
    return round(days)


def days_in_words(days: int) -> str:
    """Return a span as a reader says it: whole years as years, anything else in days.

    >>> days_in_words(1826), days_in_words(365), days_in_words(91), days_in_words(1)
    ('5 years', '1 year', '91 days', '1 day')
    """
    years = round(days / _DAYS_IN["y"])
    count, unit = (years, "year") if years and days == round(years * _DAYS_IN["y"]) else (days, "day")
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


def to_horizons(horizons: str) -> list[int]:
    """Return the horizons of a setting in days: one, or several that increase, separated by commas.

    Raises
    ------
    InputError
        One cannot be read, they do not increase, or there are more than `MOST_HORIZONS`.

    >>> to_horizons("13w"), to_horizons("30d, 91d, 1y")
    ([91], [30, 91, 365])
    """
    days = [to_days(part) for part in str(horizons).split(",")]
    if any(later <= before for before, later in pairwise(days)):
        raise InputError(
            f"horizons must increase and differ, got {horizons} ({', '.join(map(str, days))} days); write them from "
            "the shortest to the longest, such as 30d,91d,1y."
        )
    if len(days) > MOST_HORIZONS:
        raise InputError(f"{len(days)} horizons are too many; give at most {MOST_HORIZONS}.")
    return days


def main_horizon(
    first: pd.Timestamp, last: pd.Timestamp, days: Sequence[int], cutoff: str | pd.Timestamp = ""
) -> int:
    """Return the horizon that the models are trained and compared on: the longest that the log can judge.

    That is the longest with a test window and a labelled window of the same length before it. Where there is none, the
    longest with a test window, and else the shortest.

    Raises
    ------
    InputError
        A horizon is as long as the log, or longer.

    >>> main_horizon(pd.Timestamp("2024-01-01"), pd.Timestamp("2025-06-30"), [30, 91, 365])
    91
    """
    _check_length(days[-1], first, last)
    fitting = [one for one in days if _window_fits(first, last, one, cutoff)]
    labelled = [one for one in fitting if label_days(first, judged_window(last, one, cutoff)) == one]
    return max(labelled or fitting or days[:1])


def _check_length(horizon: int, first: pd.Timestamp, last: pd.Timestamp) -> None:
    whole = (last.normalize() - first.normalize()).days + 1
    if horizon >= whole:
        how = "as long as" if horizon == whole else "longer than"
        raise InputError(f"the horizon of {horizon} days is {how} the log of {whole} days; shorten it.")


def judged_window(last: pd.Timestamp, days: int, cutoff: str | pd.Timestamp = "") -> Window:
    """Return the window that judges a horizon: from the cutoff where one is given, else the latest of a log."""
    return Window(cutoff, days) if cutoff else Window.latest(last, days)


def _window_fits(first: pd.Timestamp, last: pd.Timestamp, days: int, cutoff: str | pd.Timestamp) -> bool:
    try:
        judged_window(last, days, cutoff).check(first, last)
    except InputError:
        return False
    return True


def to_cutoff(moment: str | date | pd.Timestamp, argument: str = "cutoff") -> pd.Timestamp:
    """Return a cutoff as a midnight without time zone; a text must begin with the year, for 01.10.1997 is two days.

    >>> to_cutoff("1997-10-01")
    Timestamp('1997-10-01 00:00:00')
    """
    unclear = isinstance(moment, str) and not re.match(r"\s*\d{4}(\d{4})?\b", moment)
    try:
        cutoff = pd.NaT if unclear else pd.Timestamp(moment)
    except (ValueError, TypeError):
        cutoff = pd.NaT
    if cutoff is pd.NaT or cutoff.tzinfo is not None or cutoff != cutoff.normalize():
        raise InputError(f"{argument} must be a calendar day such as 2011-09-10, got {str(moment)!r}.")
    return cutoff.as_unit("us")


def check_timezone(zone: str | None) -> None:
    """Raise when a time zone is named that does not exist."""
    try:
        ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f"timezone {zone!r} is unknown; write a name such as 'Europe/London'.") from error


@dataclass(frozen=True)
class Window:
    """A calibration window that ends at `cutoff` and the holdout of `horizon` days that follows.

    Calibration is everything before `cutoff`; the holdout is `[cutoff, cutoff + horizon)`.

    >>> Window("1997-10-01", "39w")
    Window(cutoff=Timestamp('1997-10-01 00:00:00'), horizon=273)
    >>> Window("1997-10-01", "39w").end
    Timestamp('1998-07-01 00:00:00')
    """

    cutoff: pd.Timestamp
    horizon: int

    def __init__(self, cutoff: str | date | pd.Timestamp, horizon: int | float | str | pd.Timedelta) -> None:
        object.__setattr__(self, "cutoff", to_cutoff(cutoff))
        object.__setattr__(self, "horizon", to_days(horizon))

    @property
    def end(self) -> pd.Timestamp:
        """First instant after the holdout."""
        return self.cutoff + pd.Timedelta(days=self.horizon)

    def check(self, first: pd.Timestamp, last: pd.Timestamp) -> None:
        """Raise when a log from `first` to `last` does not hold this window.

        A log's last day counts as complete.
        """
        _check_length(self.horizon, first, last)
        if not first.normalize() < self.cutoff <= last:
            raise InputError(
                f"cutoff {self.cutoff:%Y-%m-%d} lies outside the log, which runs from {first:%Y-%m-%d} "
                f"to {last:%Y-%m-%d}; choose a day after the first and not after the last."
            )
        self.check_holdout(last)
        if self.cutoff < earliest_cutoff(first, self.horizon):
            raise InputError(
                f"history before the cutoff {self.cutoff:%Y-%m-%d} is {(self.cutoff - first.normalize()).days} days "
                f"long, but at least {min(self.horizon, MIN_HISTORY)} are needed; choose a later cutoff, a shorter "
                "horizon or a longer log."
            )

    def check_holdout(self, last: pd.Timestamp) -> None:
        """Raise when a log that ends at `last` does not hold the holdout."""
        if not self.ends_by(last):
            raise InputError(
                f"the holdout, {self.horizon} days from {self.cutoff:%Y-%m-%d}, ends {self.end:%Y-%m-%d}, "
                f"but the log ends on {last:%Y-%m-%d}; choose an earlier cutoff or a shorter horizon."
            )

    def ends_by(self, last: pd.Timestamp) -> bool:
        """Return whether a log that ends at `last`, a day that counts as complete, holds the holdout."""
        return self.end <= last.normalize() + pd.Timedelta(days=1)

    @classmethod
    def latest(cls, last: pd.Timestamp, horizon: int | float | str | pd.Timedelta) -> Window:
        """Return the default window of a log: its cutoff is the last date minus the horizon.

        >>> Window.latest(pd.Timestamp("1998-06-30"), "26w").cutoff
        Timestamp('1997-12-30 00:00:00')
        """
        days = to_days(horizon)
        return cls(last.normalize() - pd.Timedelta(days=days), days)


def earliest_cutoff(first: pd.Timestamp, horizon: int) -> pd.Timestamp:
    """Return the first cutoff that has enough history in a log that begins at `first`.

    >>> earliest_cutoff(pd.Timestamp("2011-01-01"), 91)
    Timestamp('2011-01-29 00:00:00')
    """
    return first.normalize() + pd.Timedelta(days=min(horizon, MIN_HISTORY))


def rolling_origins(
    first: pd.Timestamp, before: Window, step: int | str = "1m", max_origins: int = 6
) -> list[Window]:
    """Return test windows whose holdouts all end by `before.cutoff`, the latest first.

    The latest ends at that cutoff, the others follow `step` apart into the past while enough history lies before them.

    >>> test = Window("2011-09-10", "13w")
    >>> [f"{window.cutoff:%Y-%m-%d}" for window in rolling_origins(pd.Timestamp("2011-02-01"), test)]
    ['2011-06-11', '2011-05-12', '2011-04-12', '2011-03-13']
    """
    days = to_days(step)
    cutoffs = (
        before.cutoff - pd.Timedelta(days=before.horizon + number * days) for number in range(max_origins)
    )
    earliest = earliest_cutoff(first, before.horizon)
    return [Window(cutoff, before.horizon) for cutoff in cutoffs if cutoff >= earliest]


def origin_history(first: pd.Timestamp, before: Window) -> int:
    """Return the days of history that a training origin needs so that its customers resemble those at the cutoff.

    Customers of four weeks say little about those of four years, so it is a quarter of the history before the
    cutoff, at least `MIN_HISTORY` and at most `FULL_HISTORY` or the horizon.

    >>> start = pd.Timestamp("2010-01-01")
    >>> [origin_history(start, Window(day, 120)) for day in ("2010-03-20", "2010-09-01", "2012-01-01")]
    [28, 60, 90]
    """
    history = (before.cutoff - first.normalize()).days
    return min(before.horizon, FULL_HISTORY, max(MIN_HISTORY, history // 4))


def label_days(first: pd.Timestamp, before: Window) -> int:
    """Return the most days that labels may sum so that a log from `first` to `before.cutoff` holds windows to train on.

    The horizon where one such window with `FULL_HISTORY` lies before the cutoff. Else the longest labels of which the
    log holds two windows, one to train on and one that follows it to validate on. 0 where these would be
    shorter than a week: the log holds nothing to train on.

    >>> start = pd.Timestamp("2010-01-01")
    >>> [label_days(start, Window(day, 91)) for day in ("2010-07-10", "2010-05-01", "2010-02-10")]
    [91, 45, 0]
    """
    history = (before.cutoff - first.normalize()).days
    if history >= before.horizon + min(before.horizon, FULL_HISTORY):
        return before.horizon
    days = (history - origin_history(first, before)) // 2
    return days if days >= MIN_LABEL_DAYS else 0


def training_origins(
    first: pd.Timestamp, before: Window, step: int | str = "1m", max_origins: int = 6
) -> list[Window]:
    """Return training windows whose holdouts all end by `before.cutoff`, the latest first.

    The latest ends exactly at the test cutoff. `max_origins` of them follow each other about `step` apart,
    such that whole numbers of steps make a horizon. Two more kinds are always added where the log reaches: up to
    four whose holdouts follow each other without overlap, so that there are separate ones to validate on; and
    those of the same months in earlier years with the window that ends where last year's begins, so that the
    season of the test has been seen and can be validated. `origin_history` days of history lie before each.

    >>> test = Window("2011-09-10", "13w")
    >>> [f"{one.cutoff:%Y-%m-%d}" for one in training_origins(pd.Timestamp("2010-06-01"), test, max_origins=3)]
    ['2011-06-11', '2011-05-12', '2011-04-11', '2011-03-12', '2010-12-11', '2010-09-10']
    """
    horizon, near = before.horizon, to_days(step)
    pace = horizon / round(horizon / near) if horizon > near else horizon * round(near / horizon)
    earliest = first.normalize() + pd.Timedelta(days=origin_history(first, before))
    latest = before.cutoff - pd.Timedelta(days=horizon)
    last_year = before.cutoff - pd.DateOffset(years=1)
    wanted = [
        latest,
        latest - pd.Timedelta(days=horizon),
        *(before.cutoff - pd.DateOffset(years=number) for number in range(1, 1 + MAX_YEARS)),
        last_year - pd.Timedelta(days=horizon),
        *(latest - pd.Timedelta(days=number * horizon) for number in (2, 3)),
        *(latest - pd.Timedelta(days=round(number * pace)) for number in range(1, max_origins)),
    ]
    chosen: list[pd.Timestamp] = []
    for cutoff in wanted:
        alone = all(abs(cutoff - other) >= pd.Timedelta(days=7) for other in chosen)
        if alone and earliest <= cutoff <= latest:
            chosen.append(cutoff)
    return [Window(cutoff, horizon) for cutoff in sorted(chosen, reverse=True)]


def validation_order(
    cutoffs: Sequence[pd.Timestamp], before: pd.Timestamp, horizon: int
) -> list[pd.Timestamp]:
    """Return the cutoffs of labelled windows in the order in which they are worth validating on.

    The latest first, then the season of `before` a year earlier, then windows that do not overlap those before
    them in the list, then the others; among equals the later first.

    >>> days = pd.to_datetime(["2023-07-01", "2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"])
    >>> [f"{day:%y-%m}" for day in validation_order(days, pd.Timestamp("2024-07-01"), 91)]
    ['24-04', '23-07', '24-01', '24-03', '24-02']
    """
    latest_first = sorted(cutoffs, reverse=True)
    last_year = before - pd.DateOffset(years=1)
    season = [day for day in latest_first if abs(day - last_year) <= pd.Timedelta(days=SAME_SEASON)]
    order = list(dict.fromkeys([*latest_first[:1], *season[:1]]))
    for day in latest_first:
        if all(abs(day - other) >= pd.Timedelta(days=horizon) for other in order):
            order.append(day)
    return [*order, *(day for day in latest_first if day not in order)]
