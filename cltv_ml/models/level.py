"""The level: a forecast of existing customers' total spend, with its uncertainty.

Ranking and level are separate problems. A customer model may rank customers well and still carry the total of another
season or another mix of ages into the next window. The total therefore has forecasts of its own
(`models.level_candidates`), weighted by their errors at earlier cutoffs of the same log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cltv_ml.models.level_breaks import Break, Month, find_break
from cltv_ml.models.level_by_cohort import every_candidate
from cltv_ml.models.level_candidates import PACE, CohortRevenue
from cltv_ml.models.level_peaks import after_peak
from cltv_ml.models.level_priors import LEARNED, REFERENCE, SEASONAL, error_before
from cltv_ml.models.level_spread import Spread

#: Weight of the prior error, in independent windows: one window must not move the level from the models' own total.
_PRIOR_WINDOWS = 2.0

#: Errors in the record are capped at this (log units), so that one unusual order does not decide.
_LARGEST_ERROR = 0.5

#: Smallest log error of a level without any earlier cutoff.
_UNTRIED = 0.25

#: The combination's error relative to the one expected from its candidates' weights: their errors partly cancel.
#: Errors at earlier cutoffs are better evidence, so the expectation counts as one window next to them.
_CANCELLED = 0.7
_SPREAD_WINDOWS = 1.0

#: Candidates that disagree show that this window is unlike the earlier ones: this share of their weighted standard
#: deviation (log units) adds to the error.
_DISAGREED = 0.5

#: Factor of the error where the log does not hold the season of the horizon, nor did the earlier cutoffs.
_UNSEEN = 1.3

#: Most earlier cutoffs, a twelfth of a year apart: those of a year, and those a year before each.
_STEPS = 26

#: Days of age that halve the weight of an earlier error.
_HALF_LIFE = 365.0

#: Earlier cutoffs are evidence as far as their customers had the same age as today's: the weight falls by 40% where
#: the mean log age differs by this much. A cohort that was always young says almost nothing about today.
_AGE_APART = 0.6

#: A candidate tried at fewer cutoffs than this, and with less than half of the weight, may differ from the reference by
#: at most a factor of 2 or the reference's largest miss so far, whichever is larger.
_LEAST_TRIED = 2
_TRUSTED = 0.5
_UNTRIED_REACH = float(np.log(2.0))

#: No candidate may lie further than this factor from the one in the middle, half of the weight on either side.
_FARTHEST = 4.0

#: A weight is the expected squared error to minus this power, sharper than 1 / MSE: errors are not independent.
_SHARPNESS = 2.5


@dataclass(frozen=True)
class Past:
    """An earlier cutoff: the total that existing customers spent after it, and each candidate's forecast of it."""

    cutoff: int
    total: float
    forecasts: Mapping[str, float]


@dataclass(frozen=True)
class Basis:
    """The inputs of a level, in days since the first day of the log."""

    log: CohortRevenue
    cutoff: int
    horizon: int
    bottom_up: Mapping[int, float]
    months: Mapping[int, Month]


@dataclass(frozen=True)
class Level:
    """A forecast of the total with its predictive distribution: log(total) is Student's t around log(`total`).

    Attributes
    ----------
    sigma, freedom
        Scale of the log error and degrees of freedom.
    table
        One row per candidate: `candidate`, `total`, `weight`, `error` (expected size of its log error), `cutoffs`
        (number of earlier ones it is compared on) and `missed` (its mean |bias| at all those where it was tried).
    record
        The combination at earlier cutoffs, each forecast from the log before it: `day`, `total`, `forecast`,
        `season_seen`, and `ago`, days before the cutoff.
    season_seen
        Whether a candidate that knows last year's season has a weight.
    broken
        Break or doubt found in the last months.
    notes
        Sentences on the assumptions about days on which the shop was closed, and about unusual months.
    basis
        The inputs, so that a later forecast can be added.
    """

    total: float
    sigma: float
    freedom: float
    table: pd.DataFrame
    record: pd.DataFrame
    season_seen: bool
    broken: Break = field(default_factory=Break)
    notes: tuple[str, ...] = ()
    basis: Basis | None = field(default=None, repr=False, compare=False)

    @property
    def spread(self) -> Spread:
        """The distribution of the true total around this forecast."""
        return Spread(self.sigma, self.freedom)

    def interval(self, coverage: float = 0.9) -> tuple[float, float]:
        """Return the ends between which the total lies with probability `coverage`."""
        return self.spread.interval(self.total, coverage)

    def factors(self, count: int = 9) -> np.ndarray:
        """Return equally likely ratios of the true total to the forecast, from low to high, shape (count,)."""
        return self.spread.factors(count)


