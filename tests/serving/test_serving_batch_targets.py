"""Where a batch of scores is written."""

import json

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy

from cltv_ml.errors import InputError
from cltv_ml.serving import batch_databases
from cltv_ml.serving.batch_targets import Target, manifest_of
from cltv_ml.serving.resumable import opened


@pytest.mark.parametrize(("ending", "written"), [("csv", 7.3881), ("parquet", 7.388120444145785)])
def test_csv_shows_four_decimals_and_parquet_every_digit(tmp_path, ending, written):
    scores = pa.table({"customer_id": ["=ann"], "expected_value": [7.388120444145785], "purchases": [3]})
    target = Target(tmp_path / f"scores.{ending}")
    target.write(scores.schema, scores.to_batches())
    read = pd.read_csv if ending == "csv" else pd.read_parquet
    assert read(target.path)["expected_value"].tolist() == [written]
    if ending == "csv":
        assert target.path.read_text(encoding="utf-8").splitlines()[1] == "'=ann,7.3881,3"


def deliver(target, day, value, **about):
    """Write a day's scores with their manifest, and return what was kept of those before."""
    kept = target.keep_earlier(day)
    scores = pd.DataFrame({"customer_id": ["ann"], "expected_value": [value], "cutoff": pd.Timestamp(day)})
    scores = pa.Table.from_pandas(scores, preserve_index=False)
    target.write(scores.schema, scores.to_batches())
    target.manifest.write_text(
        json.dumps({"file": str(target.path), "cutoff": day, **about}), encoding="utf-8"
    )
    return kept


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_scores_of_an_earlier_day_are_kept_next_to_the_new_ones(tmp_path, ending):
    target = Target(tmp_path / f"scores.{ending}")
    before = target.path.with_stem("scores_before")
    assert deliver(target, "2026-03-01", 1.0) is None
    assert deliver(target, "2026-03-08", 2.0) == str(before)
    assert deliver(target, "2026-03-08", 3.0) is None  # again on the same day: the week before stays
    read = pd.read_csv if ending == "csv" else pd.read_parquet
    assert read(before)["expected_value"].tolist() == [1.0]
    assert json.loads(manifest_of(before).read_text())["cutoff"] == "2026-03-01"


def test_scores_in_two_formats_do_not_share_a_manifest(tmp_path):
    some, everybody = Target(tmp_path / "scores.parquet"), Target(tmp_path / "scores.csv")
    deliver(some, "2026-03-08", 1.0, since="2026-03-01")
    deliver(everybody, "2026-03-08", 2.0)
    assert [json.loads(one.manifest.read_text()).get("since") for one in (some, everybody)] == [
        "2026-03-01",
        None,
    ]


def test_neither_some_customers_nor_a_file_without_its_own_manifest_are_earlier_scores(tmp_path):
    target = Target(tmp_path / "scores.parquet")
    deliver(target, "2026-03-01", 1.0, since="2026-02-20")
    assert target.keep_earlier("2026-03-08") is None
    deliver(target, "2026-03-08", 2.0)
    target.manifest.write_text(
        json.dumps({"cutoff": "2026-03-01"}), encoding="utf-8"
    )  # killed before it was written
    assert target.keep_earlier("2026-03-15") is None
    target.path.write_bytes(b"no table")
    assert target.keep_earlier("2026-03-15") is None


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff"])
def test_a_damaged_manifest_of_earlier_scores_is_refused_before_the_work(tmp_path, content):
    target = Target(tmp_path / "scores.parquet")
    target.path.write_bytes(b"scores")
    target.manifest.write_bytes(content)
    with pytest.raises(InputError, match=r"does not contain the manifest of scores\.parquet: .* move both"):
        target.check()


def test_damaged_files_of_an_interrupted_scoring_are_written_again_or_named(tmp_path):
    folder = tmp_path / "work"
    with opened(folder) as work:
        work.start({"day": 1})
    (folder / "job.json").write_bytes(b"\xff")
    (folder / "piece").touch()
    with opened(folder) as work:
        work.start({"day": 1})
        assert not (folder / "piece").exists()
    (folder / "lock").write_bytes(b"no database, for some hundred bytes" * 9)
    with pytest.raises(InputError, match="lock is damaged; delete it"), opened(folder):
        pass


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_a_new_database_of_scores_is_readable_by_its_owner_only(scheme, tmp_path):
    for name, before in (("new", None), ("old", 0o640)):
        url = f"{scheme}:///{tmp_path / name}"
        if before:
            batch_databases.check_table(url, "scores", url)
            (tmp_path / name).chmod(before)
        batch_databases.check_table(url, "scores", url)
        assert (tmp_path / name).stat().st_mode & 0o777 == (before or 0o600)


def _scores(cutoff, values, **columns):
    return pd.DataFrame(
        {
            "customer_id": [*values],
            "cutoff": pd.Timestamp(cutoff),
            "expected_value": [*values.values()],
            "model_version": "1",
            **columns,
        }
    )


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_a_database_keeps_the_scores_of_other_days(scheme, tmp_path):
    """The whole table was replaced each day."""
    _write_two_days(f"{scheme}:///{tmp_path / 'shop.db'}")


def test_postgresql_keeps_the_scores_of_other_days(postgres_url):
    _write_two_days(postgres_url)


def _write_two_days(url):
    target = Target(url)
    target.check()
    for scores in (
        _scores("2026-01-05", {"ann": 1.0, "bob": 2.0}),
        _scores("2026-01-12", {"ann": 3.0, "bob": 4.0}),
        _scores("2026-01-12", {"bob": 5.5, "o'cem": 6.0}, tier="high", alive=True, days=7, share=0.5),
    ):
        rows = pa.Table.from_pandas(scores, preserve_index=False)
        target.write(rows.schema, rows.to_batches(max_chunksize=1))
    query = "select customer_id, cutoff, expected_value, tier, days, share, alive from scores"
    if url.startswith("duckdb"):
        with duckdb.connect(url.removeprefix("duckdb:///")) as con:
            table = con.sql(query).df()
    else:
        address = url.replace("postgresql://", "postgresql+psycopg://")
        table = pd.read_sql(query, sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool))
    table["cutoff"] = pd.to_datetime(table["cutoff"]).dt.strftime("%m-%d")
    rows = sorted(
        tuple(None if pd.isna(cell) else cell for cell in row) for row in table.itertuples(index=False)
    )
    assert rows == [
        ("ann", "01-05", 1.0, None, None, None, None),
        ("ann", "01-12", 3.0, None, None, None, None),
        ("bob", "01-05", 2.0, None, None, None, None),
        ("bob", "01-12", 5.5, "high", 7, 0.5, True),
        ("o'cem", "01-12", 6.0, "high", 7, 0.5, True),
    ]


def test_a_finished_job_leaves_no_folder_in_which_files_for_a_bucket_waited(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for finished, left in ((False, 1), (True, 0)):
        with opened(Target("s3://shop/week").work) as work:
            work.start({"job": 1})
            work.finished = finished
        assert len(list(tmp_path.iterdir())) == left
