"""A training that is stopped leaves no open run and no half-written file."""

import resource
import signal
import subprocess
import sys
import time

import pytest
from mlflow.tracking import MlflowClient


def test_a_terminated_training_ends_its_run_as_failed_and_writes_nothing(trained):
    process = subprocess.Popen(
        [sys.executable, "-m", "cltv_ml.cli", "train", "--data", "orders.csv", *trained.mapping, "--horizon", "26w",
         "--out", "stopped", "--experiment", "stopped"],
        cwd=trained.folder, env=trained.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    client = MlflowClient(trained.store)
    while process.poll() is None and not _statuses(client):
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert set(_statuses(client)) == {"FAILED"}
    assert not (trained.folder / "stopped").exists()


@pytest.mark.slow
def test_a_training_that_finds_no_space_is_one_sentence_and_leaves_nothing_half_written(trained):
    done = subprocess.run(
        [sys.executable, "-m", "cltv_ml.cli", "train", "--data", "orders.csv", *trained.mapping, "--horizon", "26w",
         "--out", "full", "--experiment", "full"],
        cwd=trained.folder, env=trained.environment, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20)),  # less than one report
    )  # fmt: skip
    assert done.returncode == 2
    assert "File too large" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert set(_statuses(MlflowClient(trained.store), "full")) == {"FAILED"}
    assert not (trained.folder / "full").exists()


def _statuses(client, name="stopped"):
    experiment = client.get_experiment_by_name(name)
    return [run.info.status for run in client.search_runs([experiment.experiment_id])] if experiment else []