def past_days(cutoff: int) -> list[int]:
    """Return the days that need bottom-up forecasts: the cutoff, and earlier ones a twelfth of a year apart.

    >>> past_days(120)
    [120, 90, 59, 29]
    """
    days = (cutoff - round(step * PACE) for step in range(1 + _STEPS))
    return [day for day in days if day >= 28]


def estimate_level(
    log: CohortRevenue,
    cutoff: int,
    horizon: int,
    bottom_up: Mapping[int, float],
    learned: Mapping[int, float] | None = None,
    months: Mapping[int, Month] | None = None,
) -> Level | None:
    """Return the level of the horizon after the cutoff, None where no candidate can be computed.

    The forecast is the geometric mean of the candidates, each weighted by how small its squared log error is
    expected to be (`weigh`).

    Parameters
    ----------
    bottom_up
        The sum of a probabilistic model's values by day (`past_days`), each fitted on the log before that day.
    learned
        Totals of trees by day, where there are any.
    months
        Errors of bottom-up forecasts by month (`level_breaks.monthly_misses`).
    """
    learned, months = learned or {}, months or {}
    past = _past_forecasts(log, cutoff, horizon, bottom_up, learned)
    now = every_candidate(log, cutoff, horizon, bottom_up) | _learned_at(learned, cutoff)
    if not now:
        return None
    weights, errors, tried = weigh(log, cutoff, horizon, now, past)
    bounded = _held(now, weights, tried, past)
    record = _replay(log, horizon, past, months)
    seasonal = bool(set(SEASONAL) & set(now))
    apart = _DISAGREED * _apart(bounded, weights)
    sigma, freedom = _error_spread(log, record, cutoff, horizon, float(np.sqrt(weights @ errors**2)))
    table = pd.DataFrame(
        {
            "candidate": list(now),
            "total": list(now.values()),
            "weight": weights,
            "error": errors,
            "cutoffs": tried,
            "missed": [_missed(name, past) for name in now],
        }
    )
    record["ago"] = cutoff - record["day"]
    broken, before = find_break(months, cutoff), _geometric_mean(bounded, weights)
    total = after_peak(log, cutoff, horizon, broken.follow(before, bounded, weights), seasonal)
    spread = float(np.linalg.norm([sigma, apart, broken.doubt(before, bounded, weights)]))
    spread *= 1.0 if seasonal else _UNSEEN
    basis = Basis(log, cutoff, horizon, bottom_up, months)
    return Level(total, spread, freedom, table, record, seasonal, broken, basis=basis)


def _past_forecasts(
    log: CohortRevenue,
    cutoff: int,
    horizon: int,
    bottom_up: Mapping[int, float],
    learned: Mapping[int, float],
) -> list[Past]:
    """Return the candidates' forecasts at earlier cutoffs whose horizon has ended, with the realised totals."""
    past = []
    for day in sorted(day for day in past_days(cutoff) if day + horizon <= cutoff):
        total = log.revenue(day, day + horizon, known=day)
        before = {one: value for one, value in bottom_up.items() if one <= day}
        forecasts = every_candidate(log, day, horizon, before) | _learned_at(learned, day)
        straddles = day < log.step < day + horizon  # nothing before a step could know of it
        if total > 0 and forecasts and not straddles:
            past.append(Past(day, total, forecasts))
    return past


