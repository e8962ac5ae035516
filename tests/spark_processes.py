"""Spark as separate processes on loopback: a standalone master, two workers, and a Connect server that uses them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

#: Spark's own 200 tasks a stage would take minutes for a small log.
FEW = "--conf=spark.sql.shuffle.partitions=4"


@dataclass(frozen=True)
class Cluster:
    """A master and its workers, each the leader of a process group that holds its executors.

    `connect` is the address of its Connect server, empty where none was started.
    """

    address: str
    workers: list[subprocess.Popen]
    folders: list[Path]
    connect: str = ""
    processes: tuple[subprocess.Popen, ...] = ()

    def start(self, command, *, cwd=None, env: Mapping[str, str] | None = None, python=sys.executable):
        """Start a program of Spark in a process of its own, for which executors take `python`."""
        environment = {"PYSPARK_SUBMIT_ARGS": f"{FEW} pyspark-shell", "SPARK_LOCAL_IP": "127.0.0.1"}
        environment |= {**(env or os.environ), "PYSPARK_PYTHON": str(python)}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(list(map(str, command)), cwd=cwd, env=environment, **pipes)

    def end(self, process: subprocess.Popen) -> str:
        """Wait for a program and return what it said; a quarter of an hour is too long."""
        try:
            return process.communicate(timeout=900)[0]
        except subprocess.TimeoutExpired as late:
            process.kill()
            raise AssertionError(f"it is still at work: {process.communicate()[0]}") from late

    def run(self, command, **options) -> str:
        """Run a program to its end and return what it says; it must succeed."""
        process = self.start(command, **options)
        said = self.end(process)
        assert process.returncode == 0, said
        return said

    def tasks(self, worker: int) -> int:
        """Return the number of tasks that the executors of a worker have finished."""
        logs = self.folders[worker].glob("app-*/*/stderr")
        return sum(log.read_text().count("Finished task") for log in logs)


@contextmanager
def cluster(folder: Path, *, connect: bool = False) -> Iterator[Cluster]:
    """Run a master and two workers, with `connect` also a Connect server on them.

    Each application has an executor of one core and 1 GB on either worker. Executors find no package of this checkout
    by `PYTHONPATH`.
    """
    pyspark = pytest.importorskip("pyspark", reason="PySpark is not installed")
    home = Path(pyspark.__file__).parent
    environment = os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
    environment.pop("PYTHONPATH", None)
    environment |= {"SPARK_NO_DAEMONIZE": "1", "PYSPARK_PYTHON": sys.executable}
    environment["SPARK_MASTER_OPTS"] = "-Dspark.deploy.defaultCores=2"  # else one application takes them all
    started: list[subprocess.Popen] = []

    def start(log: str, *command) -> subprocess.Popen:
        with (folder / log).open("w") as file:
            words = [str(home / "bin" / command[0]), *map(str, command[1:])]
            started.append(
                subprocess.Popen(
                    words, cwd=folder, env=environment, stdout=file, stderr=file, start_new_session=True
                )
            )
        return started[-1]

    here = ("--host", "127.0.0.1", "--webui-port", 0)
    address = f"spark://127.0.0.1:{free_port()}"
    folders = [folder / f"worker{number}" for number in range(2)]
    try:
        deploy = "org.apache.spark.deploy"
        start("master", "spark-class", f"{deploy}.master.Master", *here, "--port", address.split(":")[-1])
        limits = ("--cores", 2, "--memory", "4g") if connect else ("--cores", 1, "--memory", "2g")
        workers = [
            start(
                f"log{n}",
                "spark-class",
                f"{deploy}.worker.Worker",
                *here,
                *limits,
                "--work-dir",
                work,
                address,
            )
            for n, work in enumerate(folders)
        ]
        wait_for(folder / "master", "Registering worker", times=len(workers))
        port = free_port()
        if connect:
            options = {"port": port, "address": "127.0.0.1"}
            settings = [f"--conf=spark.connect.grpc.binding.{key}={value}" for key, value in options.items()]
            server = "org.apache.spark.sql.connect.service.SparkConnectServer"
            settings += ["--conf=spark.ui.enabled=false", FEW]
            start(
                "connect", "spark-submit", "--class", server, "--master", address, *settings, "spark-internal"
            )
            wait_for(folder / "connect", "Spark Connect server started")
        yield Cluster(address, workers, folders, f"sc://127.0.0.1:{port}" if connect else "", tuple(started))
    finally:
        for process in reversed(started):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(log: Path, words: str, times: int = 1) -> None:
    """Wait until a log holds these words so often, for four minutes at most."""
    until = time.monotonic() + 240
    while log.read_text().count(words) < times:
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.2)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
