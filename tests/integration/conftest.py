"""One small shop trained and scored by the command line, shared by the tests of this folder."""

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pandas as pd
import pytest

from cltv_ml.cli import main
from cltv_ml.data import clean, read


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


@pytest.fixture(scope="session")
def orders():
    """Every tenth customer of CDNOW, as a German shop might export it."""
    log = clean(read("cdnow")).log
    some = log[log["customer_id"].str.endswith("7")]
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


@pytest.fixture(scope="session")
def trained(shop):
    done = shop.cltv(
        "train", "--data", "orders.csv", *shop.mapping, "--horizon", "26w", "--experiment", "shop"
    )
    assert done.returncode == 0, done.stderr
    return shop


@pytest.fixture(scope="session")
def scored(trained):
    done = trained.cltv("score", "--data", "orders.csv", *trained.mapping)
    assert done.returncode == 0, done.stderr
    return pd.read_parquet(trained.folder / "out" / "scores.parquet")