def _learned_at(learned: Mapping[int, float], day: int) -> dict[str, float]:
    return {LEARNED: learned[day]} if day in learned else {}


def weigh(
    log: CohortRevenue, cutoff: int, horizon: int, now: Mapping[str, float], past: Sequence[Past]
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Return the candidates' weights, the log errors expected of them, and at how many cutoffs each was tried.

    The reference's squared error is the mean over earlier cutoffs, shrunk to its prior. Another candidate is compared
    with it on the cutoffs at which both were available, so that none gains by missing hard ones: its squared error is
    the reference's times the ratio of both there. Weights are inverse squared errors to the power `_SHARPNESS`.
    """
    counts = _evidence(log, cutoff, horizon, past)
    squared = _squared_errors(list(now), past)
    reference = _squared_errors([REFERENCE], past)[:, 0]
    own = np.isfinite(reference)
    before = error_before(log, cutoff, horizon, REFERENCE) ** 2
    typical = _pulled(before, reference[own], counts[own])
    expected, tried = [], []
    for place, name in enumerate(now):
        both = np.isfinite(squared[:, place]) & (own | (not own.any()))
        error = error_before(log, cutoff, horizon, name, now[name] / now.get(REFERENCE, now[name])) ** 2
        weight = counts[both].sum()
        if name not in SEASONAL:  # nothing but its record lets it be right where the reference was wrong
            error *= max(1.0, typical / before) ** (_PRIOR_WINDOWS / (_PRIOR_WINDOWS + weight))
        if name == REFERENCE:
            error = typical
        elif weight > 0:
            hard = _pulled(before, reference[both], counts[both]) if own.any() else typical
            measured = float(np.average(squared[both, place], weights=counts[both])) * typical / hard
            error = (_PRIOR_WINDOWS * error + weight * measured) / (_PRIOR_WINDOWS + weight)
        expected.append(error)
        tried.append(int(both.sum()))
    weights = np.array(expected) ** -_SHARPNESS
    return weights / weights.sum(), np.sqrt(expected), tried


def _evidence(log: CohortRevenue, cutoff: int, horizon: int, past: Sequence[Past]) -> np.ndarray:
    """Return the number of independent windows for which each earlier cutoff counts.

    Overlapping windows repeat evidence; old windows show another shop, younger customers another population.
    """
    days = np.array([one.cutoff for one in past], dtype=np.float64)
    overlap = max(1.0, horizon / PACE)
    recent = 0.5 ** ((cutoff - horizon - days) / _HALF_LIFE)
    apart = np.array([log.log_age(one.cutoff) for one in past]) - log.log_age(cutoff)
    return recent * np.exp(-0.5 * (apart / _AGE_APART) ** 2) / overlap


def _held(
    now: Mapping[str, float], weights: np.ndarray, tried: Sequence[int], past: Sequence[Past]
) -> dict[str, float]:
    """Return the forecasts, all within `_FARTHEST` of the middle one, most of the others near the reference.

    A ratio to a base near zero is meaningless. The middle has half of the weight on either side: in a shop of one
    season most candidates know no season and share their errors.
    """
    totals = np.array(list(now.values()))
    order = np.argsort(totals)
    centre = float(totals[order][np.searchsorted(np.cumsum(weights[order]), 0.5 * weights.sum())])
    near = dict(zip(now, np.clip(totals, centre / _FARTHEST, centre * _FARTHEST).tolist(), strict=True))
    middle = now.get(REFERENCE)
    if middle is None:
        return near
    misses = np.log([one.total / one.forecasts[REFERENCE] for one in past if REFERENCE in one.forecasts])
    reach = float(np.exp(max([_UNTRIED_REACH, *np.abs(misses)])))
    free = (np.array(tried) >= _LEAST_TRIED) | (weights >= _TRUSTED)
    return {
        name: total if alone else float(np.clip(total, middle / reach, middle * reach))
        for (name, total), alone in zip(near.items(), free, strict=True)
    }


def _squared_errors(names: Sequence[str], past: Sequence[Past]) -> np.ndarray:
    """Return squared log errors by cutoff and candidate, NaN where there is none."""
    errors = np.array(
        [[np.log(one.forecasts.get(name, np.nan) / one.total) for name in names] for one in past]
    )
    return np.clip(errors, -_LARGEST_ERROR, _LARGEST_ERROR).reshape(len(past), len(names)) ** 2


def _pulled(before: float, squared: np.ndarray, counts: np.ndarray) -> float:
    """Return the mean squared error shrunk to `before`, which counts as `_PRIOR_WINDOWS` windows."""
    return float((_PRIOR_WINDOWS * before + counts @ squared) / (_PRIOR_WINDOWS + counts.sum()))


def _missed(name: str, past: Sequence[Past]) -> float:
    """Return the mean |bias| of a candidate at earlier cutoffs, NaN where it was never tried."""
    biases = [abs(one.forecasts[name] / one.total - 1) for one in past if name in one.forecasts]
    return float(np.mean(biases)) if biases else float("nan")


def _geometric_mean(forecasts: Mapping[str, float], weights: np.ndarray) -> float:
    return float(np.exp(weights @ np.log(list(forecasts.values()))))


def _apart(forecasts: Mapping[str, float], weights: np.ndarray) -> float:
    """Return the weighted standard deviation of the logs of the forecasts."""
    logs = np.log(list(forecasts.values()))
    return float(np.sqrt(weights @ (logs - weights @ logs) ** 2))


def _replay(
    log: CohortRevenue, horizon: int, past: Sequence[Past], months: Mapping[int, Month]
) -> pd.DataFrame:
    """Return the combination at each earlier cutoff, its weights read on windows that had ended by then."""
    rows = []
    for one in past:
        ended = [other for other in past if other.cutoff + horizon <= one.cutoff]
        weights, _, tried = weigh(log, one.cutoff, horizon, one.forecasts, ended)
        seasonal = bool(set(SEASONAL) & set(one.forecasts))
        held = _held(one.forecasts, weights, tried, ended)
        forecast = find_break(months, one.cutoff).follow(_geometric_mean(held, weights), held, weights)
        forecast = after_peak(log, one.cutoff, horizon, forecast, seasonal)
        rows.append((one.cutoff, one.total, forecast, seasonal))
    return pd.DataFrame(rows, columns=["day", "total", "forecast", "season_seen"])


def _error_spread(
    log: CohortRevenue, record: pd.DataFrame, cutoff: int, horizon: int, expected: float
) -> tuple[float, float]:
    """Return scale and degrees of freedom of the log error, from the forecasts at earlier cutoffs.

    They count next to `_SPREAD_WINDOWS` windows with the error expected from the candidates' weights, part of which
    cancels out (`_CANCELLED`). Without such forecasts the scale is at least `_UNTRIED`.
    """
    past = [Past(int(day), 1.0, {}) for day in record["day"]]
    counts = _evidence(log, cutoff, horizon, past)
    missed = np.log(record["forecast"] / record["total"]).to_numpy(dtype=np.float64)
    squared = np.clip(missed, -_LARGEST_ERROR, _LARGEST_ERROR) ** 2
    expected = expected * _CANCELLED if len(record) else max(expected, _UNTRIED)
    windows = _SPREAD_WINDOWS + counts.sum()
    variance = (_SPREAD_WINDOWS * expected**2 + counts @ squared) / windows
    return float(np.sqrt(variance)), float(3.0 + counts.sum())
