"""The total of a whole shop: the sum of its parts and last year's same weeks, weighted by their earlier accuracy.

The parts are what existing and new customers are expected to spend. Their forecasts carry growth on, which
a shop that repeats its year does not; last year's revenue of the same weeks, without growth, is right there and wrong
where a shop grows. Earlier cutoffs of the same log decide between the two and give the spread of the total: their
errors are measured in units of the error expected from a log of that length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from cltv_ml.models.level_candidates import LEAST_NEW, PACE, WEEKS_YEAR, CohortRevenue, growth, newcomers
from cltv_ml.models.level_priors import error_before
from cltv_ml.models.level_spread import Spread

#: The log error expected of the parts' sum before its record is read, for a horizon that is short next to the log.
_PARTS_ERROR = 0.12

#: What last year's weeks add to their expected error by how much the shop grew since (log units), and by how far they
#: are from the parts' sum: a shop that is another one now does not repeat its year.
_GROWTH_DOUBT, _APART_DOUBT = 0.7, 0.8

#: Independent windows that the errors expected before count for, the largest error of the record that counts, and the
#: power of weights, as for the level (`models.level`).
_PRIOR_WINDOWS, _LARGEST_ERROR, _SHARPNESS, _HALF_LIFE = 2.0, 0.5, 2.5, 365.0

#: The total's log error is expected to be `_PARTS_ERROR` for a horizon as long as the log, to grow with their ratio to
#: this power, and to be larger by this factor as long as the log has not seen the horizon's season a year before.
_RATIO_POWER, _SEASON_UNSEEN = 0.25, 1.5

#: For the spread, independent windows that the expected error counts for, and the largest error of the record: also as
#: long as the season is unseen. The record then comes from the seasons before, and a large error is likely to recur.
_SPREAD_WINDOWS, _SPREAD_WINDOWS_UNSEEN = 0.5, 1.0
_LARGEST_ERROR_UNSEEN = 1.0

#: An 80% interval reaches at least as far as the forecasts from this many latest cutoffs missed on average.
_LATEST = 12

#: Degrees of freedom of the log error, to which the record's independent windows add.
_FREEDOM = 3.0


@dataclass(frozen=True)
class ShopPast:
    """An earlier cutoff: what all customers then spent, and the sum of the parts forecast from what lay before it."""

    cutoff: int
    total: float
    parts: float


@dataclass(frozen=True)
class ShopTotal:
    """A forecast of the whole shop's total."""

    #: The forecast, and the two that it combines; NaN where last year cannot be used.
    total: float
    parts: float
    last_year: float
    #: Weight of last year's weeks, from 0 to 1.
    weight: float
    #: Error distribution of the total; None without an earlier cutoff.
    spread: Spread | None
    #: The same rule at earlier cutoffs, each with what lay before it: `day`, `forecast`, `total` (realised).
    record: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)


def combine_total(
    log: CohortRevenue, cutoff: int, horizon: int, parts: float, past: Sequence[ShopPast]
) -> ShopTotal:
    """Return the total of the horizon after the cutoff; that of the parts where last year cannot be used.

    Parameters
    ----------
    parts
        The sum of the parts' forecasts.
    past
        Earlier cutoffs whose horizon has ended, the oldest first.
    """
    now = ShopPast(cutoff, float("nan"), parts)
    weight, base = _weight(log, cutoff, horizon, parts, past), last_year(log, cutoff, horizon)
    ended = [[earlier for earlier in past if earlier.cutoff + horizon <= shop.cutoff] for shop in past]
    replayed = [_mixed(log, shop, horizon, before) for shop, before in zip(past, ended, strict=True)]
    spread = _total_error_spread(replayed, cutoff, horizon, past) if past else None
    total = _mixed(log, now, horizon, past)
    record = pd.DataFrame(
        {"day": [shop.cutoff for shop in past], "forecast": replayed, "total": [shop.total for shop in past]}
    )
    return ShopTotal(total, parts, float("nan") if base is None else base, weight, spread, record)


