"""Lifetime values as a batch to monitor."""

import json

import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.log import Log
from cltv_ml.pipelines.monitor_lifetimes import read_lifetime_batch
from cltv_ml.settings import Monitor


@pytest.fixture
def file(tmp_path):
    """A discounted table: 180 of what is 200 without a discount."""
    table = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "expected_value": [10.0, 30.0],
            "remaining_value": [60.0, 120.0],
            "lifetime_value": [70.0, 150.0],
            "remaining_profit": [30.0, 12.0],
            "remaining_value_lower": 0.0,
            "remaining_value_upper": 500.0,
            "remaining_profit_lower": 0.0,
            "remaining_profit_upper": 90.0,
            "margin_rate": [0.5, 0.1],
            "tier": ["low", "high"],
            "cutoff": pd.Timestamp("2024-01-01"),
            "horizon": 91,
            "end": 365,
            "model_version": 2,
        }
    )
    path = tmp_path / "lifetime.parquet"
    table.to_parquet(path)
    path.with_suffix(".json").write_text(json.dumps({"expected_by_day": {"91": 50.0, "365": 200.0}}))
    return path


def test_the_horizons_revenue_is_watched_by_the_scores():
    assert read_lifetime_batch(Monitor()) is None


def test_what_remains_is_watched_to_its_end_without_a_discount(file):
    lifetimes = read_lifetime_batch(Monitor(value="remaining", lifetimes=file))
    assert lifetimes.scores["expected_value"].sum() == pytest.approx(200)
    assert lifetimes.scores["horizon"].unique().tolist() == [365]
    assert lifetimes.about["path"] == {"day": [0, 91, 365], "share": [0.0, 0.25, 1.0]}
    assert lifetimes.horizon == 91


def test_a_total_that_differs_from_the_tables_by_the_discount_is_told(file):
    told = read_lifetime_batch(Monitor(value="remaining", lifetimes=file)).notes("EUR")
    assert any(
        "The total of 200.00 EUR is not discounted" in note and "to 180.00 EUR" in note for note in told
    )
    file.with_suffix(".json").write_text(json.dumps({"expected_by_day": {"91": 50.0, "365": 180.0}}))
    assert len(read_lifetime_batch(Monitor(value="remaining", lifetimes=file)).notes("EUR")) == 1


def test_what_is_past_needs_no_watching(file):
    lifetime, remaining = (
        read_lifetime_batch(Monitor(value=value, lifetimes=file)) for value in ("lifetime", "remaining")
    )
    pd.testing.assert_frame_equal(lifetime.scores, remaining.scores)
    told = "Only the remaining part of the lifetime value is monitored, because past value does not change."
    assert (told in lifetime.notes(""), told in remaining.notes("")) == (True, False)


def test_profit_that_came_is_counted_at_the_margin_rates(file):
    lifetimes = read_lifetime_batch(Monitor(value="remaining", basis="profit", lifetimes=file))
    lines = pd.DataFrame(
        {"customer_id": ["a", "b", "x"], "timestamp": pd.Timestamp("2024-02-01"), "amount": 10.0}
    )
    assert lifetimes.log(Log(lines)).frame["amount"].tolist() == [5.0, 1.0, 0.0]
    assert lifetimes.series == " remaining profit"


def test_a_missing_table_names_its_command(tmp_path):
    with pytest.raises(InputError, match="the table of `cltv lifetime`, which --value remaining"):
        read_lifetime_batch(Monitor(value="remaining", lifetimes=tmp_path / "none.parquet"))
