"""A simulated shop whose customers' purchase rates follow their channel and area in a known way."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.windows import Window

FIRST_DAY, DAYS = pd.Timestamp("2023-01-01"), 730

#: By how much a channel and an area multiply a customer's purchase rate.
CHANNELS = {"search": 1.0, "referral": 2.5, "marketplace": 0.4}
AREAS = {"north": 1.0, "south": 1.6, "east": 0.7, "west": 1.0}

#: Shape of the gamma distribution of rates, their mean in purchases a day, and the mean amount of a purchase.
SHAPE, RATE, AMOUNT = 1.2, 1 / 120, 40.0


def simulate_attributes(customers: int = 6000, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a log of customers who come evenly over two years and stay, and a table with their channel and area.

    Of a customer whose first purchase is known, the later ones are a Poisson process whose rate is gamma distributed
    within the channel and area.
    """
    rng = np.random.default_rng(seed)
    people = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(customers)],
            "channel": rng.choice(list(CHANNELS), customers, p=[0.5, 0.2, 0.3]),
            "area": rng.choice(list(AREAS), customers),
        }
    )
    rate = rng.gamma(SHAPE, 1, customers) / SHAPE * _mean_rates(people)
    joined = rng.uniform(0, DAYS, customers)
    later = rng.poisson(rate * (DAYS - joined))
    who = np.repeat(np.arange(customers), later)
    day = np.r_[joined, joined[who] + rng.uniform(0, 1, len(who)) * (DAYS - joined[who])]
    log = pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[np.r_[np.arange(customers), who]],
            "timestamp": FIRST_DAY + pd.to_timedelta(day, unit="D").floor("s"),
            "amount": rng.gamma(4.0, AMOUNT / 4, len(day)).round(2),
        }
    )
    return log.sort_values("timestamp", ignore_index=True), people


def expected_spend(log: pd.DataFrame, people: pd.DataFrame, window: Window) -> pd.Series:
    """Return each customer's expected spend in a window, given the true parameters and the purchases before it.

    The gamma distribution of rates is conjugate: after x purchases in T days its mean is (shape + x) / (b + T), where
    b is the shape over the mean rate of the channel and area.
    """
    past = log[log["timestamp"] < window.cutoff].groupby("customer_id")["timestamp"].agg(["min", "size"])
    mean = pd.Series(_mean_rates(people), people["customer_id"]).loc[past.index]
    days = (window.cutoff - past["min"]) / pd.Timedelta(days=1)
    return (SHAPE + past["size"] - 1) / (SHAPE / mean + days) * window.horizon * AMOUNT


def _mean_rates(people: pd.DataFrame) -> np.ndarray:
    return (RATE * people["channel"].map(CHANNELS) * people["area"].map(AREAS)).to_numpy()
