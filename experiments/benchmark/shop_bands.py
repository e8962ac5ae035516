"""Bands of `cltv forecast` on simulated shops, whose weeks to come are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from cltv_ml.evaluation.shop_tables import BANDS
from cltv_ml.evaluation.whole_shop import forecast_shop
from cltv_ml.windows import Window
from experiments.benchmark.forecast_table import OWN, totals_within, weeks_within
from experiments.simulated_shop import START, simulate_shop

#: Days of log before the cutoff, and after it.
DAYS, AHEAD = 800, 91


def simulated_rows(replications: int, say: Callable[[str], None] = print) -> list[dict]:
    """Return the share of totals and of single weeks within each band, and the mean of forecast over realised total."""
    judged = pd.DataFrame([_judged(seed) for seed in range(replications)])
    about = {
        "task": f"simulated shops, {AHEAD} days",
        "horizon": AHEAD,
        "protocol": "simulated",
        "model": OWN,
        "parameters": f'{{"replications": {replications}}}',
    }
    means = judged.mean()
    for metric in means.index:
        say(f"{about['task']}, {metric}: {means[metric]:.1%} of {replications} shops")
    return [{**about, "metric": metric, "value": float(means[metric])} for metric in means.index]


def _judged(seed: int) -> dict[str, float]:
    """Return for one shop whether each band holds the total, and the share of weeks that each holds."""
    _, purchases = simulate_shop(DAYS, AHEAD, seed)
    came = purchases[purchases["day"] >= DAYS]
    weeks = np.bincount((came["day"] - DAYS) // 7, came["amount"], AHEAD // 7)
    log = purchases.loc[purchases["day"] < DAYS, ["customer_id", "timestamp", "amount"]]
    shop = forecast_shop(log, Window(START + pd.Timedelta(days=DAYS), AHEAD))
    draws, found = shop.draws.total, {"forecast / realised": sum(shop.totals or (0.0,)) / weeks.sum()}
    for band in BANDS:
        ends = [0.5 - band / 200, 0.5 + band / 200]
        low, high = np.quantile(draws.sum(axis=1), ends)
        found[totals_within(band)] = float(low <= weeks.sum() <= high)
        low, high = np.quantile(draws, ends, axis=0)
        found[weeks_within(band)] = float(np.mean((low <= weeks) & (weeks <= high)))
    return found
