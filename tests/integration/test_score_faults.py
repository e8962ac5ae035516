"""A batch that is killed, refused or finds its surroundings broken: whole files, one sentence, nothing else."""

import contextlib
import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import mlflow
import pytest

from cltv_ml.serving import batch_pieces, scoring


class Killed(BaseException):
    """Nothing catches it."""


@pytest.fixture
def folder(trained, scored, tmp_path, monkeypatch):
    """An empty folder with the shop's store."""
    monkeypatch.setattr(batch_pieces, "CHUNK", 500)
    return tmp_path


@pytest.fixture
def score(trained, folder):
    """Score the shop's orders as `cltv score` does, into the folder."""

    def run(out="scores.parquet", *words):
        return trained.cltv("score", "--data", "orders.csv", *trained.mapping, "--out", folder / out, *words)

    return run


def refused(done):
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def test_a_run_killed_before_each_of_its_steps_in_turn_gives_the_same_file(score, folder, monkeypatch):
    assert score("whole.parquet").returncode == 0
    replace, kills = os.replace, 0
    for allowed in range(100):
        left = [allowed]

        def step(source, target, left=left):
            if not left[0]:
                raise Killed
            left[0] -= 1
            replace(source, target)

        monkeypatch.setattr(os, "replace", step)
        try:
            assert score("again.parquet").returncode == 0
            break
        except Killed:
            kills += 1
    assert kills > 5
    assert (folder / "again.parquet").read_bytes() == (folder / "whole.parquet").read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == [
        "again.manifest.json",
        "again.parquet",
        "whole.manifest.json",
        "whole.parquet",
    ]


def test_a_process_killed_outright_is_continued_and_gives_the_same_file(score, trained, folder):
    assert score("whole.parquet").returncode == 0
    code = "import sys, cltv_ml.cli, cltv_ml.serving.batch_pieces as p; p.CHUNK = 500; cltv_ml.cli.main(sys.argv[1:])"
    words = ["score", "--data", "orders.csv", *trained.mapping, "--out", str(folder / "again.parquet")]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=trained.folder,
        env=trained.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pieces = folder / ".again.parquet.work" / "scores"
    while process.poll() is None and len(list(pieces.glob("scores-*.parquet"))) < 2:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    assert not (folder / "again.parquet").exists()
    assert score("again.parquet").returncode == 0
    assert (folder / "again.parquet").read_bytes() == (folder / "whole.parquet").read_bytes()


def test_a_full_disk_is_one_sentence_and_the_next_try_continues(score, folder, monkeypatch):
    write = batch_pieces.pq.write_table
    monkeypatch.setattr(batch_pieces.pq, "write_table", _full)
    assert "No space left on device" in refused(score())
    assert not (folder / "scores.parquet").exists()
    monkeypatch.setattr(batch_pieces.pq, "write_table", write)
    assert score().returncode == 0


def _full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device", "scores.parquet")


def test_an_output_below_a_file_is_refused_before_anything_is_done(score, folder):
    (folder / "file").write_text("")
    assert "is a file; choose another name" in refused(score("file/scores.parquet"))


def test_an_output_of_another_kind_is_refused_before_anything_is_done(score, folder):
    assert "use a name that ends in .parquet or .csv" in refused(score("scores.xlsx"))
    assert list(folder.iterdir()) == []


def test_a_locked_database_keeps_its_table_and_is_one_sentence(score, folder, trained):
    path = folder / "shop.db"
    words = ("score", "--data", "orders.csv", *trained.mapping, "--out", f"sqlite:///{path}?timeout=0.1")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("create table scores (customer_id text, expected_value real, model_version int)")
        holder.execute("begin exclusive")
        assert "database is locked" in refused(trained.cltv(*words))
        holder.execute("rollback")
        assert holder.execute("select count(*) from scores").fetchall() == [(0,)]


def test_a_table_that_holds_no_scores_is_not_replaced(folder, trained):
    path = folder / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as holder:
        holder.execute("create table orders (customer_id text)")
    words = (
        "score",
        "--data",
        "orders.csv",
        *trained.mapping,
        "--out",
        f"sqlite:///{path}",
        "--table",
        "orders",
    )
    assert "has a table 'orders' that does not contain scores" in refused(trained.cltv(*words))


def test_two_batches_to_one_file_do_not_work_at_once(score, folder):
    with scoring.opened(folder / ".scores.parquet.work"):
        assert "another scoring run is using" in refused(score())


@pytest.fixture
def stored(trained, folder):
    """The champion's file of parameters, restored afterwards."""
    mlflow.set_tracking_uri(trained.store)
    model = mlflow.pyfunc.load_model("models:/cltv@champion")
    (path,) = trained.folder.rglob(f"{model.metadata.model_id}/artifacts/artifacts/model/model.json")
    before = path.read_bytes()
    yield path
    path.write_bytes(before)


def test_a_cut_off_model_is_one_sentence(score, folder, stored):
    stored.write_bytes(stored.read_bytes()[:200])
    assert "artifacts/model/model.json was changed" in refused(score())
    assert list(folder.iterdir()) == []


def test_a_changed_model_is_refused_by_its_checksum(score, folder, stored):
    content = json.loads(stored.read_text())
    content["card"]["tiers"]["high"] /= 2
    stored.write_text(json.dumps(content))
    assert "has changed since it was registered" in refused(score())


def test_a_model_that_is_gone_is_one_sentence(score, folder, stored):
    stored.unlink()
    assert "artifacts/model/model.json is missing" in refused(score())
    stored.touch()
