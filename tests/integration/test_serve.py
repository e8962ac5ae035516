"""`mlflow models serve` on loopback gives the numbers of batch scoring, and clean refusals."""

import io
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pandas as pd
import pytest

from cltv_ml.data import clean, read
from cltv_ml.features import build_features


@pytest.fixture(scope="module")
def server(trained):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["mlflow", "models", "serve", "-m", "models:/cltv@champion", "--env-manager", "local", "--port", str(port)],
        cwd=trained.folder, env=trained.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{url}/ping").close()
            break
        except OSError:
            assert process.poll() is None, "the server stopped"
            time.sleep(0.5)
    yield url
    process.terminate()
    process.wait(30)


def post(url, body, kind="application/json"):
    request = urllib.request.Request(f"{url}/invocations", body.encode(), {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def customers(trained):
    mapping = {"customer_id": "Kunde", "timestamp": "Datum", "amount": "Umsatz"}
    log = clean(read(trained.folder / "orders.csv", mapping)).log
    return build_features(log, "1998-07-01", names=[]).head(200)


def assert_equals_batch(answer, scored):
    served = pd.DataFrame(answer["predictions"]).set_index("customer_id")
    batch = scored.set_index("customer_id").loc[served.index]
    assert (served["expected_value"] - batch["expected_value"]).abs().max() <= 1e-9
    assert (served["tier"] == batch["tier"]).all()


def test_json_gives_the_batch_scores(server, customers, scored):
    body = {"dataframe_split": customers.reset_index().to_dict(orient="split", index=False)}
    status, answer = post(server, json.dumps(body))
    assert status == 200
    assert_equals_batch(answer, scored)


def test_records_give_the_batch_scores(server, customers, scored):
    status, answer = post(
        server, json.dumps({"dataframe_records": customers.reset_index().to_dict("records")})
    )
    assert status == 200
    assert_equals_batch(answer, scored)


def test_csv_gives_the_batch_scores(server, customers, scored):
    text = io.StringIO()
    customers.reset_index().to_csv(text, index=False)
    status, answer = post(server, text.getvalue(), "text/csv")
    assert status == 200
    assert_equals_batch(answer, scored)


ROW = {"frequency": 2, "recency": 30.4, "T": 38.9, "monetary_value": 20.0}


@pytest.mark.parametrize(
    ("rows", "column"),
    [
        ([{name: value for name, value in ROW.items() if name != "T"}], "'T'"),
        ([ROW | {"frequency": "two"}], "frequency"),
        ([ROW | {"frequency": -1}], "'frequency'"),
        ([ROW | {"frequency": None}], "'frequency'"),
        ([ROW | {"recency": 50}], "'recency'"),
        ([], "'frequency'"),
    ],
    ids=["missing column", "wrong type", "negative", "missing value", "recency beyond T", "empty table"],
)
def test_a_bad_request_is_refused_with_the_name_of_the_column(server, rows, column):
    status, message = post(server, json.dumps({"dataframe_records": rows}))
    assert 400 <= status < 500
    assert column in message


def test_an_empty_csv_is_refused_with_the_names_of_the_columns(server):
    status, message = post(server, ",".join(ROW) + "\n", "text/csv")
    assert status == 400
    assert "'frequency'" in message
