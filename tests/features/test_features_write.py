import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from cltv_ml.errors import InputError
from cltv_ml.features import (
    DuckDB,
    build_features,
    build_labels,
    feature_version,
    read_features,
    write_features,
)
from cltv_ml.windows import Window

CUTOFFS = ["2024-01-12", "2024-02-01"]
NAMES = ["days_since_last", "orders_30d"]


@pytest.fixture
def log() -> pd.DataFrame:
    days = pd.date_range("2024-01-01", "2024-03-01")
    return pd.DataFrame(
        {"customer_id": [f"c{day.day % 11}" for day in days], "timestamp": days, "amount": range(len(days))}
    )


def as_frame(folder) -> pd.DataFrame:
    return read_features(folder).to_pandas().set_index(["cutoff", "customer_id"])


class StopError(Exception):
    pass


def stop_after(parts: int):
    def progress(done: int, total: int, what: str) -> None:
        if done == parts:
            raise StopError

    return progress


@pytest.mark.parametrize("shards", [1, 4, 30])
def test_files_hold_what_build_features_returns(log, tmp_path, shards):
    write_features(log, CUTOFFS, tmp_path / "X", NAMES, engine=DuckDB(shards=shards))
    pd.testing.assert_frame_equal(as_frame(tmp_path / "X"), build_features(log, CUTOFFS, NAMES))


def test_each_file_is_sorted_so_that_two_builds_are_the_same(log, tmp_path):
    write_features(log, CUTOFFS, tmp_path / "X", NAMES, engine=DuckDB(shards=1))
    for path in (tmp_path / "X").rglob("*.parquet"):
        ids = pq.read_table(path, partitioning=None)["customer_id"].to_pylist()
        assert ids == sorted(ids)


def test_one_file_per_cutoff_and_shard_and_no_scratch_is_left(log, tmp_path):
    write_features(log, CUTOFFS, tmp_path / "X", NAMES, engine=DuckDB(shards=3))
    files = sorted(str(path.relative_to(tmp_path / "X")) for path in (tmp_path / "X").rglob("*.*"))
    parts = [f"cutoff={cutoff}/part-000{shard}.parquet" for cutoff in CUTOFFS for shard in range(3)]
    assert files == ["_build.json", *parts]


def test_labels_come_with_the_features(log, tmp_path):
    write_features(log, CUTOFFS, tmp_path / "X", NAMES, horizon=10, engine=DuckDB(shards=3))
    X = as_frame(tmp_path / "X")
    y = build_labels(log, [Window(cutoff, 10) for cutoff in CUTOFFS])
    pd.testing.assert_frame_equal(X[[f"label_{name}" for name in y]], y.add_prefix("label_"))


def test_an_interrupted_build_continues_with_the_missing_files(log, tmp_path):
    target = tmp_path / "X"
    with pytest.raises(StopError):
        write_features(log, CUTOFFS, target, NAMES, engine=DuckDB(shards=4), progress=stop_after(3))
    before = {path: path.stat().st_mtime_ns for path in target.rglob("part-*")}
    assert len(before) == 3
    write_features(log, CUTOFFS, target, NAMES, engine=DuckDB(shards=4))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    pd.testing.assert_frame_equal(as_frame(target), build_features(log, CUTOFFS, NAMES))


def test_a_build_killed_before_its_note_was_complete_is_begun_again(log, tmp_path):
    (tmp_path / "X").mkdir()
    (tmp_path / "X" / "_build.json.unfinished").write_text("{")
    write_features(log, CUTOFFS, tmp_path / "X", NAMES)
    assert len(as_frame(tmp_path / "X")) > 0


def test_two_builds_in_one_folder_at_once_are_refused(log, tmp_path):
    def begin_again(done, total, what):
        if what == "complete":
            return
        with pytest.raises(InputError, match=r"another build is writing to '.*both'; wait until it ends"):
            write_features(log, CUTOFFS, tmp_path / "both")

    write_features(log, CUTOFFS, tmp_path / "both", progress=begin_again)
    assert read_features(tmp_path / "both").num_rows
    assert not (tmp_path / "both" / "_lock").exists()


def test_an_incomplete_build_is_not_read(log, tmp_path):
    with pytest.raises(StopError):
        write_features(log, CUTOFFS, tmp_path / "X", NAMES, engine=DuckDB(shards=4), progress=stop_after(3))
    with pytest.raises(ValueError, match="has no complete build"):
        read_features(tmp_path / "X")


