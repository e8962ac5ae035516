"""Simulated shops whose level moves in a known way: what a forecast of the total must stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

START = pd.Timestamp("2019-01-01")

#: A profile over the days of the log, in days since its start: arrivals or a multiple of the purchase rate.
Profile = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class World:
    """A shop: how customers arrive, buy, fade and spend.

    Parameters
    ----------
    days, customers
        Length of the log and customers in all.
    arrivals
        How many arrive by day, up to a constant.
    pace
        Multiple of the purchase rate by day: season, trend or shock.
    yearly_rate
        Mean purchases a year of a customer who stays; rates are Gamma with this shape `spread`.
    lifetime, fading
        Scale in days and shape of the Gamma mixture of death rates: the smaller the shape, the more newcomers
        leave at once and the longer the others stay.
    horizon, step
        Days to forecast, and days between cutoffs.
    cutoffs
        Number of cutoffs, the last one a horizon before the log ends.
    """

    days: int = 900
    customers: int = 4_000
    arrivals: Profile = lambda day: np.ones(len(day))
    pace: Profile = lambda day: np.ones(len(day))
    yearly_rate: float = 12.0
    spread: float = 0.8
    lifetime: float = 250.0
    fading: float = 0.7
    horizon: int = 90
    step: int = 30
    cutoffs: int = 12

    @property
    def windows(self) -> list[pd.Timestamp]:
        """The cutoffs to judge at, the earliest first."""
        last = self.days - self.horizon
        return [START + pd.Timedelta(days=last - self.step * back) for back in range(self.cutoffs)][::-1]


def _season(height: float, peak: float = 335.0) -> Profile:
    """Return a yearly season: a broad wave and a narrow peak around one day of the year."""

    def pace(day: np.ndarray) -> np.ndarray:
        away = np.abs((day - peak + 182.6) % 365.25 - 182.6)
        return 1 + height * np.exp(-((away / 30) ** 2)) + 0.15 * np.cos(2 * np.pi * (day - peak) / 365.25)

    return pace


def _explosion(day: np.ndarray) -> np.ndarray:
    """Return arrivals of which nine tenths fall into the last nine months before the last quarter."""
    return np.where(day < 360, 0.01 + 0.03 * day / 360, np.exp((day - 360) / 150) * 0.12)


#: The worlds by name.
WORLDS: dict[str, World] = {
    "durable_goods": World(days=1460, customers=9_000, yearly_rate=0.7, lifetime=2_000, horizon=182),
    "one_cohort": World(days=546, arrivals=lambda day: (day < 90).astype(float), lifetime=150, cutoffs=9),
    "fast_growth": World(
        days=730, customers=8_000, arrivals=_explosion, lifetime=40, fading=0.45, cutoffs=15
    ),
    "steady_growth": World(arrivals=lambda day: np.exp(day / 500)),
    "decline": World(arrivals=lambda day: np.exp(-day / 300), pace=lambda day: np.exp(-day / 900)),
    "shock": World(pace=lambda day: np.where((day > 560) & (day < 680), 0.55, 1.0), horizon=60),
    "no_season": World(),
    "seasonal_retailer": World(days=1461, customers=6_000, pace=_season(1.8), yearly_rate=5, lifetime=500),
    "seasonal_year_ahead": World(
        days=1461, customers=6_000, pace=_season(1.8), yearly_rate=5, lifetime=500, horizon=365, cutoffs=6
    ),
    "start_up": World(
        days=1096,
        customers=8_000,
        arrivals=lambda day: np.exp(day / 280),
        pace=_season(0.8),
        lifetime=120,
        fading=0.5,
        horizon=182,
        cutoffs=13,
    ),
}


def simulate_world(name: str, seed: int = 0) -> pd.DataFrame:
    """Return the log of a world of `WORLDS`: the same name and seed give the same log.

    A customer buys on arrival, then at their own rate times the world's pace until they leave (Pareto/NBD with
    a pace); an order is worth a Gamma amount around their own mean.

    >>> simulate_world("one_cohort").columns.tolist()
    ['customer_id', 'timestamp', 'amount']
    """
    world, rng = WORLDS[name], np.random.default_rng([seed, *name.encode()])
    days = np.arange(world.days)
    weight = world.arrivals(days)
    joined = np.sort(rng.choice(days, world.customers, p=weight / weight.sum()))
    rate = rng.gamma(world.spread, world.yearly_rate / 365.25 / world.spread, world.customers)
    death = rng.gamma(world.fading, 1 / (world.lifetime * world.fading), world.customers)
    ends = joined + rng.exponential(1 / np.maximum(death, 1e-9))
    pace = world.pace(days)
    counts = rng.poisson(rate * pace.max() * (world.days - joined))
    who = np.repeat(np.arange(world.customers), counts)
    when = joined[who] + rng.uniform(0, 1, len(who)) * (world.days - joined[who])
    day = when.astype(int)
    kept = (when < ends[who]) & (rng.uniform(0, 1, len(who)) < pace[day] / pace.max())
    who = np.concatenate([np.arange(world.customers), who[kept]])
    day = np.concatenate([joined, day[kept]])
    mean = 1 / rng.gamma(3.5, 1 / 100, world.customers)
    amount = np.round(rng.gamma(3.0, mean[who] * 20 / 3.0) * 100, 2)
    log = pd.DataFrame(
        {
            "customer_id": who.astype(str),
            "timestamp": START + pd.to_timedelta(day, unit="D"),
            "amount": amount,
        }
    )
    return log.sort_values(["timestamp", "customer_id"], kind="stable", ignore_index=True)
