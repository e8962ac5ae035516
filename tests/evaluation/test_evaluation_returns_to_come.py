"""Purchases of the last weeks count at what later returns will probably leave, in forecasts and in test windows."""

import json

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import clean, clean_to_parquet, read
from cltv_ml.evaluation.batch_outcome import compute_progress
from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.evaluation.whole_shop import forecast_shop
from cltv_ml.evaluation.year_apart import windows_year_apart
from cltv_ml.log import Log
from cltv_ml.stamps import RETURNS_TO_COME
from cltv_ml.windows import Window

CUSTOMERS, DAYS, EVERY, MEAN, BACK, HORIZON = 300, 260, 12.0, 40.0, 0.4, 30
START = pd.Timestamp("2023-01-02")

#: What customers who never leave keep of what they buy in the horizon, on average.
KEPT = CUSTOMERS * HORIZON / EVERY * MEAN * (1 - BACK)


@pytest.fixture(scope="module")
def shop() -> tuple[pd.DataFrame, float]:
    """The lines known at the end of a shop that never changes, and what customers keep of the last horizon's.

    40% of the orders come back after 1 to 39 days.
    """
    rng = np.random.default_rng(3)
    number = rng.poisson(CUSTOMERS * DAYS / EVERY)
    sales = pd.DataFrame(
        {
            "order_id": [f"o{place}" for place in range(number)],
            "customer_id": rng.integers(0, CUSTOMERS, number).astype(str),
            "day": rng.integers(0, DAYS, number),
            "amount": rng.gamma(8, MEAN / 8, number).round(2),
        }
    )
    returned = rng.random(number) < BACK
    kept = sales.loc[~returned & (sales["day"] >= DAYS - HORIZON), "amount"].sum()
    back = sales[returned]
    back = back.assign(day=back["day"] + rng.integers(1, 40, len(back)), amount=-back["amount"])
    known = pd.concat([sales, back[back["day"] < DAYS]], ignore_index=True)
    return known.assign(timestamp=START + pd.to_timedelta(known.pop("day"), unit="D")), kept


@pytest.fixture(scope="module")
def log(shop: tuple[pd.DataFrame, float]) -> Log:
    return clean(read(shop[0])).transactions


def test_a_forecast_from_the_end_of_the_log_knows_returns_still_to_come(log: Log):
    window = Window(log.end, HORIZON)
    level, bare = forecast_level(log, window), forecast_level(Log(without_stamps(log.frame)), window)
    assert level.total == pytest.approx(KEPT, rel=0.06)
    assert bare.total > 1.1 * KEPT  # a log that tells nothing of its returns is taken as it is


def test_the_whole_shop_is_forecast_at_what_returns_will_leave(log: Log):
    forecast = forecast_shop(log, Window(log.end, HORIZON), size=50)
    assert sum(forecast.totals) == pytest.approx(KEPT, rel=0.08)


def test_the_spend_of_a_test_window_is_what_returns_will_leave(shop: tuple[pd.DataFrame, float], log: Log):
    window, customers = Window(log.end - pd.Timedelta(days=HORIZON), HORIZON), log.customers
    assert log.target(window, customers).sum() == pytest.approx(shop[1], rel=0.04)
    bare = Log(without_stamps(log.frame))
    assert bare.target(window, customers).sum() > 1.15 * shop[1]
    long_ago = Window(log.end - pd.Timedelta(days=150), HORIZON)
    pd.testing.assert_series_equal(log.target(long_ago, customers), bare.target(long_ago, customers))


def test_files_and_parts_of_a_log_keep_what_is_known_of_its_returns(shop, log: Log, tmp_path):
    clean_to_parquet(read(shop[0]), tmp_path)
    window, some = Window(log.end - pd.Timedelta(days=HORIZON), HORIZON), log.customers[:50]
    expected = log.target(window, some)
    file = Log(str(tmp_path / "log.parquet"))
    for other in (file, file.only(some), Log(file.frame), log.only(some)):
        pd.testing.assert_series_equal(other.target(window, some), expected)


def test_all_spend_that_forecasts_read_counts_the_same_share():
    rng, number = np.random.default_rng(4), 6_000
    bare = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 600, number).astype(str),
            "timestamp": START + pd.to_timedelta(rng.integers(0, 760, number), unit="D"),
            "amount": rng.integers(1, 90, number) * 2.0,
        }
    )
    half = bare.copy()
    half.attrs[RETURNS_TO_COME] = json.dumps(
        {"until": f"{START + pd.Timedelta(days=759):%Y-%m-%d}", "kept": [0.5] * 760}
    )
    window, path = (
        Window(START + pd.Timedelta(days=600), 90),
        pd.DataFrame({"day": [0, 90], "share": [0.0, 1.0]}),
    )
    predicted = pd.DataFrame({"expected_value": 1.0}, index=Log(bare).customers)

    def read(log: pd.DataFrame) -> list[np.ndarray]:
        [apart] = windows_year_apart(log, START + pd.Timedelta(days=760))
        progress = compute_progress(log, predicted, window, path, window.end)
        target = Log(log).target(window, predicted.index)
        return [apart.spent, apart.monthly, apart.shop, progress["realised"].to_numpy(), target.to_numpy()]

    for whole, reduced in zip(read(bare), read(half), strict=True):
        np.testing.assert_allclose(reduced, whole / 2)


def without_stamps(log: pd.DataFrame) -> pd.DataFrame:
    log = log.copy()
    log.attrs = {}
    return log
