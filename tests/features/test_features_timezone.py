import pandas as pd
import pyarrow as pa
import pytest

from cltv_ml.features import Source, build_features


@pytest.fixture
def utc() -> pa.Table:
    """Five orders around midnights of Paris, which is two hours ahead in July and one in January."""
    moments = [
        "2023-06-30 22:30",
        "2023-07-10 21:59",
        "2023-07-10 22:00",
        "2024-01-09 23:00",
        "2024-01-09 22:59",
    ]
    return pa.table(
        {
            "customer_id": ["a", "b", "c", "d", "e"],
            "timestamp": pa.array(pd.to_datetime(moments), pa.timestamp("us", tz="UTC")),
            "amount": [1.0, 2.0, 3.0, 4.0, 5.0],
        }
    )


@pytest.mark.parametrize(
    ("cutoff", "seen"), [("2023-07-11", "ab"), ("2024-01-10", "abce"), ("2024-01-11", "abcde")]
)
def test_a_cutoff_is_a_midnight_in_the_shop(utc, cutoff, seen):
    X = build_features(Source(utc, timezone="Europe/Paris"), cutoff, [])
    assert "".join(X.index) == seen


def test_the_day_of_a_purchase_is_that_of_the_shop(utc):
    X = build_features(Source(utc, timezone="Europe/Paris"), "2024-01-11", ["evening_share"])
    assert X["T"].to_dict() == {"a": 193, "b": 184, "c": 183, "d": 0, "e": 1}
    assert X["evening_share"].to_dict() == {"a": 0, "b": 1, "c": 0, "d": 0, "e": 1}


def test_the_same_log_in_the_shops_own_time_gives_the_same(utc):
    local = utc.to_pandas()
    local["timestamp"] = local["timestamp"].dt.tz_convert("Europe/Paris").dt.tz_localize(None)
    zoned = build_features(Source(utc, timezone="Europe/Paris"), "2024-01-11", "all")
    pd.testing.assert_frame_equal(zoned, build_features(local, "2024-01-11", "all"))
