"""A simulated shop that wins customers every day, whose future is known: the truth behind bands of whole shops."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.decisions.shop_plan import PlanTerms

START = pd.Timestamp("2021-01-01")


def arrival_rate(day: np.ndarray) -> np.ndarray:
    """Return customers won a day: growth of a fifth a year, a third more in winter, fewer at weekends."""
    weekday = (day + START.day_of_week) % 7
    season = 1 + 0.3 * np.cos(2 * np.pi * day / 365.25)
    return 6 * np.exp(0.18 * day / 365.25) * season * np.where(weekday >= 5, 0.5, 1.2)


def simulate_shop(days: int, ahead: int, seed: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the customers won on each day, and the purchases of a shop that goes on for `ahead` days after `days`.

    A customer's rate is Gamma around .02 a day at first and fades by e in 120 days; weeks share a factor. The
    purchases have `customer_id`, `timestamp`, `amount`, and the days since the start as `first` and `day`.
    """
    rng = np.random.default_rng(seed)
    day = np.arange(days + ahead)
    common = np.repeat(rng.gamma(50, 1 / 50, len(day) // 7 + 1), 7)[: len(day)]
    counts = rng.poisson(arrival_rate(day) * common)
    joined = np.repeat(day, counts)
    rate = rng.gamma(1.0, 0.02, len(joined))
    more = rng.poisson(rate * 120)
    who = np.repeat(np.arange(len(joined)), more)
    later = joined[who] + 1 + rng.exponential(120, len(who)).astype(int)
    customer = np.concatenate([np.arange(len(joined)), who])
    when = np.concatenate([joined, later])
    kept = when < days + ahead
    purchases = pd.DataFrame(
        {
            "customer_id": customer[kept].astype(str),
            "timestamp": START + pd.to_timedelta(when[kept], unit="D"),
            "amount": rng.gamma(2.0, 15.0, kept.sum()),
            "first": joined[customer[kept]],
            "day": when[kept],
        }
    )
    return counts, purchases


def true_equity(counts: np.ndarray, purchases: pd.DataFrame, days: int, terms: PlanTerms) -> dict[str, float]:
    """Return the equity of the `known` customers of the first `days`, of the `new` ones, and in `total`, as it came.

    Parameters
    ----------
    counts, purchases
        Of `simulate_shop`.
    terms
        Margin rate, cost of winning a customer and discount rate; other costs do not count.
    """
    yearly = 1 + terms.discount_rate
    came = purchases[purchases["day"] >= days]
    worth = yearly ** (-(came["day"] - days + 0.5) / 365.25) * came["amount"] * (terms.margin_rate or 0.0)
    ahead = np.arange(len(counts) - days)
    cost = (terms.acquisition_cost * counts[days:] * yearly ** (-(ahead + 0.5) / 365.25)).sum()
    known = worth[came["first"] < days].sum()
    return {"known": known, "new": worth.sum() - known - cost, "total": worth.sum() - cost}
