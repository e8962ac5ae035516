"""The log that travels: one database, what was found once is kept."""

import pickle

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cltv_ml.features import build_features
from cltv_ml.log import Log
from cltv_ml.stamps import observed_until
from cltv_ml.windows import Window

FRAME = pd.DataFrame(
    {
        "customer_id": ["b", "a", "b"],
        "timestamp": pd.to_datetime(["2024-01-02", "2024-01-05", "2024-02-01"]),
        "amount": [1.0, 2.0, 4.0],
    }
)


@pytest.fixture
def log():
    return Log(FRAME)


def test_a_log_is_returned_as_it_is_and_a_frame_is_wrapped(log):
    assert Log.of(log) is log
    assert Log.of(FRAME).table is FRAME


def test_each_reader_has_temporary_tables_of_its_own(log):
    first, second = log.connect(), log.connect()
    first.execute("create temp table chosen as select * from log where customer_id = 'a'")
    second.execute("create temp table chosen as from log")
    assert first.sql("select count(*) from chosen").fetchall() == [(1,)]
    assert second.sql("select count(*) from chosen").fetchall() == [(3,)]


def test_a_reader_outlives_the_log_it_came_from():
    con = Log(FRAME.copy()).connect()
    assert con.sql("select sum(amount) from log").fetchall() == [(7.0,)]


def test_a_parquet_file_gives_the_same_answers_as_its_frame(log, tmp_path):
    FRAME.to_parquet(tmp_path / "log.parquet")
    stored = Log(tmp_path / "log.parquet")
    window = Window("2024-01-03", 10)
    assert (stored.columns, stored.span, len(stored)) == (log.columns, log.span, len(log))
    pd.testing.assert_series_equal(stored.target(window, log.customers), log.target(window, log.customers))
    pd.testing.assert_frame_equal(
        stored.frame.astype({"customer_id": "str"}), FRAME.astype({"customer_id": "str"}), check_dtype=False
    )


def test_ids_that_are_numbers_are_read_as_text(tmp_path):
    numbered = FRAME.assign(customer_id=[2, 1, 2])
    numbered.to_parquet(tmp_path / "log.parquet")
    window = Window("2024-01-05", 28)
    for log in (Log(numbered), Log(tmp_path / "log.parquet")):
        customers = build_features(log, "2024-01-06").index
        assert list(customers) == list(log.customers) == sorted(set(log.frame["customer_id"])) == ["1", "2"]
        assert log.target(window, customers).to_list() == [2.0, 4.0]


def test_a_log_known_complete_beyond_its_last_sale_ends_there():
    frame = FRAME.copy()
    frame.attrs["observed_until"] = "2024-03-01"
    assert Log(frame).last == pd.Timestamp("2024-03-01")


def test_features_as_of_the_day_after_a_log_known_complete_beyond_its_last_sale():
    frame = FRAME.copy()
    frame.attrs["observed_until"] = "2024-03-01"
    features = build_features(Log(frame), "2024-03-02", ["days_since_last"])
    assert features["days_since_last"].min() > 1
    with pytest.raises(ValueError, match="lies outside the log"):
        build_features(Log(frame), "2024-03-03", ["days_since_last"])


def test_a_missing_parquet_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.parquet' cannot be read as a Parquet file"):
        _ = Log(tmp_path / "gone.parquet").span


def test_a_copy_in_another_process_opens_its_own_database(log):
    log.connect()
    assert pickle.loads(pickle.dumps(log)).span == log.span


def test_a_label_whose_column_the_log_lacks_is_refused(log):
    with pytest.raises(ValueError, match=r"label 'margin' needs \['cost'\]"):
        log.target(Window("2024-01-03", 10), log.customers, "margin")


def test_metadata_of_others_that_are_no_text_are_passed_over(tmp_path):
    """They ended in a UnicodeDecodeError."""
    table = pa.table({"customer_id": ["a"], "timestamp": [pd.Timestamp("2024-01-01")], "amount": [1.0]})
    stamped = table.replace_schema_metadata({b"observed_until": b"2024-01-31", b"\xff": b"\xfe\x80"})
    pq.write_table(stamped, tmp_path / "log.parquet")
    assert observed_until(stamped) == observed_until(tmp_path / "log.parquet") == "2024-01-31"
