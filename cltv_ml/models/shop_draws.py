"""Draws of a whole shop's future: revenue of existing and new customers by period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cltv_ml.models.arrivals import Arrivals
from cltv_ml.models.calendar_rate import draw_unseen_season, draw_weekly
from cltv_ml.models.level_spread import Spread
from cltv_ml.models.value_by_age import ValueByAge

#: Largest factor by which the level may move future customers' later spend, either way.
MOST_LEVEL = 2.0


@dataclass(frozen=True)
class ShopDraws:
    """Draws by period, each of shape (draws, periods), in currency or customers."""

    #: Spend of the log's customers.
    known: np.ndarray
    #: Spend of future customers on their first day, and after it.
    first: np.ndarray
    repeat: np.ndarray
    #: Number of future customers.
    won: np.ndarray

    @property
    def new(self) -> np.ndarray:
        """Total spend of future customers."""
        return self.first + self.repeat

    @property
    def total(self) -> np.ndarray:
        """Total spend of all customers."""
        return self.known + self.new

    def brought_to(self, total: float, before: float, spread: Spread | None) -> ShopDraws:
        """Return the draws with all amounts of a draw multiplied by one factor; numbers of customers stay the same.

        Parameters
        ----------
        total, before
            The forecast of the whole total, and the one around which the draws were made.
        spread
            Distribution of the draws' totals around `total`, in their present order; None keeps their spread.
        """
        sums = np.maximum(self.total.sum(axis=1), 1e-12)
        factor = np.full(len(sums), total / before)
        if spread is not None:
            factor = total * spread.factors(len(sums))[sums.argsort().argsort()] / sums
        by = factor[:, None]
        return ShopDraws(self.known * by, self.first * by, self.repeat * by, self.won)


def draw_shop(
    value: ValueByAge,
    arrivals: Arrivals,
    totals: np.ndarray | None,
    edges: np.ndarray,
    *,
    level: float | None = None,
    seed: int = 0,
) -> ShopDraws:
    """Return joint draws of every part of a shop's revenue.

    Each draw has a total of the existing customers, spread over time by the value by age; parameters of all rates;
    arrivals; a factor of each week that all customers share; a season where the log is too short to show it; and the
    chance of single orders, a Gamma amount whose variance is the rate's dispersion times its mean.
    The excess of a draw's total over the value by age's own is taken as the shop's level, which future customers
    share. Their rates are then the estimated ones, because a draw's rates at ages that the log barely shows say
    nothing about the level.

    Parameters
    ----------
    totals
        Draws of existing customers' spend over the whole horizon, shape (draws,); None takes the value by age's own.
    level
        The shop's level, which a draw shares as far as its total is above or below the median; None takes the ratio of
        each total to the value by age's own.
    edges
        Days after the log at which periods begin, and the end of the last.
    """
    size = 1000 if totals is None else len(totals)
    rng = np.random.default_rng(seed)
    ahead = np.arange(int(edges[-1]))
    future = value.repeat.calendar.days + ahead
    coefficients = value.repeat.draw(size, rng)
    from_known = value.known(coefficients, future)
    season = draw_unseen_season(value.repeat.calendar, size, len(ahead), np.random.default_rng([seed, 2]))
    won = arrivals.draw(size, rng, season)
    first = won * value.first.rates(value.first.draw(size, rng), future)
    if totals is None:
        totals, repeat = from_known.sum(axis=1), value.repeats(coefficients, won, future)
    else:
        mean = value.repeat.mean[None]
        own = float(value.known(mean, future).sum()) if level is None else float(np.median(totals)) / level
        repeat = value.repeats(mean, won, future) * relative_level(totals, own)[:, None]
    shared = draw_weekly(value.clump, won.shape, np.random.default_rng([seed, 1]))
    shared = shared / shared.mean(axis=0)  # so that a week's expected spend stays as it is
    shared = shared if season is None else shared * season
    spent = _chance(_summed_by_period(from_known * shared, edges), value.repeat.dispersion, rng)
    scale = totals / np.maximum(spent.sum(axis=1), 1e-12)
    return ShopDraws(
        spent * scale[:, None],
        _chance(_summed_by_period(first, edges), value.first.dispersion, rng),
        _chance(_summed_by_period(repeat * shared, edges), value.repeat.dispersion, rng),
        _summed_by_period(won, edges),
    )


def relative_level(totals: np.ndarray, own: float) -> np.ndarray:
    """Return the ratio of existing customers' totals to those expected from their value by age, within bounds."""
    return np.clip(totals / max(own, 1e-12), 1 / MOST_LEVEL, MOST_LEVEL)


def _summed_by_period(daily: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the sum of each period's days; a period may have none."""
    begins, ends = edges[:-1].astype(int), edges[1:].astype(int)
    summed = np.zeros((len(daily), len(begins)))
    some = ends > begins
    summed[:, some] = np.add.reduceat(daily, begins[some], axis=1)
    return summed


def _chance(mean: np.ndarray, dispersion: float, rng: np.random.Generator) -> np.ndarray:
    """Return Gamma draws of the means given, with the variance dispersion x mean."""
    shape = mean / dispersion
    return np.where(shape > 0, rng.gamma(np.maximum(shape, 1e-12), dispersion), 0.0)
