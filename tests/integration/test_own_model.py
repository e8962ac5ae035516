"""The page "Add your own model", followed to a registered and served champion."""

import json
import re
import shlex
import socket
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import uvicorn
from mlflow.pyfunc.scoring_server import init
from mlflow.tracking import MlflowClient
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from cltv_ml.models import own
from cltv_ml.pipelines.train import train
from tests.integration.conftest import Shop

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "own-model.md"


def block(kind):
    return re.search(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]


@contextmanager
def serving(model):
    """Yield the address of MLflow's own scoring server for a loaded model, in a thread of this process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(init(model), port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def followed(orders, tmp_path_factory):
    """A shop of its own after the page's file and its two commands, the first one on one window."""
    shop = Shop(tmp_path_factory.mktemp("own"))
    orders.to_csv(shop.folder / "orders.csv", index=False)
    (shop.folder / "mine.py").write_text(block("python"))
    for line, more in zip(block("sh").splitlines(), (["--windows", "1"], []), strict=False):
        words = line.replace("--data cdnow", f"--data orders.csv {shlex.join(shop.mapping)}")
        done = shop.cltv(*shlex.split(words)[1:], *more)
        assert done.returncode == 0, done.stderr
    return shop


def test_the_page_is_short():
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) <= 30


def test_the_own_model_competes_under_its_name(followed):
    table = pd.read_csv(followed.folder / "out" / "backtest.csv")
    assert list(table["model"].unique()) == ["same_rate", "tweedie", "log_linear"]


def test_the_champion_answers_without_its_file(followed):
    shop = followed
    (shop.folder / "mine.py").unlink()
    for name in [name for name in sys.modules if name.startswith("mine_")]:
        del sys.modules[name]
    mlflow.set_tracking_uri(shop.store)
    version = MlflowClient().get_model_version_by_alias("cltv", "champion")
    assert version.tags["model"] == "log_linear"
    body = (shop.folder / "out" / "request.json").read_bytes()
    with serving(mlflow.pyfunc.load_model("models:/cltv@champion")) as url:
        request = urllib.request.Request(f"{url}/invocations", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as reply:
            answers = json.loads(reply.read())["predictions"]
    assert len(answers) == 3
    assert all(row["expected_value"] >= 0 for row in answers)


def test_a_mapping_trains_under_the_callers_names(orders, store, tmp_path):
    orders.to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "mine.py").write_text(block("python"))
    kind = own.load_file(tmp_path / "mine.py").LogLinear
    line = make_pipeline(SimpleImputer(keep_empty_features=True), Ridge())
    outcome = train(
        data=str(tmp_path / "orders.csv"),
        mapping=list(Shop.mapping[1:]),
        horizon="13w",
        out=tmp_path / "out",
        models={"mild": kind(alpha=0.1), "strong": kind(alpha=1e6), "line": line},
    )
    assert list(outcome.result.models) == ["mild", "strong", "line"]
    assert outcome.result.scores["gini"].nunique() > 1
