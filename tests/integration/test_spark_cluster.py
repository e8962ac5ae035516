"""A standalone Spark cluster of separate processes on loopback: the same scores, also where a worker dies."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@dataclass(frozen=True)
class Cluster:
    """A master and its workers, each the leader of a process group that holds its executors."""

    address: str
    workers: list[subprocess.Popen]
    folders: list[Path]

    def run(self, shop, *words):
        """Start the command line in a process of its own, whose executors take the same Python."""
        environment = shop.environment | {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
        command = [sys.executable, "-m", "cltv_ml.cli", *map(str, words), "--master", self.address]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=shop.folder, env=environment, **pipes)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def cluster(tmp_path):
    pyspark = pytest.importorskip("pyspark", reason="PySpark is not installed")
    home, port = Path(pyspark.__file__).parent, free_port()
    environment = os.environ | {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_NO_DAEMONIZE": "1",
    }
    started = []

    def start(kind, *words):
        name = f"org.apache.spark.deploy.{kind}"
        log = (tmp_path / f"{len(started)}.log").open("w")
        command = [
            home / "bin" / "spark-class",
            name,
            "--host",
            "127.0.0.1",
            "--webui-port",
            "0",
            *map(str, words),
        ]
        started.append(
            subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        )
        log.close()
        return started[-1]

    start("master.Master", "--port", port)
    address = f"spark://127.0.0.1:{port}"
    folders = [tmp_path / f"worker{number}" for number in range(2)]
    workers = [
        start("worker.Worker", "--cores", 1, "--memory", "2g", "--work-dir", folder, address)
        for folder in folders
    ]
    until = time.monotonic() + 60
    while (tmp_path / "0.log").read_text().count("Registering worker") < len(workers):
        assert time.monotonic() < until, (tmp_path / "0.log").read_text()
        time.sleep(0.2)
    yield Cluster(address, workers, folders)
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def assert_scores_equal(file, expected):
    found = pd.read_parquet(file).sort_values("customer_id", ignore_index=True)
    exact = ["customer_id", "tier", "reason", "model", "model_version", "cutoff", "horizon"]
    pd.testing.assert_frame_equal(found[exact], expected[exact])
    for name in set(expected) - set(exact):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("dies", [False, True])
def test_a_cluster_of_two_workers_gives_the_scores_of_this_process_also_when_one_dies(
    trained, scored, cluster, tmp_path, dies
):
    out = tmp_path / "scores.parquet"
    words = ("score", "--data", "orders.csv", *trained.mapping, "--engine", "spark", "--out", out)
    run = cluster.run(trained, *words)
    if dies:
        until = time.monotonic() + 120
        while not list(cluster.folders[1].glob("app-*/*")):  # an executor of the job
            assert time.monotonic() < until
            assert run.poll() is None, run.communicate()[0]
            time.sleep(0.1)
        os.killpg(cluster.workers[1].pid, signal.SIGKILL)
    said = run.communicate(timeout=400)[0]
    assert run.returncode == 0, said
    assert_scores_equal(out, scored)
    used = [bool(list(folder.glob("app-*/*"))) for folder in cluster.folders]
    assert used == [True, True]
