"""Bands, equity and payback months of simulated shops and channels, whose truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from cltv_ml.decisions import Costs
from cltv_ml.decisions.acquisition_costs import compute_cac
from cltv_ml.decisions.acquisition_value import compute_returns, value_by_channel
from cltv_ml.decisions.customers_won import read_won
from cltv_ml.decisions.shop_plan import PlanTerms, compute_equity
from cltv_ml.evaluation.shop_tables import BANDS, drawn_parts, expected_parts
from cltv_ml.evaluation.whole_shop import ShopForecast, forecast_shop
from cltv_ml.windows import Window
from experiments.benchmark.forecast_table import EQUITY, OWN, PAYBACK, totals_within, weeks_within
from experiments.benchmark.processes import measure_all
from experiments.simulated_channels import MARGIN_RATE, TRUTH, costs_of, simulate_channels, true_payback
from experiments.simulated_shop import START, simulate_shop, true_equity

#: Days of log before the cutoff, and after it.
DAYS, AHEAD = 800, 91

#: What a customer costs and brings in, for equity.
TERMS = PlanTerms(margin_rate=0.4, acquisition_cost=10.0, discount_rate=0.1)


def simulated_rows(replications: int, say: Callable[[str], None] = print) -> list[dict]:
    """Return the means of what is found in simulated shops and channels.

    In shops: the share of totals and of single weeks within each band, and forecast over realised total and equity. In
    channels: the share of logs in which the payback month of every channel lies within its 80% interval.
    """
    return [
        *_means(f"simulated shops, {AHEAD} days", OWN, _judged, replications, say),
        *_means("simulated channels", "cltv acquisition", _paid_back, replications, say),
    ]


def _means(
    task: str,
    model: str,
    judge: Callable[[int], dict[str, float]],
    replications: int,
    say: Callable[[str], None],
) -> list[dict]:
    """Return a row with the mean of each figure that `judge` finds in a replication; each core judges its share."""
    means = pd.DataFrame(measure_all(judge, range(replications))).mean()
    about = {"task": task, "protocol": "simulated", "model": model}
    about["parameters"] = f'{{"replications": {replications}}}'
    for metric in means.index:
        say(f"{task}, {metric}: {means[metric]:.1%} of {replications} replications")
    return [{**about, "metric": metric, "value": float(means[metric])} for metric in means.index]


def _judged(seed: int) -> dict[str, float]:
    """Return for one shop whether each band holds the total, the share of weeks that each holds, and two ratios."""
    counts, purchases = simulate_shop(DAYS, AHEAD, seed)
    came = purchases[purchases["day"] >= DAYS]
    weeks = np.bincount((came["day"] - DAYS) // 7, came["amount"], AHEAD // 7)
    log = purchases.loc[purchases["day"] < DAYS, ["customer_id", "timestamp", "amount"]]
    shop = forecast_shop(log, Window(START + pd.Timedelta(days=DAYS), AHEAD))
    draws, found = shop.draws.total, {"forecast / realised": sum(shop.totals or (0.0,)) / weeks.sum()}
    found[EQUITY] = _equity(shop) / true_equity(counts, purchases, DAYS, TERMS)["total"]
    for band in BANDS:
        ends = [0.5 - band / 200, 0.5 + band / 200]
        low, high = np.quantile(draws.sum(axis=1), ends)
        found[totals_within(band)] = float(low <= weeks.sum() <= high)
        low, high = np.quantile(draws, ends, axis=0)
        found[weeks_within(band)] = float(np.mean((low <= weeks) & (weeks <= high)))
    return found


def _equity(shop: ShopForecast) -> float:
    until = shop.periods["days"].cumsum().to_numpy()
    table = compute_equity(drawn_parts(shop), TERMS, until, expected_parts(shop))
    return float(table.set_index("part").at["total", "equity"])


def _paid_back(seed: int) -> dict[str, float]:
    """Return 1 if the true payback month of every channel lies within its interval, else 0; never is a month too."""
    won = read_won(simulate_channels(seed), costs=Costs(margin_rate=MARGIN_RATE))
    months = won.customers.groupby(["month", "channel"], as_index=False)["customers"].sum()
    returns = compute_returns(value_by_channel(won), compute_cac(costs_of(won.customers), months))
    found = (
        returns.set_index("channel")
        .loc[list(TRUTH)]
        .fillna({"payback_early": np.inf, "payback_late": np.inf})
    )
    truth = pd.Series({channel: true_payback(channel) for channel in TRUTH}).fillna(np.inf)
    return {PAYBACK: float(truth.between(found["payback_early"], found["payback_late"]).all())}
