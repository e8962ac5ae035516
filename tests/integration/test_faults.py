"""A training that is stopped leaves no open run and no half-written file."""

import contextlib
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request

import pytest
from mlflow.tracking import MlflowClient


def test_a_terminated_training_ends_its_run_as_failed_and_writes_nothing(trained):
    process = _training(trained, "stopped", trained.environment)
    client = MlflowClient(trained.store)
    while process.poll() is None and not _statuses(client):
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert set(_statuses(client)) == {"FAILED"}
    assert not (trained.folder / "stopped").exists()


@pytest.mark.slow
def test_a_training_that_finds_no_space_is_one_sentence_and_leaves_nothing_half_written(trained):
    space = (2 << 20, 2 << 20)  # less than one report
    done = _training(
        trained,
        "full",
        trained.environment,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, space),
    )
    said = done.communicate(timeout=600)[1]
    assert done.returncode == 2
    assert "File too large" in said
    assert len(_sentences(said)) == 1
    ended = _statuses(MlflowClient(trained.store), "full")
    assert "FAILED" in ended
    assert "RUNNING" not in ended  # a model that was logged before there was no space stays
    assert not list((trained.folder / "full").glob("*"))


@pytest.mark.slow
def test_a_training_whose_server_dies_in_the_middle_is_one_sentence_and_the_next_one_ends_its_runs(shop):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = f"sqlite:///{shop.folder / 'served.db'}"
    words = ["server", "--backend-store-uri", store, "--port", str(port), "--workers", "1"]
    environment = shop.environment | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", *words],
        cwd=shop.folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    for _ in range(240):
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2),
        ):
            break
        time.sleep(0.5)
    training = _training(shop, "lost", environment | {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"})
    client = MlflowClient(store)
    while training.poll() is None and len(_statuses(client, "lost")) < 2:
        time.sleep(0.1)
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(60)
    said = training.communicate(timeout=300)[1]
    assert training.returncode == 2
    assert f"the MLflow server at http://127.0.0.1:{port} has stopped answering; run the same command" in said
    assert len(_sentences(said)) == 1
    assert set(_statuses(client, "lost")) == {"RUNNING"}  # out of reach
    assert not (shop.folder / "lost").exists()
    again = _training(shop, "lost", environment | {"MLFLOW_TRACKING_URI": store})
    while again.poll() is None and "FAILED" not in _statuses(client, "lost"):
        time.sleep(0.1)
    again.terminate()
    again.communicate(timeout=60)
    assert set(_statuses(client, "lost")) == {"FAILED"}


@pytest.mark.slow
def test_a_store_that_another_process_locks_in_the_middle_is_one_sentence_and_its_runs_are_ended(trained):
    training = _training(trained, "locked", trained.environment)
    client = MlflowClient(trained.store)
    while training.poll() is None and len(_statuses(client, "locked")) < 2:
        time.sleep(0.1)
    with contextlib.closing(
        sqlite3.connect(trained.folder / "mlflow.db", timeout=30, isolation_level=None)
    ) as other:
        other.execute("begin exclusive")
        time.sleep(30)  # MLflow waits for 20 seconds
    said = training.communicate(timeout=300)[1]
    assert training.returncode == 2
    assert "could not be used (database is locked)" in said
    assert len(_sentences(said)) == 1
    ended = _statuses(client, "locked")
    assert "FAILED" in ended
    assert "RUNNING" not in ended
    assert not (trained.folder / "locked").exists()


def _sentences(said):
    """Return the lines of an error: on a busy machine a slow training also says how far it is."""
    return [line for line in said.strip().splitlines() if not line.startswith("training, ")]


def _training(shop, name, environment, **more):
    words = ["--data", "orders.csv", *shop.mapping, "--horizon", "26w", "--out", name, "--experiment", name]
    return subprocess.Popen(
        [sys.executable, "-m", "cltv_ml.cli", "train", *words, "--models", "pareto_nbd_gamma_gamma,tweedie"],
        cwd=shop.folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def _statuses(client, name="stopped"):
    experiment = client.get_experiment_by_name(name)
    return [run.info.status for run in client.search_runs([experiment.experiment_id])] if experiment else []
