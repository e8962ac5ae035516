"""Simulated shops whose level changes in a known way, which a forecast of the total must withstand."""

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
    """A shop: how customers arrive, buy, become inactive and spend.

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
    every, around
        Days between two purchases where they are regular, and the share by which each strays; without them purchases
        are as irregular as a Poisson process.
    price
        Multiple of the value of an order by day.
    recorded
        Share of the purchases that reach the log, by day.
    moved_in
        Day on which half of the customers of before enter the log with one order, their earlier purchases missing.
    whales, whale_size
        How many of the most frequent buyers place orders worth so many times what they would be.
    begins
        Day before which the shop kept no log.
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
    every: float = 0.0
    around: float = 0.15
    price: Profile = lambda day: np.ones(len(day))
    recorded: Profile = lambda day: np.ones(len(day))
    moved_in: int = 0
    whales: int = 0
    whale_size: float = 1.0
    begins: int = 0
    horizon: int = 90
    step: int = 30
    cutoffs: int = 12

    @property
    def windows(self) -> list[pd.Timestamp]:
        """The test cutoffs, the earliest first."""
        last = self.days - self.horizon
        return [START + pd.Timedelta(days=last - self.step * back) for back in range(self.cutoffs)][::-1]


def _season(height: float, peak: float = 335.0) -> Profile:
    """Return a yearly season: a broad wave and a narrow peak around one day of the year."""

    def pace(day: np.ndarray) -> np.ndarray:
        """Return the factor of the rate on each day."""
        away = np.abs((day - peak + 182.6) % 365.25 - 182.6)
        return 1 + height * np.exp(-((away / 30) ** 2)) + 0.15 * np.cos(2 * np.pi * (day - peak) / 365.25)

    return pace


def _explosion(day: np.ndarray) -> np.ndarray:
    """Return arrivals of which nine tenths are in the last nine months before the last quarter."""
    return np.where(day < 360, 0.01 + 0.03 * day / 360, np.exp((day - 360) / 150) * 0.12)


def _gifts(height: float) -> Profile:
    """Return arrivals before one holiday of the year, when nearly everybody buys for the first time."""
    season = _season(height, peak=345.0)
    return lambda day: season(day) * np.exp(day / 1500)


def _promotions(day: np.ndarray) -> np.ndarray:
    """Return four promotions of five days a year, whose dates move by up to two weeks."""
    year, within = np.divmod(day, 365)
    starts = [60, 150, 240, 320]
    moves = np.array([[0, 9, -6, 4], [12, -8, 5, -10], [-5, 6, 13, 0], [8, -12, 0, 7]])
    during = [
        (within >= start + moves[year % 4, k]) & (within < start + moves[year % 4, k] + 5)
        for k, start in enumerate(starts)
    ]
    return np.where(np.any(during, axis=0), 6.0, 1.0)


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
    "yearly_gifts": World(
        cutoffs=6,
        step=61,
        days=1826,
        customers=6_000,
        arrivals=_gifts(8.0),
        pace=_season(0.5),
        every=364,
        around=0.03,
        lifetime=900,
    ),
    "weekly_coffee": World(
        cutoffs=6, step=61, customers=1_500, every=14, around=0.2, lifetime=200, fading=0.6
    ),
    "closed_month": World(
        cutoffs=6, step=61, days=1096, pace=lambda day: np.where((day > 600) & (day <= 630), 0.0, 1.0)
    ),
    "closed_in_august": World(
        cutoffs=6,
        step=61,
        days=1461,
        pace=lambda day: np.where((day % 365 > 212) & (day % 365 < 244), 0.0, 1.0),
    ),
    "three_whales": World(
        cutoffs=6, step=61, customers=300, whales=3, whale_size=15.0, lifetime=900, fading=1.5, yearly_rate=8
    ),
    "rising_prices": World(cutoffs=6, step=61, days=1096, price=lambda day: 1.4 ** (day / 365.25)),
    "promo_days": World(
        cutoffs=6,
        step=61,
        days=1096,
        pace=_promotions,
        arrivals=_promotions,
        yearly_rate=6,
        lifetime=120,
        fading=0.5,
    ),
    "new_till": World(cutoffs=6, step=61, days=1096, recorded=lambda day: np.where(day < 365, 0.15, 1.0)),
    "moved_in": World(cutoffs=6, step=61, days=1096, moved_in=400, customers=5_000),
    "tiny_weekly": World(
        cutoffs=6,
        step=61,
        customers=250,
        pace=lambda day: 1 + 0.6 * np.cos(2 * np.pi * day / 7),
        yearly_rate=20,
        lifetime=400,
    ),
    "eight_years": World(
        cutoffs=6,
        step=61,
        days=2922,
        customers=5_000,
        pace=_season(0.7),
        arrivals=lambda day: np.exp(-day / 2500),
        yearly_rate=4,
    ),
    "boom_and_decline": World(
        cutoffs=6,
        step=61,
        days=1096,
        arrivals=lambda day: np.where(day < 450, np.exp(day / 200), np.exp(450 / 200 - (day - 450) / 120)),
    ),
    "pandemic": World(
        cutoffs=6,
        step=61,
        days=1461,
        pace=lambda day: np.where(day < 700, 1.0, np.where(day < 1000, 1.8, 1.25)) * _season(0.6)(day),
    ),
    "seasonal_from_the_middle": World(
        cutoffs=6,
        step=61,
        days=1461,
        customers=6_000,
        pace=_season(1.8),
        yearly_rate=5,
        lifetime=500,
        begins=700,
    ),
    "decline_from_the_middle": World(
        cutoffs=6,
        step=61,
        days=1096,
        arrivals=lambda day: np.exp(-day / 300),
        pace=lambda day: np.exp(-day / 900),
        begins=300,
    ),
    "slow_trade_from_the_middle": World(
        cutoffs=6,
        step=61,
        days=2200,
        customers=6_000,
        yearly_rate=1.5,
        lifetime=1_500,
        pace=_season(0.4),
        begins=1_200,
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
    who, day = _purchases(world, joined, rng)
    if world.moved_in:
        day[: world.customers : 2] = np.maximum(joined[::2], world.moved_in)
    mean = 1 / rng.gamma(3.5, 1 / 100, world.customers)
    mean[np.argsort(np.bincount(who))[len(mean) - world.whales :]] *= world.whale_size
    amount = np.round(rng.gamma(3.0, mean[who] * 20 / 3.0) * 100 * world.price(days)[day], 2)
    log = pd.DataFrame(
        {
            "customer_id": who.astype(str),
            "timestamp": START + pd.to_timedelta(day, unit="D"),
            "amount": amount,
        }
    )
    log = log[_reaches_log(world, who, day, rng)]
    return log.sort_values(["timestamp", "customer_id"], kind="stable", ignore_index=True)


def _purchases(world: World, joined: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return customer and day of every purchase, the first ones on the day of joining."""
    rate = rng.gamma(world.spread, world.yearly_rate / 365.25 / world.spread, world.customers)
    death = rng.gamma(world.fading, 1 / (world.lifetime * world.fading), world.customers)
    ends = joined + rng.exponential(1 / np.maximum(death, 1e-9))
    pace = world.pace(np.arange(world.days))
    left = world.days - joined
    if world.every:
        counts = (left / world.every).astype(int)
        who = np.repeat(np.arange(world.customers), counts)
        number = np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
        strayed = rng.normal(0, world.around * world.every, len(who))
        when = np.maximum(joined[who] + number * world.every + strayed, joined[who])
    else:
        who = np.repeat(np.arange(world.customers), rng.poisson(rate * pace.max() * left))
        when = joined[who] + rng.uniform(0, 1, len(who)) * left[who]
    recorded = (when < np.minimum(ends[who], world.days)) & (
        rng.uniform(0, 1, len(who)) < pace[np.minimum(when.astype(int), world.days - 1)] / pace.max()
    )
    return np.concatenate([np.arange(world.customers), who[recorded]]), np.concatenate(
        [joined, when[recorded].astype(int)]
    )


def _reaches_log(world: World, who: np.ndarray, day: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return which purchases are in the shop's log."""
    recorded = (day >= world.begins) & (
        rng.uniform(0, 1, len(day)) < world.recorded(np.arange(world.days))[day]
    )
    return recorded & ~((day < world.moved_in) & (who % 2 == 0))