def _total_error_spread(
    replayed: Sequence[float], cutoff: int, horizon: int, past: Sequence[ShopPast]
) -> Spread:
    """Return scale and freedom of the total's log error, from the errors of the same rule at earlier cutoffs.

    Forecasts from a longer log usually miss less, and the scale follows that. A shop whose latest forecasts missed by
    more than the 80% interval would reach has not become easier to forecast: it gets the wider one.
    """
    counts, unseen = _evidence_of_past(past, cutoff, horizon), _is_unseen(cutoff, horizon)
    largest = _LARGEST_ERROR_UNSEEN if unseen else _LARGEST_ERROR
    squared = _squared(replayed, [one.total for one in past], largest)
    usual = np.array([_usual_error(one.cutoff, horizon) for one in past])
    before = _SPREAD_WINDOWS_UNSEEN if unseen else _SPREAD_WINDOWS
    over = np.sqrt((before + counts @ (squared / usual**2)) / (before + counts.sum()))
    freedom = float(_FREEDOM + counts.sum())
    least = float(np.sqrt(squared[-_LATEST:]).mean() / stats.t.ppf(0.9, freedom))
    return Spread(max(float(over * _usual_error(cutoff, horizon)), least), freedom)


def _usual_error(cutoff: int, horizon: int) -> float:
    """Return the total's log error that is expected of a log of that many days before its record is read."""
    unseen = _SEASON_UNSEEN if _is_unseen(cutoff, horizon) else 1.0
    return float(_PARTS_ERROR * unseen * (horizon / cutoff) ** _RATIO_POWER)


def _is_unseen(cutoff: int, horizon: int) -> bool:
    """Return whether the log does not hold the horizon's days of a year before."""
    return cutoff < WEEKS_YEAR + horizon


def last_year(log: CohortRevenue, cutoff: int, horizon: int) -> float | None:
    """Return last year's revenue of the same weeks; None where the log lacks them, or nobody has come since."""
    if cutoff < WEEKS_YEAR or horizon > WEEKS_YEAR + 2 or not newcomers(log, cutoff, horizon) >= LEAST_NEW:
        return None
    days = min(horizon, WEEKS_YEAR)  # of last year's 365 days one is not over yet
    revenue = log.last_year(cutoff, cutoff, cutoff + days) * horizon / days
    return revenue if revenue > 0 else None


def _mixed(log: CohortRevenue, at: ShopPast, horizon: int, past: Sequence[ShopPast]) -> float:
    weight = _weight(log, at.cutoff, horizon, at.parts, past)
    return float(at.parts ** (1 - weight) * (last_year(log, at.cutoff, horizon) or 1.0) ** weight)


def _weight(log: CohortRevenue, cutoff: int, horizon: int, parts: float, past: Sequence[ShopPast]) -> float:
    """Return the weight of last year's weeks: squared errors expected of both, to a negative power.

    Both are compared on the cutoffs at which both were available, so that neither gains by missing the difficult ones.
    """
    base = last_year(log, cutoff, horizon)
    if base is None:
        return 0.0
    grown = growth(log, cutoff, horizon)
    doubt = _GROWTH_DOUBT * np.log(grown) if np.isfinite(grown) and grown > 0 else 0.0
    before = error_before(log, cutoff, horizon, "top-down")
    expected = before**2 + doubt**2 + (_APART_DOUBT * np.log(base / parts)) ** 2
    own = _PARTS_ERROR**2 * (1 + horizon / cutoff)
    counts, totals = _evidence_of_past(past, cutoff, horizon), [shop.total for shop in past]
    squared = _squared([shop.parts for shop in past], totals)
    typical = (_PRIOR_WINDOWS * own + counts @ squared) / (_PRIOR_WINDOWS + counts.sum())
    years = [last_year(log, shop.cutoff, horizon) for shop in past]
    both = np.array([year is not None for year in years], dtype=bool)
    if both.any():
        tried = counts[both].sum()
        missed = _squared([year or np.nan for year in years], totals)[both]
        hard = (_PRIOR_WINDOWS * own + counts[both] @ squared[both]) / (_PRIOR_WINDOWS + tried)
        measured = float(np.average(missed, weights=counts[both])) * typical / hard
        expected = (_PRIOR_WINDOWS * expected + tried * measured) / (_PRIOR_WINDOWS + tried)
    return float(1 / (1 + (expected / typical) ** _SHARPNESS))


def _evidence_of_past(past: Sequence[ShopPast], cutoff: int, horizon: int) -> np.ndarray:
    """Return the number of independent windows that each earlier cutoff counts as."""
    days = np.array([one.cutoff for one in past], dtype=np.float64)
    return 0.5 ** ((cutoff - horizon - days) / _HALF_LIFE) / max(1.0, horizon / PACE)


def _squared(
    forecasts: Sequence[float], totals: Sequence[float], largest: float = _LARGEST_ERROR
) -> np.ndarray:
    errors = np.log(np.array(forecasts, dtype=np.float64) / np.array(totals, dtype=np.float64))
    return np.clip(errors, -largest, largest) ** 2
