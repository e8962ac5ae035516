"""The store is opened whole, runs end, and a server that is away is one sentence."""

import logging
import multiprocessing
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import sqlalchemy.exc
from botocore.exceptions import ClientError
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.model_utils import env_var_tracker

from cltv_ml.tracking import lease, runs
from cltv_ml.tracking import store as mlflow_store


def test_a_server_that_does_not_answer_is_one_sentence(monkeypatch):
    before = mlflow.get_tracking_uri()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{port}")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(ValueError, match=r"no MLflow server answers at http://127\.0") as caught:
        mlflow_store.open_store()
    assert "secret" not in str(caught.value)
    mlflow.set_tracking_uri(before)


def test_every_run_names_who_started_it_and_from_what(store):
    package = Path(runs.__file__).parents[1]
    made = [
        path.name
        for path in package.rglob("*.py")
        if re.search(r"lient(\(\))?\.create_run\(", path.read_text("utf-8"))
    ]
    assert made == ["runs.py"]  # everywhere else runs.create_run
    experiment = runs.open_experiment("authors")
    with runs.summary_run(experiment, "all", {}), runs.model_run(experiment, "one", {}) as model:
        runs.log_window(model, "before", {"gini": 0.5}, {}, {})
    found = MlflowClient().search_runs([experiment])
    assert len(found) == 3
    for run in found:
        assert run.data.tags["mlflow.user"], run.info.run_name
        assert run.data.tags["mlflow.source.name"], run.info.run_name


def test_a_database_that_does_not_answer_is_one_sentence_at_once(monkeypatch):
    before, waited = mlflow.get_tracking_uri(), []
    monkeypatch.setattr(time, "sleep", waited.append)
    for uri, told in {
        "postgresql+psycopg://me:hush@127.0.0.1:1/runs": r"cannot be opened \(.*Connection refused\)",
        "mysql+nodriver://me:hush@127.0.0.1:1/runs": "Can't load plugin",
    }.items():
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with pytest.raises(ValueError, match=told) as caught:
            mlflow_store.open_store()
        assert "hush" not in str(caught.value)
    assert waited == [1, 1]  # a driver that is not there is not waited for
    mlflow.set_tracking_uri(before)


def test_a_server_that_comes_up_late_is_waited_for(monkeypatch):
    with socket.socket() as late:
        late.bind(("127.0.0.1", 0))
        monkeypatch.setattr(time, "sleep", lambda seconds: late.listen())
        mlflow_store._check_server(f"http://127.0.0.1:{late.getsockname()[1]}")


def test_runs_of_a_process_that_is_gone_are_ended_by_the_next_one_and_others_are_left(store):
    client = MlflowClient()
    experiment = runs.open_experiment("cltv")
    mine, now = lease.tags(), time.time()
    space = mine[lease.HOLDER].rpartition(":")[0].rpartition(":")[0]
    owners = {
        "alive": mine,
        "a container before this one with the same id": {**mine, lease.HOLDER: f"{mine[lease.HOLDER]}0"},
        "killed": {**mine, lease.HOLDER: f"{space}:999999999:7"},
        "elsewhere": {lease.HOLDER: "b:1:7:7", lease.UNTIL: f"{now + 60:.0f}"},
        "elsewhere, silent": {lease.HOLDER: "b:1:7:7", lease.UNTIL: f"{now - 60:.0f}"},
        "of an older version": {lease.HOLDER: "7"},
        "of somebody else": {},
    }
    started = {name: client.create_run(experiment, tags=tags).info.run_id for name, tags in owners.items()}
    runs.open_experiment("cltv")
    ended = {name for name, run in started.items() if client.get_run(run).info.status == "FAILED"}
    assert ended == {"a container before this one with the same id", "killed", "elsewhere, silent"}


def test_a_run_without_a_lease_is_believed_for_a_day():
    assert lease.is_over({lease.HOLDER: "7"}, time.time() - 2 * 86_400)
    assert not lease.is_over({lease.HOLDER: "7"}, time.time() - 3_600)


def test_a_run_that_is_held_open_renews_its_lease(store, monkeypatch):
    monkeypatch.setattr(lease, "_BEAT", 0.05)
    with runs.summary_run(runs.open_experiment("cltv"), "a", {}) as run:
        MlflowClient().set_tag(run, lease.UNTIL, "0")
        for _ in range(200):
            if MlflowClient().get_run(run).data.tags[lease.UNTIL] != "0":
                break
            time.sleep(0.05)
        assert float(MlflowClient().get_run(run).data.tags[lease.UNTIL]) > time.time()


