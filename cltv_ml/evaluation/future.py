"""The value of a log's customers beyond the champion's horizon, and draws of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.evaluation.levels import forecast_level, forecast_levels
from cltv_ml.evaluation.year_apart import windows_year_apart
from cltv_ml.features import build_features
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import Level, Spread
from cltv_ml.models.fit_cache import shared_fits
from cltv_ml.models.future_value import FutureValue, growth_beyond_year
from cltv_ml.models.kept_spend import YEAR, YearApart
from cltv_ml.tables import SUMMARY
from cltv_ml.windows import Window

#: Draws per customer for intervals, and the share that they hold.
DRAWS, COVERAGE = 200, 0.9


@dataclass(frozen=True)
class Future:
    """The future of the customers of one day: their summary, the model's values, the fitted curve, and draws of the
    level.

    `own` are the model's values by horizon in days, `totals_by_day` the levels of other horizons within a year. `near`
    and `far` are equally likely ratios of the true level to the forecast, of the horizon and of a year, in the same
    random order; `spread` is the distribution behind those of the horizon, None where it is unknown.
    """

    X: pd.DataFrame
    own: pd.DataFrame
    model: FutureValue
    totals_by_day: Mapping[int, float]
    near: np.ndarray
    far: np.ndarray
    spread: Spread | None

    def expected(self, days: list[int], discount_rate: float = 0.0) -> pd.DataFrame:
        """Return each customer's expected spend within each of `days`, by the curve beyond the model's horizon."""
        return self.model.predict(self.X, self.own[self.model.horizon], days, discount_rate)

    def by_horizon(self, days: Sequence[int]) -> pd.DataFrame:
        """Return each customer's expected spend within each of `days`, not discounted; none falls as the days grow.

        Horizons that the model was trained for have its own values. Of others the curve gives each customer's share,
        and all of them add up to the total that `cltv forecast` starts from (`forecast_known`).
        """
        horizons = sorted({*days, *self.own.columns})
        curve = self.expected(horizons)
        values, before = {}, np.zeros(len(self.X))
        for day in horizons:
            later = [self.own[other] for other in self.own.columns if other > day]
            if day in self.own:
                before = np.maximum(before, self.own[day].to_numpy())
            elif later:
                most = later[0].to_numpy()
                total = self.totals_by_day.get(day)
                before = _with_total(before, np.clip(curve[day], before, most), most, total)
            else:
                before = np.maximum(before, curve[day].to_numpy())
            values[day] = before
        return pd.DataFrame(values, index=self.X.index)[list(days)]

    def expected_path(self, days: Sequence[int], shown: pd.DataFrame) -> pd.Series:
        """Return the total expected within each of `days`, through the values that are `shown`, columns days."""
        anchors = {**{day: shown[day] for day in shown}, **{day: self.own[day] for day in self.own}}
        through = replace(self, own=pd.DataFrame(dict(sorted(anchors.items()))))
        return through.by_horizon(days).sum()

    def interval(self, days: int, expected: pd.Series) -> pd.DataFrame:
        """Return the 90% bounds of each customer's spend in `days`, `lower` and `upper`: those of a served model."""
        return self.model.interval(self.X, expected, days, COVERAGE)

    def totals(
        self, days: int, expected: pd.Series, rates: pd.Series | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return draws of what all spend in `days`, and of the profit of it.

        The draws are the purchase and spend models', scaled to the mean `expected`: they hold chance, the
        uncertainty of the parameters and that of the level. `rates` turn spend into profit.
        """
        rate = np.ones(len(self.X)) if rates is None else rates.fillna(0.0).to_numpy()
        sums, profits = np.zeros(DRAWS), np.zeros(DRAWS)
        for rows, drawn in self._draws(days, expected):
            sums += drawn.sum(axis=0)
            profits += rate[rows] @ drawn
        return sums, profits

    def sums(self, days: int, expected: pd.Series, groups: np.ndarray) -> np.ndarray:
        """Return draws of what customers spend in `days` by group, shape (groups, draws), as `totals` draws them.

        `groups` numbers each customer's group from 0 on.
        """
        sums = np.zeros((int(groups.max()) + 1, DRAWS))
        for rows, drawn in self._draws(days, expected):
            np.add.at(sums, groups[rows], drawn)
        return sums

    def _draws(self, days: int, expected: pd.Series) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the draws of some customers after others, with their rows."""
        model = self.model.within(days)
        scale = expected.to_numpy() / np.maximum(model.predict(self.X), np.finfo(float).tiny)
        factors, first = (self.near if days <= self.model.horizon else self.far), 0
        for block in model.draw_values(self.X, DRAWS):
            rows = slice(first, first + len(block))
            yield rows, block * scale[rows, None] * factors
            first += len(block)


def forecast_future(
    log: AnyLog,
    X: pd.DataFrame,
    own: pd.DataFrame,
    cutoff: pd.Timestamp,
    *,
    spread: Spread | None = None,
    days: Sequence[int] = (),
    path: Sequence[int] = (),
) -> Future:
    """Return the future of customers `X` after the cutoff.

    Parameters
    ----------
    own
        A model's values of the customers, a column per horizon in days; the curve continues from the longest.
    spread
        The error distribution of the model's total from its training; without it, it is estimated from the log.
    days, path
        Further horizons whose values are to be returned, and days of which `expected_path` is.

    Raises
    ------
    InputError
        Nobody has bought on a second day.
    """
    horizon = max(own.columns)
    further = [day for day in days if day < YEAR and day not in own]
    with shared_fits():
        lengths = dict.fromkeys((horizon, max(horizon, YEAR), *further))
        levels = {day: forecast_level(log, Window(cutoff, day)) for day in lengths}
        between = [day for day in path if day < YEAR and day not in own and day not in levels]
        levels |= forecast_levels(log, cutoff, between)
    year = levels[max(horizon, YEAR)]
    place = np.random.default_rng(0).permutation(DRAWS)
    estimated, beyond = (None if one is None else one.spread for one in (levels[horizon], year))
    spread = spread or estimated
    near, far = (np.ones(DRAWS) if one is None else one.factors(DRAWS)[place] for one in (spread, beyond))
    X = X[SUMMARY]
    totals = {day: level.total for day in (*further, *between) if (level := levels[day]) is not None}
    ahead = {day: totals[day] for day in further if day in totals}
    earlier = windows_year_apart(log, cutoff)
    model = fit_future(X, own[horizon], horizon, year, totals=ahead, exact=days, earlier=earlier)
    return Future(X, own, model, totals, near, far, spread)


def forecast_known(log: AnyLog, window: Window) -> Level | None:
    """Return the level of existing customers for a horizon of any length, None where it cannot be forecast.

    Beyond a year it is the year's level times the growth that the best-fitting purchase model expects of today's
    customers, because over years the level's own candidates miss customers who leave.
    """
    log, level = Log.of(log), forecast_level(log, window)
    year = forecast_level(log, Window(window.cutoff, YEAR)) if window.horizon > YEAR else None
    if level is None or year is None:
        return level
    X = build_features(log, window.cutoff, names=SUMMARY)
    try:
        growth = growth_beyond_year(X, window.horizon, windows_year_apart(log, window.cutoff))
    except InputError:  # nobody has bought on a second day
        return level
    return replace(level, total=year.total * growth)


def _with_total(least: np.ndarray, curve: np.ndarray, most: np.ndarray, total: float | None) -> np.ndarray:
    """Return values with the curve's shares, between `least` and `most`, that add up to a total as far as these allow.

    >>> _with_total(np.zeros(2), np.array([1.0, 3.0]), np.array([4.0, 4.0]), 6.0)
    array([2.5, 3.5])
    """
    if total is None:
        return curve
    total = max(total, least.sum())
    if total <= curve.sum() or not np.isfinite(most).all():
        grown = curve.sum() - least.sum()
        return least + (curve - least) * ((total - least.sum()) / grown if grown > 0 else 0.0)
    left = most.sum() - curve.sum()
    return most - (most - curve) * (max(most.sum() - total, 0.0) / left if left > 0 else 0.0)


def fit_future(
    X: pd.DataFrame,
    values: pd.Series,
    horizon: int,
    year: Level | None,
    *,
    totals: Mapping[int, float] | None = None,
    exact: Sequence[int] = (),
    earlier: Sequence[YearApart] = (),
) -> FutureValue:
    """Return the value beyond the horizon, fitted at the level of a year where that is known.

    `totals` are those of fewer days; `exact` and `earlier` are as in `FutureValue.fit`.

    Raises
    ------
    InputError
        Nobody has bought on a second day.
    """
    if year is None:
        return FutureValue(horizon).fit(X, values, exact=exact, earlier=earlier)
    totals, spread = {**(totals or {}), YEAR: year.total}, (year.sigma, year.freedom)
    return FutureValue(horizon).fit(X, values, totals, spread, exact=exact, earlier=earlier)
