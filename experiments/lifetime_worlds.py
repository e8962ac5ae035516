"""Simulated shops whose customers' discounted lifetime profit is known, to compare lifetime values with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.worlds import START

#: Margin of each category; a customer has a favourite that three quarters of their orders are of.
MARGINS = {"books": 0.1, "toys": 0.3, "care": 0.5, "prints": 0.7}
_FAVOURITE = 0.75


@dataclass(frozen=True)
class LifetimeWorld:
    """A shop whose customers join evenly over the first 70% of the log.

    Parameters
    ----------
    days, customers
        Length of the log and customers in all.
    process
        "pareto": customers leave at any moment; "bg": only after a repeat purchase.
    season
        Height of a yearly peak of the purchase rate, 0 without one.
    """

    days: int = 730
    customers: int = 12_000
    process: str = "pareto"
    season: float = 0.0

    @property
    def cutoff(self) -> pd.Timestamp:
        """The day after the log."""
        return START + pd.Timedelta(days=self.days)


WORLDS = {
    "bg_nbd_world": LifetimeWorld(process="bg"),
    "pareto_nbd_world": LifetimeWorld(),
    "season_world": LifetimeWorld(days=1096, season=1.5),
}


@dataclass(frozen=True)
class Known:
    """The log with `category` and `cost`, and the truth by customer (never to be shown to a model).

    `truth` contains `rate` (orders a day), `leaving` (rate of leaving while a customer), `alive` at the end of the log,
    `spend` (mean order) and `margin` (mean over the customer's orders).
    """

    world: LifetimeWorld
    log: pd.DataFrame
    truth: pd.DataFrame

    def expected(self, days: int, discount_rate: float = 0.0, step: float = 7.0) -> pd.Series:
        """Return the true expected revenue in `days` after the log, with each purchase discounted from its own time."""
        edges = np.append(np.arange(0, days, step), days)
        middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
        weight = (
            width * _pace(self.world, self.world.days + middle) * (1 + discount_rate) ** (-middle / 365.25)
        )
        truth = self.truth
        stays = np.exp(-truth["leaving"].to_numpy()[:, None] * middle)
        return (truth["alive"] * truth["rate"] * truth["spend"] * (stays @ weight)).rename("expected")


def simulate_lifetimes(name: str, seed: int = 0) -> Known:
    """Return a world of `WORLDS`: the same name and seed give the same shop.

    >>> known = simulate_lifetimes("bg_nbd_world")
    >>> known.log.columns.tolist(), len(known.truth)
    (['customer_id', 'timestamp', 'amount', 'category', 'cost'], 12000)
    """
    world, rng = WORLDS[name], np.random.default_rng([seed, *name.encode()])
    n, days = world.customers, world.days
    joined = np.sort(rng.uniform(0, 0.7 * days, n))
    rate = rng.gamma(0.8, 12 / 365.25 / 0.8, n)
    highest = 1 + world.season
    counts = rng.poisson(rate * highest * (days - joined))
    who = np.repeat(np.arange(n), counts)
    when = joined[who] + rng.uniform(0, 1, len(who)) * (days - joined[who])
    order = np.lexsort((when, who))
    who, when = who[order], when[order]
    thinned = rng.uniform(0, 1, len(who)) < _pace(world, when) / highest
    who, when = who[thinned], when[thinned]
    if world.process == "bg":
        drop = rng.beta(1.2, 6.0, n)
        last = rng.geometric(drop)
        place = np.arange(len(who)) - np.searchsorted(who, who)
        purchases = np.bincount(who, minlength=n)
        stays = place < last[who]
        alive, leaving = purchases < last, rate * drop
    else:
        leaving = rng.gamma(0.7, 1 / (250 * 0.7), n)
        ends = joined + rng.exponential(1, n) / np.maximum(leaving, 1e-12)
        stays, alive = when < ends[who], ends > days
    who = np.concatenate([np.arange(n), who[stays]])
    when = np.concatenate([joined, when[stays]])
    spend = 20 / rng.gamma(3.5, 1 / 2.5, n)
    favourite = rng.integers(len(MARGINS), size=n)
    category = np.where(
        rng.random(len(who)) < _FAVOURITE, favourite[who], rng.integers(len(MARGINS), size=len(who))
    )
    rates = np.array(list(MARGINS.values()))
    amount = np.round(np.maximum(rng.gamma(3.0, spend[who] / 3.0), 0.01), 2)
    log = pd.DataFrame(
        {
            "customer_id": pd.array([f"C{number:05d}" for number in who], dtype="str"),
            "timestamp": START + pd.to_timedelta(when, unit="D").floor("s"),
            "amount": amount,
            "category": pd.array(np.array(list(MARGINS), dtype=object)[category], dtype="str"),
            "cost": np.round(amount * (1 - rates[category]), 2),
        }
    )
    truth = pd.DataFrame(
        {
            "rate": rate,
            "leaving": leaving,
            "alive": alive,
            "spend": spend,
            "margin": _FAVOURITE * rates[favourite] + (1 - _FAVOURITE) * rates.mean(),
        },
        index=pd.Index([f"C{number:05d}" for number in range(n)], name="customer_id", dtype="str"),
    )
    return Known(
        world, log.sort_values(["timestamp", "customer_id"], kind="stable", ignore_index=True), truth
    )


def _pace(world: LifetimeWorld, day: np.ndarray) -> np.ndarray:
    """Return the multiple of the purchase rate on a day since the start: a peak in December, a mean near one."""
    away = np.abs((day - 350 + 182.6) % 365.25 - 182.6)
    return 1 + world.season * (np.exp(-((away / 25) ** 2)) - 0.12)