def test_an_experiment_whose_artifacts_only_a_server_writes_is_one_sentence(store):
    mlflow.create_experiment("team", "mlflow-artifacts:/4")
    with pytest.raises(ValueError, match=r"'team' was created through an MLflow server.*MLFLOW_TRACKING_URI"):
        runs.open_experiment("team")


def test_an_experiment_that_somebody_else_creates_at_the_same_moment_is_used(store, monkeypatch):
    theirs = runs.open_experiment("shop")
    find, looked = mlflow.get_experiment_by_name, []

    def too_early(name):
        looked.append(name)
        return None if len(looked) == 1 else find(name)

    monkeypatch.setattr(mlflow, "get_experiment_by_name", too_early)
    assert runs.open_experiment("shop") == theirs


def test_a_failing_training_ends_its_run_as_failed(store):
    with (
        pytest.raises(OSError, match="no space"),
        runs.summary_run(runs.open_experiment("cltv"), "a", {}) as run,
    ):
        raise OSError("no space left")
    assert MlflowClient().get_run(run).info.status == "FAILED"


def test_a_parameter_whose_name_mlflow_refuses_is_logged_under_one_that_it_takes(store):
    with runs.summary_run(runs.open_experiment("cltv"), "a", {}) as run:
        runs.log_params({"spend.spend:log(frequency)": 0.4, "purchase:channel=mail": 1})
    assert {"spend.spend:log_frequency_", "purchase:channel_mail"} <= set(
        MlflowClient().get_run(run).data.params
    )


def test_a_store_that_is_busy_for_a_moment_is_waited_for(store, tmp_path):
    runs.open_experiment("cltv")
    other = sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None, check_same_thread=False)
    other.execute("begin exclusive")
    threading.Timer(1.5, other.rollback).start()
    with runs.summary_run(runs.open_experiment("cltv"), "a", {}) as run:
        pass
    assert MlflowClient().get_run(run).info.status == "FINISHED"
    other.close()


def test_the_lock_of_a_store_is_one_sentence_for_who_waits_too_long(store):
    with (
        mlflow_store.store_lock(),
        pytest.raises(ValueError, match="another process has locked"),
        mlflow_store.store_lock(patience=0.1),
    ):
        pass


def test_a_store_that_stays_locked_is_one_sentence(tmp_path, monkeypatch):
    before = mlflow.get_tracking_uri()
    path = tmp_path / "held.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
    monkeypatch.setattr(mlflow_store, "_PATIENCE", 0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("begin exclusive")
    with pytest.raises(
        ValueError, match=r"held\.db could not be written .*\(database is locked\); end the process"
    ):
        mlflow_store.open_store()
    holder.close()
    mlflow.set_tracking_uri(before)


def test_a_store_that_is_locked_in_the_middle_is_one_sentence_and_its_runs_are_ended(store, tmp_path):
    """MLflow gives up after 20 seconds, here at once; the lock goes while the end of the runs waits for it."""
    other = sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None, check_same_thread=False)
    run_ids = []

    def train():
        experiment = runs.open_experiment("cltv")
        with (
            runs.summary_run(experiment, "a", {}) as outer,
            runs.model_run(experiment, "b", {}) as inner,
        ):
            run_ids.extend([outer, inner])
            other.execute("begin exclusive")
            threading.Timer(1.0, other.rollback).start()
            gave_up = sqlalchemy.exc.OperationalError("SELECT secret", {}, Exception("locked"))
            raise MlflowException(str(gave_up)) from gave_up

    with pytest.raises(ValueError, match=r"store sqlite:.*could not be used \(locked\); run the") as caught:
        train()
    assert "SELECT" not in str(caught.value)
    assert [MlflowClient().get_run(run).info.status for run in run_ids] == ["FAILED", "FAILED"]
    assert mlflow.active_run() is None
    other.close()


def test_a_run_that_was_created_but_could_not_be_opened_is_ended_too(store, monkeypatch):
    experiment, start = runs.open_experiment("cltv"), mlflow.start_run

    def locked(run_id=None, **how):
        if run_id is None:
            return start(**how)
        gave_up = sqlalchemy.exc.OperationalError("SELECT", {}, Exception("locked"))
        raise MlflowException("locked") from gave_up

    monkeypatch.setattr(mlflow, "start_run", locked)
    with (
        pytest.raises(ValueError, match="could not be used"),
        runs.summary_run(experiment, "a", {}),
        runs.model_run(experiment, "b", {}),
    ):
        pass
    logged = MlflowClient().search_runs([experiment])
    assert {run.info.run_name: run.info.status for run in logged} == {"a": "FAILED", "b": "FAILED"}