def test_a_complete_build_is_not_done_again(log, tmp_path):
    write_features(log, CUTOFFS, tmp_path / "X", NAMES)
    write_features(log, CUTOFFS, tmp_path / "X", NAMES, progress=stop_after(0))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"cutoffs": ["2024-01-12"]}, "cutoffs"),
        ({"names": ["days_since_last"]}, "version, features"),
        ({"horizon": 5}, "labels, horizon"),
        ({"engine": DuckDB(shards=2)}, "shards"),
    ],
)
def test_a_folder_of_another_build_is_refused(log, tmp_path, change, what):
    write_features(log, CUTOFFS, tmp_path / "X", NAMES)
    arguments = {"cutoffs": CUTOFFS, "names": NAMES, **change}
    with pytest.raises(
        ValueError, match=f"contains another build, with other {what}.*; choose another folder"
    ):
        write_features(log, folder=tmp_path / "X", **arguments)


@pytest.mark.parametrize("note", ["", "[]", '{"complete": '])
def test_a_damaged_description_of_a_build_is_refused_in_one_sentence(log, tmp_path, note):
    (tmp_path / "_build.json").write_text(note, encoding="utf-8")
    for work in (read_features, lambda folder: write_features(log, CUTOFFS, folder, NAMES)):
        with pytest.raises(ValueError, match=r"_build\.json does not contain the description of a build"):
            work(tmp_path)


def test_a_folder_with_other_files_is_refused(log, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ValueError, match="contains other files"):
        write_features(log, CUTOFFS, tmp_path, NAMES)


def test_a_bad_cutoff_leaves_nothing_behind(log, tmp_path):
    with pytest.raises(ValueError, match="lies outside the log"):
        write_features(log, "2023-01-01", tmp_path / "X", NAMES)
    assert not (tmp_path / "X").exists()


def test_a_horizon_past_the_end_of_the_log_is_refused(log, tmp_path):
    with pytest.raises(ValueError, match="but the log ends on 2024-03-01"):
        write_features(log, "2024-02-20", tmp_path / "X", NAMES, horizon=31)


def test_too_little_disk_for_the_shards_is_said_before(log, tmp_path, monkeypatch):
    monkeypatch.setattr("cltv_ml.features.build._SHARD_BYTES_PER_ROW", 1e15)
    with pytest.raises(ValueError, match=r"2 shards of 61 lines need about .* GB on disk, but"):
        write_features(log, CUTOFFS, tmp_path / "X", NAMES, engine=DuckDB(shards=2))


def test_files_carry_the_version_and_the_meaning_of_their_columns(log, tmp_path):
    write_features(log, CUTOFFS, tmp_path / "X", NAMES)
    found = pq.read_metadata(next((tmp_path / "X").rglob("part-*"))).metadata
    assert found[b"cltv_feature_version"].decode() == feature_version(NAMES)
    assert json.loads(found[b"cltv_features"])["recency"]["unit"] == "days"


def test_progress_counts_parts_to_the_end(log, tmp_path):
    seen = []
    write_features(
        log, CUTOFFS, tmp_path / "X", NAMES, engine=DuckDB(shards=2), progress=lambda *now: seen.append(now)
    )
    assert [now[:2] for now in seen] == [(0, 4), (1, 4), (2, 4), (2, 4), (3, 4), (4, 4), (4, 4)]


def test_an_absurd_future_does_not_matter(log, tmp_path):
    later = pd.DataFrame(
        {"customer_id": ["c1"], "timestamp": [log["timestamp"].max()], "amount": [float("inf")]}
    )
    write_features(pd.concat([log, later]), CUTOFFS, tmp_path / "X", NAMES, engine=DuckDB(shards=2))
    pd.testing.assert_frame_equal(as_frame(tmp_path / "X"), build_features(log, CUTOFFS, NAMES))


@pytest.mark.parametrize("horizon", [0, -5])
def test_a_horizon_of_no_days_is_refused(log, tmp_path, horizon):
    with pytest.raises(
        ValueError, match=f"horizon must be between one day and a hundred years, got {horizon}"
    ):
        write_features(log, CUTOFFS, tmp_path / "X", NAMES, horizon=horizon)
