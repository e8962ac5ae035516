r"""Rates by calendar day: a penalised quasi-Poisson regression with a trend, a season and weekdays.

A count or an amount of money \(y_i\) on day \(t_i\) with exposure \(e_i\) has the mean

\[ \mu_i = e_i \exp(x(t_i)'\beta + g_i + \delta\, a_i\, \tau(t_i)), \qquad \mathrm{Var}(y_i) = \varphi \mu_i, \]

where \(x\) holds a level that walks from quarter to quarter, a trend \(\tau\) that fades after the log's end, four
harmonics of the year, weekdays and holidays, and \(g\) the effects of groups such as ages. The trend may differ from
group to group: \(\delta\) is its difference per unit of a stated number \(a\) of each group. Normal priors keep each
part near zero where the log says little. The maximum is found by iteratively reweighted least squares; draws come from
the normal approximation around it, the level's walk after the end included. Sources: P. McCullagh and J. Nelder,
Generalized Linear Models, 1989, chapter 9; A. Harvey and S. Peters, Estimation procedures for structural time series
models, Journal of Forecasting 9, 1990.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

#: Days between the points of the level's walk.
KNOT_DAYS = 91

#: Prior standard deviations, in log units, of the level's step between knots and of the trend per year.
WALK, TREND = 0.12, 0.7

#: Prior standard deviation of the first harmonic, in log units; that of the k-th is a k-th of it.
SEASON = 0.4
HARMONICS = 4

#: As `SEASON`, for the season of a log that is too short to show it: with it, bands of single weeks hold what they say.
UNSEEN_SEASON = 0.15

#: Prior standard deviations, in log units, of a weekday, of a holiday, and of the excess at the start of the log.
WEEKDAY, HOLIDAY, START = 2.0, 1.0, 1.5

#: Prior standard deviations, in log units, of the first group and of the step from one group to the next: a group
#: without data stays like the one before it.
GROUP, STEP = 5.0, 0.7

#: Prior standard deviation, in log units per year, of the difference of the trend between groups per unit of `lean`.
DRIFT = 0.2

#: Days in which two thirds of the excess at the start of the log fade.
START_DAYS = 60.0

#: Fewest days of log from which a season is estimated.
SEASON_DAYS = 365

_FIT_STEPS = 60


@dataclass(frozen=True)
class Calendar:
    """The days of a log and of the horizon after it, as regressors."""

    #: The day numbered 0.
    start: pd.Timestamp
    #: Length of the log and of the forecast.
    days: int
    horizon: int
    #: Whether rates differ by weekday; weekly data do not need it.
    weekdays: bool = True
    #: Whether the rate may be inflated at the start of the log, where every customer looks new.
    warming: bool = False
    #: Day numbers of each holiday, by name.
    holidays: Mapping[str, frozenset[int]] = field(default_factory=dict)

    @property
    def season(self) -> bool:
        """Whether the log is long enough to show a season."""
        return self.days >= SEASON_DAYS

    @property
    def warming_place(self) -> int:
        """The regressor of the excess at the log's start; there is one only with `warming`."""
        return len(self.precision()) - 1 - len(self.holidays)

    def design(self, day: np.ndarray) -> np.ndarray:
        """Return the regressors of days, shape (n, columns)."""
        day = np.asarray(day, dtype=np.float64)
        parts = [np.ones((len(day), 1)), self.trend(day)[:, None], self._walk(day)]
        if self.season:
            turn = 2 * np.pi * (day + self.start.day_of_year) / 365.25
            parts += [np.column_stack([np.cos(k * turn), np.sin(k * turn)]) for k in self._orders]
        if self.weekdays:
            weekday = (day.astype(int) + self.start.day_of_week) % 7
            parts.append((weekday[:, None] == np.arange(7)).astype(float))
        if self.warming:
            parts.append(np.exp(-day / START_DAYS)[:, None])
        parts += [np.isin(day, list(days)).astype(float)[:, None] for days in self.holidays.values()]
        return np.hstack(parts)

    def trend(self, day: np.ndarray) -> np.ndarray:
        """Return the trend's regressor: years since the log's end, fading after it."""
        since = (day - self.days) / 365.25
        return np.minimum(since, 0) - np.expm1(-np.maximum(since, 0))

    def precision(self) -> np.ndarray:
        """Return the precision matrix of the priors."""
        knots = len(self._knots)
        steps = np.diff(np.eye(knots), axis=0)
        walk = steps.T @ steps / WALK**2
        walk[0, 0] += 1 / WALK**2
        spreads = [10.0, TREND]
        after = [spread for k in self._orders for spread in [SEASON / k] * 2] if self.season else []
        after += [WEEKDAY] * (7 * self.weekdays) + [START] * self.warming + [HOLIDAY] * len(self.holidays)
        size = 2 + knots + len(after)
        matrix = np.zeros((size, size))
        matrix[np.arange(2), np.arange(2)] = np.array(spreads) ** -2.0
        matrix[2 : 2 + knots, 2 : 2 + knots] = walk
        rest = np.arange(2 + knots, size)
        matrix[rest, rest] = np.array(after) ** -2.0
        return matrix

    @property
    def _orders(self) -> range:
        return range(1, 1 + HARMONICS)

    @property
    def _knots(self) -> np.ndarray:
        count = int(np.ceil((self.days + self.horizon) / KNOT_DAYS)) + 1
        return np.arange(count) * float(KNOT_DAYS)

    def _walk(self, day: np.ndarray) -> np.ndarray:
        """Return the weights of the two knots around each day."""
        place = day / KNOT_DAYS
        left = np.minimum(place.astype(int), len(self._knots) - 2)
        weights = np.zeros((len(day), len(self._knots)))
        rows = np.arange(len(day))
        weights[rows, left] = 1 - (place - left)
        weights[rows, left + 1] = place - left
        return weights


