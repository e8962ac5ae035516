"""MLflow's artifacts, and the files of two weeks, on an S3 server on loopback, which may fail every tenth request."""

import itertools
import logging
import os
import sys
import threading
from dataclasses import dataclass
from types import SimpleNamespace

import boto3
import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from cltv_ml.data import simulate
from cltv_ml.files import write_table
from cltv_ml.remote import as_path, is_file
from tests.integration.conftest import Shop

pytestmark = pytest.mark.slow

MODELS = "same_rate,bg_nbd_gamma_gamma"
KEYS = {
    "AWS_ACCESS_KEY_ID": "writer",
    "AWS_SECRET_ACCESS_KEY": "hush-hush",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture
def s3():
    """An S3 server; while `every` is above zero each so manieth request is answered with `status`."""
    moto, count = DomainDispatcherApplication(create_backend_app), itertools.count(1)
    state = SimpleNamespace(every=0, status="", failed=0)

    def answer(environ, start_response):
        if not state.every or next(count) % state.every:
            return moto(environ, start_response)
        state.failed += 1
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(state.status, [("Content-Type", "application/xml")])
        return [f"<Error><Code>{state.status[4:].replace(' ', '')}</Code></Error>".encode()]

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = make_server("127.0.0.1", 0, answer, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.port}"
    yield state
    server.shutdown()


@pytest.fixture
def shop(s3, tmp_path, monkeypatch):
    """A shop whose experiment keeps its artifacts on that server."""
    for name, value in {**KEYS, "MLFLOW_S3_ENDPOINT_URL": s3.url}.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", endpoint_url=s3.url).create_bucket(Bucket="mlflow")
    shop = Shop(tmp_path)
    before = mlflow.get_tracking_uri()
    MlflowClient(shop.store).create_experiment("cltv", "s3://mlflow/cltv")
    yield shop
    mlflow.set_tracking_uri(before)


@dataclass(frozen=True)
class Client(Shop):
    """A folder whose MLflow store is a server."""

    server: str

    @property
    def store(self):
        return self.server


@pytest.fixture
def client(s3, serving, tmp_path):
    """A client without keys of a server that keeps the artifacts in a bucket."""
    keys = os.environ | KEYS | {"MLFLOW_S3_ENDPOINT_URL": s3.url}
    (tmp_path / "server").mkdir()
    before = mlflow.get_tracking_uri()
    words = ["--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", "s3://mlflow/team"]
    server = [sys.executable, "-m", "mlflow", "server", *words, "--workers", "1"]
    with serving(server, "/health", cwd=tmp_path / "server", env=keys) as address:
        yield Client(tmp_path, address)
    mlflow.set_tracking_uri(before)


def _train(shop):
    return shop.cltv("train", "--data", "synthetic:300", "--horizon", "3m", "--models", MODELS)


def test_requests_that_fail_are_repeated(shop, s3):
    s3.every, s3.status = 10, "500 Internal Server Error"
    for words in (["train", "--horizon", "3m", "--models", MODELS], ["score"], ["promote", "--force"]):
        done = shop.cltv(words[0], "--data", "synthetic:300", *words[1:])
        assert done.returncode == 0 or "no challenger" in done.stderr, done.stderr
    assert s3.failed > 100
    repeated = pd.read_parquet(shop.folder / "out" / "scores.parquet")
    s3.every = 0
    assert shop.cltv("score", "--data", "synthetic:300", "--out", "sound.parquet").returncode == 0
    pd.testing.assert_frame_equal(repeated, pd.read_parquet(shop.folder / "sound.parquet"))


def test_refused_requests_end_in_one_sentence_and_leave_no_version(shop, s3):
    s3.every, s3.status = 10, "403 Access Denied"
    done = _train(shop)
    assert (done.returncode, done.stderr.count("cltv: ")) == (2, 1), done.stderr
    assert "AccessDenied" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush-hush" not in done.stderr
    assert not list((shop.folder / "out").glob("*"))
    client = MlflowClient(shop.store)
    experiment = client.get_experiment_by_name("cltv").experiment_id
    assert {run.info.status for run in client.search_runs([experiment])} == {"FAILED"}
    assert not client.search_registered_models()
    s3.every = 0
    assert _train(shop).returncode == 0


def test_two_weeks_are_written_to_a_bucket_and_the_second_finds_the_first(shop, s3, monkeypatch):
    """As the recipe for a GitHub Action calls it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    log = pd.DataFrame(simulate(300).log)
    old = "s3://mlflow/out/actions/campaign_list.csv"
    for weeks in (6, 5):
        lines = log[log["timestamp"] < log["timestamp"].max() - pd.Timedelta(weeks=weeks)]
        write_table(lines, as_path("s3://mlflow/orders/orders.csv"))
        write_table(lines.head(), as_path(old))
        words = ["--data", "s3://mlflow/orders/", "--horizon", "3m", "--models", MODELS]
        done = shop.cltv("weekly", *words, "--out", "s3://mlflow/out")
        assert done.returncode in (0, 3, 4), done.stderr
        assert is_file("s3://mlflow/out/monitor/monitor.html")
        assert not is_file(old)
    assert is_file("s3://mlflow/out/actions/value_change.csv")
    assert shop.cltv("report", "--out", "s3://mlflow/out", "--format", "markdown").returncode == 0
    assert "These lists are dated" in as_path("s3://mlflow/out/report.md").read_text()


def test_a_server_passes_artifacts_on_to_a_bucket(client, s3):
    bucket = boto3.resource(
        "s3", endpoint_url=s3.url, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
    ).create_bucket(Bucket="mlflow")
    s3.every, s3.status = 10, "500 Internal Server Error"
    for done in (_train(client), client.cltv("score", "--data", "synthetic:300")):
        assert done.returncode == 0, done.stderr
    assert s3.failed > 10
    s3.every = 0
    assert any(one.key.endswith("report.html") for one in bucket.objects.filter(Prefix="team/"))
    assert pd.read_parquet(client.folder / "out" / "scores.parquet")["expected_value"].notna().any()
