"""Simulated channels that differ in value and cost, whose payback is known: the truth behind `cltv acquisition`."""

from __future__ import annotations

import numpy as np
import pandas as pd

FIRST, LAST = pd.Timestamp("2022-01-01"), pd.Timestamp("2023-12-31")

#: Channel -> mean amount of an order, orders a month after the first, months of half-life, and what a customer costs.
TRUTH = {"ads": (20.0, 0.5, 4.0, 27.0), "shop": (40.0, 0.3, 8.0, 30.0), "mail": (10.0, 0.1, 3.0, 80.0)}

#: Contribution per revenue.
MARGIN_RATE = 0.5


def simulate_channels(seed: int, each: int = 1500) -> pd.DataFrame:
    """Return a log of customers of three channels who come evenly over two years and buy less and less."""
    rng = np.random.default_rng(seed)
    parts = []
    for channel, (amount, rate, half, _) in TRUTH.items():
        joined = rng.integers(0, 730, each)
        fading = half * 30 / np.log(2)
        count = rng.poisson(rate / 30 * fading, each)
        who = np.repeat(np.arange(each), count)
        later = joined[who] + 1 + rng.exponential(fading, len(who)).astype(int)
        day = np.r_[joined, later]
        ids = np.r_[np.arange(each), who]
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": channel + pd.Series(ids).astype("str"),
                    "timestamp": FIRST + pd.to_timedelta(day, unit="D"),
                    "amount": rng.gamma(4.0, amount / 4, len(day)).round(2),
                    "channel": channel,
                }
            )
        )
    log = pd.concat(parts, ignore_index=True)
    return log[log["timestamp"] <= LAST]


def costs_of(customers: pd.DataFrame) -> pd.DataFrame:
    """Return the costs of the customers won by `month` and `channel`: each costs what its channel's do."""
    months = customers.groupby(["month", "channel"], as_index=False)["customers"].sum()
    each = months["channel"].map({channel: cost for channel, (*_, cost) in TRUTH.items()})
    return months[["month", "channel"]].assign(cost=months["customers"] * each)


def true_value(channel: str, months: int) -> float:
    """Return the contribution that a customer is expected to bring in some months."""
    amount, rate, half, _ = TRUTH[channel]
    later = rate * half / np.log(2) * (1 - 0.5 ** (months / half))
    return float(MARGIN_RATE * amount * (1 + later))


def true_payback(channel: str) -> float:
    """Return the first month whose value reaches the cost of a customer, NaN if none of 24 does."""
    cost = TRUTH[channel][3]
    return next((month for month in range(1, 25) if true_value(channel, month) >= cost), np.nan)