@dataclass(frozen=True)
class Rate:
    """A fitted rate."""

    calendar: Calendar
    #: The coefficients: the calendar's, one per group and, with `lean`, the drift.
    mean: np.ndarray
    covariance: np.ndarray
    #: Variance over mean.
    dispersion: float
    #: A number per group by which its trend differs from the calendar's; None where all groups have the same trend.
    lean: np.ndarray | None = None

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Return draws of the coefficients, shape (size, columns); the first is the estimate itself."""
        values, vectors = np.linalg.eigh(self.covariance)
        half = vectors * np.sqrt(np.maximum(values, 0))
        draws = self.mean + rng.standard_normal((size, len(self.mean))) @ half.T
        draws[0] = self.mean
        return draws

    def rates(self, coefficients: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Return the rate of each draw on each day before group effects, shape (draws, days)."""
        X = self.calendar.design(day)
        return np.exp(np.clip(coefficients[:, : X.shape[1]] @ X.T, -50, 50))

    def groups(self, coefficients: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Return the factor of each draw and group on each day, shape (draws, groups, days or 1)."""
        effects = coefficients[:, self.calendar.precision().shape[0] :, None]
        if self.lean is not None:
            effects = effects[:, :-1] + effects[:, -1:] * self.lean[:, None] * self.calendar.trend(day)
        return np.exp(np.clip(effects, -50, 50))


def fit_rate(
    calendar: Calendar,
    day: np.ndarray,
    y: np.ndarray,
    exposure: np.ndarray,
    group: np.ndarray | None = None,
    *,
    clump: float = 0.0,
    lean: np.ndarray | None = None,
) -> Rate:
    """Return the rate that fits counts or amounts `y` best.

    Parameters
    ----------
    day, y, exposure, group
        One entry per observation; observations without exposure carry no information.
    clump
        Squared coefficient of variation of the factor that observations share, beyond `dispersion`: one of mean m then
        has the variance dispersion x m + clump x m^2.
    """
    exposed = exposure > 0
    X = calendar.design(day[exposed])
    prior = calendar.precision()
    if group is not None:
        count, seen = int(group.max()) + 1, group[exposed]
        X = np.hstack([X, (seen[:, None] == np.arange(count)).astype(float)])
        prior = _with_groups(prior, count)
        if lean is not None:
            X = np.column_stack([X, lean[seen] * calendar.trend(day[exposed])])
            prior = block_diag(prior, DRIFT**-2.0)
    y, log_exposure = y[exposed].astype(float), np.log(exposure[exposed])
    beta = np.zeros(X.shape[1])
    beta[0] = np.log(max(y.sum(), 0.5) / np.exp(log_exposure).sum())
    dispersion, hessian = 1.0, prior
    for _ in range(4):
        beta, hessian, mu = _maximise(X, y, log_exposure, prior, beta, dispersion, clump)
        freedom = max(1.0, len(y) - X.shape[1] / 2)
        pearson = (y - mu) ** 2 / np.maximum(mu * (1 + clump * mu / dispersion), 1e-9)
        dispersion = float(max(1e-6, pearson[mu > 1e-6].sum() / freedom))
    return Rate(calendar, beta, np.linalg.inv(hessian), dispersion, lean)


def shared_variance(observed: np.ndarray, expected: np.ndarray, dispersion: float) -> float:
    """Return the variance of a factor of mean 1 that each period's observations share, from the periods' sums.

    It explains what squared errors exceed `dispersion` times the mean.

    >>> shared_variance(np.array([60.0, 140.0]), np.array([100.0, 100.0]), 4.0)
    0.12
    """
    if not expected.sum() > 0:
        return 0.0
    excess = (observed - expected) ** 2 - dispersion * expected
    return float(max(0.0, excess.sum() / (expected**2).sum()))


def draw_weekly(clump: float, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return Gamma draws of mean 1 and variance `clump`, one for each week of the days; `shape` is (draws, days)."""
    size, days = shape
    if clump <= 0:
        return np.ones(shape)
    return np.repeat(rng.gamma(1 / clump, clump, (size, -(-days // 7))), 7, axis=1)[:, :days]


def draw_unseen_season(
    calendar: Calendar, size: int, horizon: int, rng: np.random.Generator
) -> np.ndarray | None:
    """Return draws of the season after a log too short to show one, of mean 1 in every draw and on every day.

    The shape is (draws, days). None where the log shows its season.
    """
    if calendar.season:
        return None
    turn = 2 * np.pi * np.arange(horizon) / 365.25
    waves = [wave for k in range(1, 1 + HARMONICS) for wave in (np.cos(k * turn) / k, np.sin(k * turn) / k)]
    season = np.exp(UNSEEN_SEASON * rng.standard_normal((size, len(waves))) @ np.array(waves))
    season /= season.mean(axis=1, keepdims=True)
    return np.asarray(season / season.mean(axis=0))


def _with_groups(prior: np.ndarray, count: int) -> np.ndarray:
    size = len(prior)
    matrix = np.zeros((size + count, size + count))
    matrix[:size, :size] = prior
    steps = np.diff(np.eye(count), axis=0)
    matrix[size:, size:] = steps.T @ steps / STEP**2
    matrix[size, size] += GROUP**-2.0
    return matrix


def _maximise(
    X: np.ndarray,
    y: np.ndarray,
    log_exposure: np.ndarray,
    prior: np.ndarray,
    beta: np.ndarray,
    dispersion: float,
    clump: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return coefficients, the Hessian there, and the means: Newton's steps, none longer than 2 in any prediction."""
    hessian = prior
    for _ in range(_FIT_STEPS):
        mu = np.exp(np.clip(X @ beta + log_exposure, -50, 50))
        weight = 1 / (dispersion + clump * mu)
        gradient = X.T @ ((y - mu) * weight) - prior @ beta
        hessian = (X.T * (mu * weight)) @ X + prior
        step = np.linalg.solve(hessian, gradient)
        longest = float(np.abs(X @ step).max(initial=0.0))
        beta = beta + step * min(1.0, 2.0 / max(longest, 1e-12))
        if longest < 1e-6:
            break
    return beta, hessian, np.exp(np.clip(X @ beta + log_exposure, -50, 50))
