"""Arrivals: forecasts of the number of customers won on each day after the end of a log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cltv_ml.models.calendar_rate import START_DAYS, Calendar, Rate, draw_weekly, fit_rate, shared_variance

#: Days without an arrival, and the largest probability of such a pause, for the shop to have stopped winning
#: customers. If pauses were usual, as between two firsts of a month, this multiple of the longest one is needed.
_QUIET_DAYS, _UNLIKELY, _PAUSES = 28, 1e-6, 2

#: Standard errors by which the excess at the start of the log must exceed 0.
_TOLD_ABOVE = 1.645


@dataclass(frozen=True)
class Arrivals:
    """A forecast of customers won per day: a negative binomial whose mean is a `Rate`."""

    #: None where the log has stopped winning customers.
    rate: Rate | None
    horizon: int
    #: Variance of a week's common factor: a week's count has the variance m + clump m^2 around its mean m.
    clump: float
    season_seen: bool

    def draw(self, size: int, rng: np.random.Generator, season: np.ndarray | None = None) -> np.ndarray:
        """Return draws of the customers won on each day, shape (size, horizon); `season` are factors of that shape."""
        if self.rate is None:
            return np.zeros((size, self.horizon))
        future = self.rate.calendar.days + np.arange(self.horizon)
        mean = self.rate.rates(self.rate.draw(size, rng), future)
        mean = mean * draw_weekly(self.clump, (size, self.horizon), rng)
        mean = mean if season is None else mean * season
        return rng.poisson(np.minimum(mean, 1e12)).astype(np.float64)

    def seen_before(self, days: int) -> float:
        """Return the share of customers first seen in the log's first days who had bought before it.

        It follows from the fading excess of the first weeks, and is 0 unless the excess is positive with 95%
        probability. It is rather too high, because the excess may fade faster than is assumed.
        """
        if self.rate is None:
            return 0.0
        place = self.rate.calendar.warming_place
        excess, error = self.rate.mean[place], np.sqrt(self.rate.covariance[place, place])
        if excess <= _TOLD_ABOVE * error:
            return 0.0
        day = np.arange(days)
        seen = self.rate.rates(self.rate.mean[None], day)[0]
        return float(1 - (seen * np.exp(-excess * np.exp(-day / START_DAYS))).sum() / seen.sum())

    def expected(self) -> np.ndarray:
        """Return the expected number of each day, shape (horizon,)."""
        if self.rate is None:
            return np.zeros(self.horizon)
        future = self.rate.calendar.days + np.arange(self.horizon)
        X = self.rate.calendar.design(future)
        spread = np.einsum("ij,jk,ik->i", X, self.rate.covariance, X)
        return np.asarray(np.exp(X @ self.rate.mean + np.minimum(spread, 2.0) / 2))


def fit_arrivals(
    counts: np.ndarray,
    start: pd.Timestamp,
    horizon: int,
    holidays: Mapping[str, frozenset[int]] | None = None,
    closed: np.ndarray | None = None,
) -> Arrivals:
    """Return the forecast of customers won after the days of `counts`; days on which it was `closed` do not count.

    The days of a week share a random factor. The days are first fitted as overdispersed Poisson counts; the variance
    of weekly counts in excess of Poisson's gives `clump`, with which the days are fitted again. In the first weeks of
    a log existing customers look new; a term of the rate that fades away accounts for them.

    >>> arrivals = fit_arrivals(np.full(200, 5.0), pd.Timestamp("2024-01-01"), 28)
    >>> arrivals.expected().round().tolist()[:3], arrivals.season_seen
    ([5.0, 5.0, 5.0], False)
    """
    days = len(counts)
    if _has_stopped(counts):
        return Arrivals(None, horizon, 0.0, days >= 365)
    calendar = Calendar(start, days, horizon, weekdays=True, warming=True, holidays=holidays or {})
    day, is_open = np.arange(days), np.ones(days) if closed is None else 1.0 - closed
    rate, clump = fit_rate(calendar, day, counts, is_open), 0.0
    for _ in range(2):
        mean = rate.rates(rate.mean[None], day)[0]
        clump = _weekly_clump(counts * is_open, mean * is_open)
        # A week's common factor weighs on each of its days as if it were seven times as large.
        rate = fit_rate(calendar, day, counts, is_open, clump=7 * clump)
    return Arrivals(rate, horizon, clump, calendar.season)


def _weekly_clump(counts: np.ndarray, mean: np.ndarray) -> float:
    weeks = len(counts) // 7 * 7
    counted, expected = (one[len(one) - weeks :].reshape(-1, 7).sum(axis=1) for one in (counts, mean))
    return shared_variance(counted, expected, 1.0)


def _has_stopped(counts: np.ndarray) -> bool:
    """Return whether the pause since the last arrival is too long for chance and longer than earlier pauses."""
    won = np.flatnonzero(counts)
    if not len(won) or counts.mean() * _QUIET_DAYS <= -np.log(_UNLIKELY):
        return False
    pause = int(np.diff(won).max(initial=1)) - 1
    return len(counts) - 1 - int(won[-1]) >= max(_QUIET_DAYS, _PAUSES * pause)