def test_a_server_that_is_lost_in_the_middle_is_one_sentence(store, monkeypatch):
    experiment = runs.open_experiment("cltv")
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: "http://127.0.0.1:9")
    with (
        pytest.raises(
            ValueError, match=r"server at http://127\.0\.0\.1:9 has stopped answering; run the same"
        ),
        runs.summary_run(experiment, "a", {}),
    ):
        raise MlflowException("Max retries exceeded")
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "4"


def test_an_object_store_that_refuses_is_one_sentence(store):
    experiment = runs.open_experiment("cltv")
    refused = {"Error": {"Code": "AccessDenied", "Message": "not for you"}}
    with (
        pytest.raises(ValueError, match=r"artifacts of .* \(.*AccessDenied.*\); run the same command again"),
        runs.summary_run(experiment, "a", {}),
    ):
        raise ClientError(refused, "PutObject")
    [run] = MlflowClient().search_runs([experiment])
    assert run.info.status == "FAILED"


def test_an_environment_without_pip_is_not_remarked_on_for_every_model(store):
    mlflow_store.open_store()
    assert not logging.getLogger("mlflow.utils.environment").isEnabledFor(logging.WARNING)


def test_an_error_that_is_not_the_stores_stays_as_it_was(store):
    with (
        pytest.raises(MlflowException, match="no such model"),
        runs.summary_run(runs.open_experiment("cltv"), "a", {}),
    ):
        raise MlflowException("no such model")


def test_mlflow_sends_no_telemetry_whichever_module_is_imported_first():
    """MLflow itself is silent under pytest and in CI, so it is asked in a process that knows of neither."""
    quiet = ("CI", "PYTEST", "MLFLOW", "GITHUB", "DO_NOT_TRACK")
    env = {name: value for name, value in os.environ.items() if not name.startswith(quiet)}
    code = (
        "import cltv_ml.serving.packaging; from mlflow.telemetry.client import get_telemetry_client as found; "
        "raise SystemExit(found() is not None)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=env).returncode == 0


def test_result_tables_are_read_back_as_they_were(store):
    table = pd.DataFrame({"model": ["a", "b"], "gini": [0.5, 0.25]})
    experiment = runs.open_experiment("cltv")
    with runs.summary_run(experiment, "a", {}) as run:
        runs.log_table(table, "tables/one.json")
    found = MlflowClient().load_table(experiment, "tables/one.json", run_ids=[run])
    assert found.to_dict("list") == table.to_dict("list")


def test_a_training_whose_files_were_deleted_or_damaged_is_one_sentence_with_the_way_out(store):
    experiment = runs.open_experiment("cltv")
    with runs.summary_run(experiment, "all", {"role": "summary"}):
        mlflow.log_dict({"title": "report"}, "report.json")
    assert runs.latest_summary("cltv") == {"title": "report"}
    file = mlflow_store.fetch_artifacts(
        "", artifact_uri=f"{runs.latest_training('cltv').info.artifact_uri}/report.json"
    )
    file.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"does not contain the report.*train again"):
        runs.latest_summary("cltv")
    file.unlink()
    with pytest.raises(
        ValueError, match=r"^the report of the newest training.* cannot be fetched.*train again"
    ):
        runs.latest_summary("cltv")


def test_where_nothing_was_trained_the_sentence_stands_alone(store, caplog, monkeypatch):
    """MLflow warned of the experiment's name besides."""
    caplog.set_level("WARNING")
    monkeypatch.setattr(logging.getLogger("mlflow"), "propagate", True)
    with pytest.raises(ValueError, match="no finished training; run `cltv train` first"):
        runs.latest_training("nothing")
    assert caplog.text == ""


def test_an_address_of_artifacts_that_mlflow_cannot_read_is_one_sentence():
    with pytest.raises(ValueError, match=r"^the model cannot be fetched: "):
        mlflow_store.fetch_artifacts("the model", artifact_uri="http://127.0.0.1:1/x")


@pytest.mark.slow
def test_two_processes_create_a_new_store_without_breaking_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    both = [context.Process(target=_create, args=(uri, start)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(180)
    assert [one.exitcode for one in both] == [0, 0]
    assert (
        sqlite3.connect(tmp_path / "mlflow.db").execute("select count(*) from experiments").fetchone()[0] >= 1
    )


def _create(uri, start):
    os.environ["MLFLOW_TRACKING_URI"] = uri

    start.wait()
    mlflow_store.open_store()
    MlflowClient().search_experiments()


def test_logging_a_model_lists_no_variables_while_other_threads_read_them(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "text")
    with env_var_tracker() as names:
        os.environ.get("SOME_API_KEY")
        assert not names
