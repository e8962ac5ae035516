"""Files on an S3 server and on a web server, both on loopback."""

import base64
import contextlib
import http.server
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pandas as pd
import pytest

from cltv_ml import clean, pipelines, read, remote
from cltv_ml.errors import InputError
from cltv_ml.features import Spark, read_features, write_features
from cltv_ml.files import atomic, check_folder, check_local, write_table
from cltv_ml.pipelines.inputs import read_account, read_scores
from cltv_ml.remote import as_path, delete, fetch, is_file
from cltv_ml.reporting.glance import FIRST
from cltv_ml.serving.batch_targets import Target
from cltv_ml.settings import Audit

ORDERS = "customer_id,timestamp,amount\na,2024-01-01,5.5\nb,2024-01-02,7\n"


@pytest.fixture(scope="module")
def s3():
    """An S3 server whose bucket `shop` holds orders, and their months in a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def put(path, text=""):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", data=text.encode(), method="PUT")
        request.add_header("Content-Type", "text/csv")
        urllib.request.urlopen(request).close()

    _wait(put, server)
    put("shop/orders.csv", ORDERS)
    put("shop/months/2024-01.csv", ORDERS)
    put("shop/months/2024-02.csv", ORDERS.replace("2024-01", "2024-02"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "reader")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield
    server.kill()
    server.wait()


def _wait(put, server):
    for _ in range(240):  # a busy machine takes a while
        with contextlib.suppress(OSError):
            return put("shop")
        assert server.poll() is None, "the server stopped"
        time.sleep(0.25)
    raise AssertionError("the server does not answer")


class _Web(http.server.BaseHTTPRequestHandler):
    logins: ClassVar[list[str | None]] = []

    def do_GET(self):
        self.logins.append(self.headers["Authorization"])
        found = self.path.startswith("/orders.csv")
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(ORDERS.encode() if found else b"")

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Web) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_file_of_a_bucket_is_read(s3):
    cleaned = clean(read("s3://shop/orders.csv"))
    assert cleaned.report.money_kept == 12.5
    assert cleaned.report.source == "s3://shop/orders.csv"


@pytest.mark.parametrize("place", ["", "/", "/2024-*.csv", "/2024-0?.csv", "/2024-0[12].csv"])
def test_the_files_of_a_folder_or_a_pattern_are_read_as_one_table(s3, place):
    assert clean(read(f"s3a://shop/months{place}")).report.rows_in == 4


def test_a_table_is_written_to_a_bucket_and_read_back(s3):
    scores = pd.DataFrame({"customer_id": ["1", "2"], "expected_value": [1.5, 2.0]})
    write_table(scores, Path("s3://shop/out/scores.parquet"))
    assert read_scores(Path("s3://shop/out/scores.parquet"))["expected_value"].tolist() == [1.5, 2.0]


def test_a_page_of_a_command_is_written_to_a_bucket(s3, tmp_path):
    pipelines.check(data="s3://shop/orders.csv", horizon="13w", html=Path("s3://shop/check.html"))
    page = fetch("s3://shop/check.html", tmp_path).read_text(encoding="utf-8")
    assert "Data check" in page


def test_an_option_that_names_a_bucket_keeps_both_slashes():
    settings = Audit(data="orders.csv", out="s3://shop/out")
    assert f"{settings.out / 'audit.html'}" == "s3://shop/out/audit.html"
    assert 'out = "s3://shop/out"' in settings.toml()
    assert str(Audit(data="orders.csv", out=Path("s3://shop/out")).out.parent) == "s3://shop"


def test_scores_wait_on_this_machine_until_they_are_complete(s3, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"customer_id": ["1"], "expected_value": [1.5]})
    import pyarrow as pa

    rows = pa.Table.from_pandas(table)
    target = Target("s3://shop/week")
    target.check()
    target.write(rows.schema, rows.to_batches())
    target.manifest.write_text("{}")
    with pytest.raises(InputError, match="no such file"):
        fetch("s3://shop/week/scores.parquet", tmp_path)
    target.deliver()
    assert read_scores(Path("s3://shop/week/scores.parquet"))["expected_value"].tolist() == [1.5]
    assert fetch("s3://shop/week/scores.manifest.json", tmp_path).read_text() == "{}"
    assert [file for file in tmp_path.glob(".cltv_*/*") if file.is_file()] == []


def test_a_file_of_a_bucket_is_found_and_deleted(s3):
    write_table(pd.DataFrame({"customer_id": ["a"]}), as_path("s3://shop/lists/call.csv"))
    assert is_file("s3://shop/lists/call.csv")
    assert not is_file("s3://shop/lists")
    delete("s3://shop/lists/call.csv")
    assert not is_file("s3://shop/lists/call.csv")


def test_a_path_of_a_bucket_finds_reads_and_lists_as_one_of_this_machine(s3):
    """`False` of a file in a bucket was taken for a missing one, in silence."""
    months = as_path("s3://shop/months")
    assert (months / "2024-01.csv").is_file()
    assert not (months / "2024-03.csv").is_file()
    assert (months.is_dir(), (months / "none").is_dir()) == (True, False)
    assert (months / "2024-01.csv").read_text() == ORDERS
    assert sorted(map(str, months.glob("*-02.csv"))) == ["s3://shop/months/2024-02.csv"]
    assert list(as_path("s3://shop").glob("*.csv")) == [as_path("s3://shop/orders.csv")]


def test_features_are_built_in_a_bucket_and_belong_to_one_build(s3, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = clean(read("s3://shop/months")).transactions
    for _ in range(2):  # the second call finds the first
        write_features(log, "2024-02-02", "s3://shop/features", ["frequency"])
    assert read_features("s3://shop/features")["customer_id"].to_pylist() == ["a", "b"]
    with pytest.raises(InputError, match="'s3://shop/features' contains another build"):
        write_features(log, "2024-02-01", "s3://shop/features", ["frequency"])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="Spark writes features to a folder"):
        write_features(log, "2024-02-02", "s3://shop/features", engine=Spark(None))
    with pytest.raises(InputError, match="'s3://shop/none' has no complete build"):
        read_features("s3://shop/none")


def test_a_report_is_made_of_what_lies_in_its_bucket_and_written_there(s3, monkeypatch):
    answers = [{"question": FIRST, "sentences": []}]
    sheet = {"title": "Shop", "subtitle": "", "facts": [], "answers": answers, "sections": []}
    monkeypatch.setattr("cltv_ml.tracking.runs.latest_summary", lambda _: sheet)
    values = {"customer_id": ["ann@x.io", "bob@x.io"], "expected_value": [1.5, 2.0]}
    write_table(pd.DataFrame(values), as_path("s3://shop/monday/scores.csv"))
    with atomic(as_path("s3://shop/monday/actions/actions.json")) as file:
        file.write_text(
            '{"cutoff": "2024-03-01", "lists": [], "unprofitable": ["No letter to ann@x.io pays."]}'
        )
    text, target = pipelines.report(out="s3://shop/monday", format="json", redact=True)
    assert "No letter to customer 1 pays." in text
    assert str(target) == "s3://shop/monday/report.json"
    assert is_file(target)


def test_a_bucket_that_is_not_there_is_refused_before_the_work(s3):
    with pytest.raises(InputError, match="there is no bucket 'nowhere'"):
        check_folder(Path("s3://nowhere/out"))


def test_what_is_not_in_the_bucket_is_said_in_a_sentence(s3):
    with pytest.raises(InputError, match=r"s3://shop/none\.csv: there is no such file"):
        read("s3://shop/none.csv")


def test_keys_in_an_address_are_never_shown(s3):
    with pytest.raises(InputError) as refused:
        read("s3://reader:hush-hush@shop/none.csv")
    assert "hush" not in str(refused.value)


def test_a_page_of_the_web_is_read_and_its_token_never_shown(web):
    cleaned = clean(read(f"{web}/orders.csv?token=hush-hush"))
    assert cleaned.report.money_kept == 12.5
    assert "hush" not in cleaned.report.source


def test_a_login_in_an_address_of_the_web_is_used_and_never_shown(web):
    cleaned = clean(read(f"{web.replace('://', '://me:hush%40x@')}/orders.csv"))
    assert cleaned.report.money_kept == 12.5
    assert base64.b64decode(_Web.logins[-1].removeprefix("Basic ")) == b"me:hush@x"
    assert "hush" not in cleaned.report.source


def test_a_page_that_is_not_there_is_said_without_its_token(web):
    with pytest.raises(InputError, match="the server says 404") as refused:
        read(f"{web}/none.csv?token=hush-hush")
    assert "hush" not in str(refused.value)


def test_a_server_that_does_not_answer_is_said():
    with pytest.raises(InputError, match="cannot be read"):
        read("http://127.0.0.1:9/orders.csv")


def test_google_cloud_that_does_not_answer_is_said_before_a_quarter_of_an_hour(monkeypatch):
    """Arrow's own limit is 15 minutes, in which a command without credentials or network said nothing."""
    monkeypatch.setattr(remote, "_TIMEOUT", 1)
    begun = time.monotonic()
    place = "gs://anonymous@shop/orders.csv?scheme=http&endpoint_override=127.0.0.1:1"
    with pytest.raises(InputError, match=r"^gs://shop/orders\.csv cannot be read: .*Retry policy exhausted"):
        is_file(place)
    assert time.monotonic() - begun < 120


def test_nothing_is_written_to_a_web_page():
    with pytest.raises(InputError, match="web page"):
        check_folder(Path("https://shop.example/out"))


def test_a_database_of_a_study_stays_on_this_machine():
    with pytest.raises(InputError, match="folder of this machine"):
        check_local(Path("s3://shop/out"))


def test_the_account_beside_lifetimes_in_a_bucket_is_read_and_never_missed_in_silence(s3):
    with atomic(Path("s3://shop/values/lifetime.json")) as file:
        file.write_text('{"rate": 0.3}')
    settings = SimpleNamespace(lifetimes=Path("s3://shop/values/lifetime.parquet"))
    assert read_account(settings) == {"rate": 0.3}
    settings.lifetimes = Path("s3://shop/values/other.parquet")
    with pytest.raises(InputError, match=r"other\.json: there is no such file"):
        read_account(settings)
