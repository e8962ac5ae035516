import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import (
    compute_months,
    compute_seasonality,
    compute_summary,
    simulate,
)


def test_the_summary_counts_what_is_there():
    days = [0, 0, 7, 2]
    log = pd.DataFrame(
        {
            "customer_id": ["a", "a", "a", "b"],
            "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D"),
            "amount": [10.0, 5.0, 20.0, 0.0],
        }
    )
    facts = compute_summary(log).iloc[0]
    assert (facts["rows"], facts["customers"], facts["orders"], facts["revenue"]) == (4, 2, 3, 35.0)
    assert (facts["days"], facts["repeat_rate"], facts["median_gap"]) == (8, 0.5, 7.0)
    assert (facts["days_without_orders"], facts["longest_gap"], facts["zero_customers"]) == (5, 4, 1)


def test_months_and_seasons_share_out_the_same_revenue():
    log = simulate(300).log
    total = pytest.approx(log["amount"].sum(), abs=0.005)
    seasons = compute_seasonality(log)
    assert compute_months(log)["revenue"].sum() == total
    assert seasons.groupby("part")["revenue"].sum().tolist() == [total, total]
    assert compute_months(log)["new_customers"].sum() == 300


def test_growth_is_no_season():
    """Sales double every year, and December sells half as much again."""
    days = pd.date_range("2022-10-01", "2025-09-30")
    level = 100 * 2.0 ** (np.arange(len(days)) / 365)
    amount = level * np.where(days.month == 12, 1.5, 1.0)
    log = pd.DataFrame({"customer_id": "a", "timestamp": days, "amount": amount.round(2)})
    months = compute_seasonality(log).query("part == 'month'").set_index("number")["index"]
    others = months.drop(12)
    assert others.max() / others.min() < 1.05
    assert months[12] / others.mean() == pytest.approx(1.5, abs=0.05)
    short = compute_seasonality(log[log["timestamp"] < "2023-10-01"]).query("part == 'month'")
    assert short["index"].max() > 1.2 * short["index"].min()
