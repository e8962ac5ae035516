"""The season of a batch next to that of the training's horizon, by what the same days brought a year earlier."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation.season_change import compute_season_change, doubt_season
from cltv_ml.log import Log
from cltv_ml.serving.registered_model import warn_of_total

THEN, NOW, HORIZON = pd.Timestamp("2024-10-01"), pd.Timestamp("2025-01-10"), 45


def shop(peak: float, first: str = "2022-01-01", growth: float = 0.0, seed: int = 3) -> Log:
    """Return a shop of 1,500 customers whose sales in November and December are a multiple of the other months'."""
    rng = np.random.default_rng(seed)
    days = pd.date_range(first, NOW - pd.Timedelta(days=1))
    rate = 8 * np.where(days.month >= 11, peak, 1.0) * np.exp(growth * np.arange(len(days)) / 365)
    timestamps = days.repeat(rng.poisson(rate))
    lines = {
        "customer_id": rng.integers(0, 1500, len(timestamps)).astype(str),
        "timestamp": timestamps,
        "amount": np.exp(rng.normal(3, 0.6, len(timestamps))),
    }
    return Log(pd.DataFrame(lines))


@pytest.mark.parametrize("growth", [0.0, 0.6])
def test_the_change_is_that_of_the_seasons_whatever_the_growth(growth):
    known = compute_season_change(shop(4.0, growth=growth), HORIZON, THEN, NOW)
    # 15 of the 45 days from October 1 are in November, none of those from January 10.
    assert known.change == pytest.approx(45 / (30 + 15 * 4) - 1, abs=0.06)
    assert known.lower < known.change < known.upper < known.lower + 0.2


def test_equal_seasons_are_within_the_interval_in_nearly_all_shops():
    held = [
        one.lower < 0 < one.upper
        for one in (compute_season_change(shop(1.0, seed=seed), HORIZON, THEN, NOW) for seed in range(40))
    ]
    assert sum(held) >= 35


def test_the_change_is_that_of_sums_in_pandas():
    log = shop(3.0)
    spent = log.frame.set_index("timestamp")["amount"].sort_index()

    def share(day: pd.Timestamp) -> float:
        start = day - pd.Timedelta(days=365)
        last = {days: start + pd.Timedelta(days=days, seconds=-1) for days in (HORIZON, 365)}
        return spent[start : last[HORIZON]].sum() / spent[start : last[365]].sum()

    known = compute_season_change(log, HORIZON, THEN, NOW).change
    assert known == pytest.approx(share(NOW) / share(THEN) - 1, rel=1e-9)


@pytest.mark.parametrize(
    ("log", "now", "horizon", "told"),
    [
        (shop(4.0), NOW, HORIZON, "probably too high as a whole"),
        (shop(4.0), pd.Timestamp("2024-11-10"), HORIZON, "probably too low as a whole"),
        (shop(1.0), NOW, HORIZON, ""),
        (shop(4.0), THEN, HORIZON, ""),
        (shop(4.0), NOW, 365, ""),
        (shop(4.0, first="2024-01-01"), NOW, HORIZON, "101 days before these"),
        (shop(4.0, first="2024-01-01"), THEN + pd.Timedelta(days=14), HORIZON, ""),
    ],
)
def test_a_batch_in_another_season_is_told_and_a_batch_in_the_same_is_not(log, now, horizon, told, caplog):
    sentence = doubt_season(log, horizon, THEN, now, 7)
    assert told in sentence
    assert bool(sentence) == bool(told)
    warn_of_total(log, {"horizon": horizon, "cutoff": str(THEN)}, now, 7)
    assert ("The total of version 7 was forecast for" in caplog.text) == bool(told)
