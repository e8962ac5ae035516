"""A training that is stopped leaves no open run and no half-written file."""

import signal
import subprocess
import sys
import time

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


def _statuses(client):
    experiment = client.get_experiment_by_name("stopped")
    return [run.info.status for run in client.search_runs([experiment.experiment_id])] if experiment else []
