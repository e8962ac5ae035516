import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.migration import ARRIVED, GONE, compute_migration


@pytest.fixture
def two_dates():
    rng = np.random.default_rng(5)
    before = pd.Series(rng.choice(["high", "medium", "low"], 200), index=[f"c{n}" for n in range(200)])
    after = pd.Series(rng.choice(["high", "medium", "low"], 220), index=[f"c{n}" for n in range(30, 250)])
    return before, after


def test_every_customer_of_either_date_is_in_one_flow(two_dates):
    flows = compute_migration(*two_dates)
    assert flows["customers"].sum() == 250
    assert flows.loc[flows["before"] == ARRIVED, "customers"].sum() == 50
    assert flows.loc[flows["after"] == GONE, "customers"].sum() == 30


def test_the_flows_of_a_segment_add_up_to_its_size(two_dates):
    before, after = two_dates
    flows = compute_migration(before, after)
    assert flows.loc[flows["before"] == "high", "customers"].sum() == (before == "high").sum()
    assert flows.loc[flows["after"] == "low", "customers"].sum() == (after == "low").sum()


def test_values_of_the_flows_add_up(two_dates):
    before, after = two_dates
    values = pd.DataFrame({"before": pd.Series(2.0, before.index), "after": pd.Series(3.0, after.index)})
    flows = compute_migration(before, after, values)
    assert flows[["value_before", "value_after"]].sum().tolist() == [400.0, 660.0]


def test_a_customer_with_two_segments_is_refused():
    twice = pd.Series(["high", "low"], index=["a", "a"])
    with pytest.raises(ValueError, match="'a' more than once"):
        compute_migration(twice, twice)
