"""One small shop trained and scored by the command line, shared by the tests of this folder."""

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import mlflow
import pandas as pd
import pytest
from duckdb import DuckDBPyConnection

from cltv_ml import engine
from cltv_ml.cli import main
from cltv_ml.data import clean, read
from cltv_ml.models import competitors


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Shop:
    folder: Path

    mapping = ("--mapping", "customer_id=Kunde,timestamp=Datum,amount=Umsatz")

    @property
    def store(self):
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    @property
    def environment(self):
        return os.environ | {
            "MLFLOW_TRACKING_URI": self.store,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "NO_COLOR": "1",
        }

    def cltv(self, *words):
        """Run the command line in the shop's folder, in this process: its imports then cost nothing."""
        stdout, stderr, status = io.StringIO(), io.StringIO(), 0
        with (
            contextlib.chdir(self.folder),
            patch.dict(os.environ, self.environment),
            patch("signal.signal"),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
        ):
            try:
                main([str(word) for word in words])
            except SystemExit as stop:
                status = stop.code or 0
        return Done(status, stdout.getvalue(), stderr.getvalue())


@pytest.fixture(autouse=True)
def no_store_left_open():
    """A command run in this process opens its store for all of MLflow: the next test must name its own."""
    mlflow.set_tracking_uri(None)


@pytest.fixture(scope="session")
def orders(quick):
    """Every tenth customer of CDNOW, as a German shop might export it; for quick tests every fiftieth."""
    log = clean(read("cdnow")).log
    some = log[log["customer_id"].str.endswith(("17", "67") if quick else "7")]
    return pd.DataFrame(
        {"Kunde": "K" + some["customer_id"], "Datum": some["timestamp"], "Umsatz": some["amount"]}
    )


@pytest.fixture(scope="session")
def shop(tmp_path_factory, orders):
    folder = tmp_path_factory.mktemp("shop")
    bad = pd.DataFrame(
        {"Kunde": ["K-broken", None], "Datum": ["1997-05-01"] * 2, "Umsatz": ["a lot", "5.00"]}
    )
    text = orders.assign(Datum=orders["Datum"].dt.strftime("%Y-%m-%d"))
    pd.concat([text, bad]).to_csv(folder / "orders.csv", index=False)
    return Shop(folder)


@dataclass
class Openings:
    """How often a training handed its log to DuckDB, and how many logs it opened."""

    tables: list[int] = field(default_factory=list)
    logs: int = 0


@pytest.fixture(scope="session")
def openings():
    return Openings()


@pytest.fixture(scope="session")
def models(quick):
    """The models that compete: one of each kind for quick tests, else all of them."""
    if quick:
        return ["same_rate", "bg_nbd_gamma_gamma", "tweedie"]
    return [model.name for model in competitors(182, [])]


@pytest.fixture(scope="session")
def trained(shop, openings, models):
    words = [
        "--data",
        "orders.csv",
        *shop.mapping,
        "--horizon",
        "26w",
        "--experiment",
        "shop",
        "--currency",
        "GBP",
    ]
    with _counted(openings):
        done = shop.cltv("train", *words, "--models", ",".join(models))
    assert done.returncode == 0, done.stderr
    return shop


@pytest.fixture(scope="session")
def serving():
    return _serving


@contextlib.contextmanager
def _serving(words, path, **options):
    """Run a server on a free port; yields its address once `path` answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    process = subprocess.Popen([*words, "--port", str(port)], **silent, **options)
    address = f"http://127.0.0.1:{port}"
    for _ in range(480):  # a busy machine takes minutes
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}{path}", timeout=2):
            break
        assert process.poll() is None, "the server stopped"
        time.sleep(0.5)
    try:
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


@contextlib.contextmanager
def _counted(openings):
    """Count the tables with the columns of a log that are handed to DuckDB, and the logs that are opened."""

    def counted(hand_over):
        def call(con, *args):
            table = args[-1]
            if {"customer_id", "timestamp", "amount"} <= set(getattr(table, "column_names", ())):
                openings.tables.append(len(table))
            return hand_over(con, *args)

        return call

    def connect(*args):
        openings.logs += 1
        return engine.connect(*args)

    methods = {name: counted(getattr(DuckDBPyConnection, name)) for name in ("register", "from_arrow")}
    with patch.multiple(DuckDBPyConnection, **methods), patch("cltv_ml.log.connect", connect):
        yield


@pytest.fixture(scope="session")
def scored(trained):
    done = trained.cltv("score", "--data", "orders.csv", *trained.mapping)
    assert done.returncode == 0, done.stderr
    return pd.read_parquet(trained.folder / "out" / "scores.parquet")
