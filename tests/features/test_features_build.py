import os
import warnings
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from cltv_ml.features import DuckDB, build_features, default_features, feature_version


@pytest.fixture
def log() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": ["a", "a", "a", "b", "c"],
            "timestamp": pd.to_datetime(
                ["2024-01-01", "2024-01-11", "2024-01-15", "2024-01-03", "2024-02-01"]
            ),
            "amount": [10.0, 20.0, 40.0, 0.0, 5.0],
        }
    )


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    folder = os.environ.get("CLTV_DATA_DIR")
    if not folder:
        pytest.skip("CLTV_DATA_DIR does not name the folder of test data")
    rows = pd.read_parquet(Path(folder) / "cdnow" / "cdnow_sample.parquet")
    return rows.rename(columns={"date": "timestamp", "dollar_value": "amount"})


def test_cdnow_counts_are_the_published_ones(cdnow):
    X = build_features(cdnow, "1997-10-01")
    assert (len(X), (X["frequency"] > 0).sum(), X["frequency"].sum()) == (2357, 946, 2457)


def test_the_summary_equals_that_of_lifetimes_for_every_customer(cdnow):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes.utils import summary_data_from_transaction_data

        theirs = summary_data_from_transaction_data(
            cdnow, "customer_id", "timestamp", "amount", observation_period_end="1997-09-30"
        )
    ours = build_features(cdnow, "1997-10-01")[list(theirs.columns)]
    pd.testing.assert_frame_equal(ours, theirs.sort_index(), check_index_type=False, rtol=1e-9)


def test_population_has_bought_before_the_cutoff(log):
    assert list(build_features(log, "2024-01-16").index) == ["a", "b"]


def test_a_list_of_cutoffs_gives_both_keys(log):
    X = build_features(log, ["2024-01-16", "2024-01-04"])
    assert X.index.names == ["cutoff", "customer_id"]
    assert list(X.index.get_level_values("customer_id")) == ["a", "b", "a", "b"]
    assert X.index.is_monotonic_increasing


def test_the_summary_comes_first_and_only_once(log):
    X = build_features(log, "2024-01-16", ["days_since_last", "T"])
    assert list(X.columns) == ["frequency", "recency", "T", "monetary_value", "days_since_last"]


def test_a_rate_divides_by_the_days_observed_only(log):
    X = build_features(log, "2024-01-21", ["order_rate_7d", "order_rate_30d"])
    assert X.loc["a", "order_rate_7d"] == 1 / 7
    assert X.loc["a", "order_rate_30d"] == 3 / 20


def test_the_day_after_the_last_is_a_cutoff_that_sees_everything(log):
    assert len(build_features(log, "2024-02-02")) == 3


@pytest.mark.parametrize("cutoff", ["2024-01-01", "2023-12-31", "2024-02-03"])
def test_a_cutoff_outside_the_log_is_refused(log, cutoff):
    with pytest.raises(
        ValueError, match=rf"cutoff {cutoff} lies outside the log, .* 2024-01-01 to 2024-02-01"
    ):
        build_features(log, cutoff)


def test_a_cutoff_that_is_no_midnight_is_refused(log):
    with pytest.raises(ValueError, match="cutoff must be a calendar day"):
        build_features(log, "2024-01-16 12:00")


def test_no_cutoff_at_all_is_refused(log):
    with pytest.raises(ValueError, match="at least one calendar day"):
        build_features(log, [])


def test_an_unknown_feature_is_refused(log):
    with pytest.raises(ValueError, match=r"Unknown feature 'frequencies'. Similar: \['frequency'"):
        build_features(log, "2024-01-16", ["frequencies"])


def test_a_log_without_a_required_column_is_refused(log):
    with pytest.raises(ValueError, match=r"log: missing columns \['amount'\]. Found"):
        build_features(log.drop(columns="amount"), "2024-01-16")


def test_times_with_a_time_zone_are_refused(log):
    log["timestamp"] = log["timestamp"].dt.tz_localize("Europe/Paris")
    log = pa.table({name: pa.array(list(column)) for name, column in log.items()})
    with pytest.raises(ValueError, match="has a time zone; give the time zone of the shop"):
        build_features(log, "2024-01-16")


def test_the_default_set_is_built_for_three_columns(log):
    assert set(default_features(log.columns)) <= set(build_features(log, "2024-01-16").columns)
    assert len(default_features(log.columns)) >= 20


def test_the_version_follows_the_set_of_features():
    assert feature_version(["gap_mean"]) != feature_version(["gap_mean", "gap_max"])


@pytest.mark.usefixtures("own_databases")
def test_an_engine_can_be_used_again_and_keeps_no_table(log):
    engine = DuckDB()
    first = build_features(log, "2024-01-16", engine=engine)
    assert not engine.query("select table_name from information_schema.tables").to_pylist()
    pd.testing.assert_frame_equal(build_features(log, "2024-01-16", engine=engine), first)


@pytest.mark.usefixtures("own_databases")
def test_too_little_memory_is_said_in_a_sentence(log):
    with pytest.raises(ValueError, match=r"memory of 1MB is too small; increase it \(memory='4GB'"):
        build_features(log, "2024-01-16", memory="1MB")


def test_an_amount_beyond_the_integers_is_refused(log):
    with pytest.raises(ValueError, match="a number is out of range; amounts"):
        build_features(log.assign(amount=1e18), "2024-01-16")


@pytest.mark.usefixtures("own_databases")
def test_a_memory_limit_that_is_no_size_is_refused(log):
    for memory in ("lots", "200%", "-200%"):
        with pytest.raises(ValueError, match=f"memory must be a size such as '4GB', got '{memory}'"):
            build_features(log, "2024-01-16", memory=memory)


def test_features_say_that_they_are_in_days(log):
    assert build_features(log, "2024-01-16").attrs["time_unit"] == "days"


def test_giving_memory_back_leaves_the_frame_as_it_was(log, monkeypatch):
    kept = build_features(log, "2024-01-16")
    monkeypatch.setattr("cltv_ml.features.build._LARGE_FRAME", 1)
    pd.testing.assert_frame_equal(build_features(log, "2024-01-16"), kept)
