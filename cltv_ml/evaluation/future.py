"""The value of a log's customers beyond the champion's horizon, and draws of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.log import AnyLog
from cltv_ml.models import Level, Spread
from cltv_ml.models.fit_cache import shared_fits
from cltv_ml.models.future_value import YEAR, FutureValue
from cltv_ml.tables import SUMMARY
from cltv_ml.windows import Window

#: Draws per customer for intervals, and the share that they hold.
DRAWS, COVERAGE = 200, 0.9


@dataclass(frozen=True)
class Future:
    """Fitted on the customers of one day: their summary, the model's values, how they go on, and the level's draws.

    `near` and `far` are equally likely ratios of the true level to the forecast, of the horizon and of a year, in the
    same random order; `spread` is the distribution behind those of the horizon, None where it is unknown.
    """

    X: pd.DataFrame
    values: pd.Series
    model: FutureValue
    near: np.ndarray
    far: np.ndarray
    spread: Spread | None

    def expected(self, days: list[int], discount_rate: float = 0.0) -> pd.DataFrame:
        """Return each customer's expected spend within each of `days`."""
        return self.model.predict(self.X, self.values, days, discount_rate)

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
        model = self.model.within(days)
        scale = expected.to_numpy() / np.maximum(model.predict(self.X), np.finfo(float).tiny)
        factors = self.near if days <= self.model.horizon else self.far
        rate = np.ones(len(self.X)) if rates is None else rates.fillna(0.0).to_numpy()
        sums, profits, first = np.zeros(DRAWS), np.zeros(DRAWS), 0
        for part in model.draw_values(self.X, DRAWS):
            rows = slice(first, first + len(part))
            drawn = part * scale[rows, None] * factors
            sums += drawn.sum(axis=0)
            profits += rate[rows] @ drawn
            first += len(part)
        return sums, profits


def forecast_future(
    log: AnyLog, X: pd.DataFrame, values: pd.Series, window: Window, spread: Spread | None = None
) -> Future:
    """Return the future of customers `X` after `window`, whose horizon a model's `values` cover.

    `spread` is the error distribution of the model's total from its training; without it, it is estimated from the log.

    Raises
    ------
    InputError
        Nobody has bought on a second day.
    """
    year = Window(window.cutoff, max(window.horizon, YEAR))
    with shared_fits():
        levels = [forecast_level(log, one) for one in (window, year)]
    place = np.random.default_rng(0).permutation(DRAWS)
    own, beyond = (None if one is None else one.spread for one in levels)
    spread = spread or own
    near, far = (np.ones(DRAWS) if one is None else one.factors(DRAWS)[place] for one in (spread, beyond))
    X = X[SUMMARY]
    return Future(X, values, fit_future(X, values, window.horizon, levels[1]), near, far, spread)


def fit_future(X: pd.DataFrame, values: pd.Series, horizon: int, year: Level | None) -> FutureValue:
    """Return the value beyond the horizon, fitted at the level of a year where that is known.

    Raises
    ------
    InputError
        Nobody has bought on a second day.
    """
    if year is None:
        return FutureValue(horizon).fit(X, values)
    return FutureValue(horizon).fit(X, values, year.total, (year.sigma, year.freedom))
