"""Changes of unit: a currency that is replaced or loses zeros, and what is none."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import judge, simulate
from cltv_ml.data.unit_changes import find_unit_change

DAY = pd.Timestamp("2025-03-03")


def shop(ratio=1.0, day=DAY, since=None):
    """A shop of two years whose amounts are another multiple from a day on; of customers first seen `since` only."""
    log = simulate(800, seed=3).log
    log["timestamp"] += DAY - pd.Timedelta(days=400) - log["timestamp"].min().normalize()
    changed = log["timestamp"] >= day
    if since is not None:
        changed &= log.groupby("customer_id")["timestamp"].transform("min") >= since
    return log.assign(amount=log["amount"].astype(float) * np.where(changed, ratio, 1.0))


@pytest.mark.parametrize("ratio", [1 / 1000, 1 / 7.5345, 100.0])
def test_a_change_of_unit_is_a_no_go_that_names_the_week_and_the_ratio(ratio):
    log = shop(ratio)
    found = find_unit_change(log)
    assert abs(found.day - DAY) <= pd.Timedelta(days=7)
    assert found.ratio == pytest.approx(ratio, rel=0.15)
    verdict = judge(log, 91)
    assert verdict.level == "no-go"
    assert f"from the week of {found.day:%Y-%m-%d} on, the same customers pay" in verdict.text


def test_a_change_that_a_price_list_might_make_is_a_caution():
    log = shop(1 / 3.6)
    verdict = judge(log, 91)
    assert verdict.level == "caution"
    assert "of what they paid before" in verdict.text


def test_prices_that_rise_or_double_and_new_customers_who_spend_more_are_no_change_of_unit():
    usual = shop()
    rising = usual.assign(amount=usual["amount"] * 1.09 ** ((usual["timestamp"] - DAY).dt.days / 30))
    months = usual.assign(amount=usual["amount"] * np.where(usual["timestamp"].dt.month == 12, 20.0, 1.0))
    for log in (usual, rising, months, shop(2.0), shop(50.0, since=DAY)):
        assert find_unit_change(log) is None
