"""What a store on an MLflow server does to the output of commands."""

from types import SimpleNamespace

import mlflow
import pytest
from mlflow.store.tracking.rest_store import RestStore
from mlflow.tracking import MlflowClient

from cltv_ml.errors import InputError
from cltv_ml.tracking import runs


def test_mlflow_prints_no_links_in_front_of_a_json_document(monkeypatch, capsys):
    run = SimpleNamespace(
        info=SimpleNamespace(run_id="1", run_name="a", experiment_id="1"), data=SimpleNamespace(tags={})
    )
    for name in ("get_run", "update_run_info"):
        monkeypatch.setattr(RestStore, name, lambda *_, **__: run)
    MlflowClient("http://127.0.0.1:9").set_terminated("1")
    assert capsys.readouterr().out == ""


def test_the_page_of_a_training_s_runs_opens_in_the_view_of_models(monkeypatch):
    stored = SimpleNamespace(experiment_id="7")
    monkeypatch.setattr(mlflow, "get_experiment_by_name", lambda name: stored if name == "shop" else None)
    server = "http://mlflow:5000"
    assert runs.runs_page(server, "shop") == f"{server}/#/experiments/7/runs?workflowType=machine_learning"
    assert runs.runs_page(server) == f"{server}/#/experiments?workflowType=machine_learning"


def test_inside_mlflow_run_the_newest_training_is_that_of_the_project_s_experiment(store, monkeypatch):
    """`mlflow run . -e report` found no training of `mlflow run . -e main`, which is in Default."""
    runs.open_store()
    client = MlflowClient()
    for role in ("summary", "report"):
        run = client.create_run("0", tags={"role": role}).info.run_id
        client.set_terminated(run)
    with pytest.raises(InputError, match="no finished training"):
        runs.latest_training("cltv")
    monkeypatch.setenv("MLFLOW_RUN_ID", run)
    assert runs.latest_training("cltv").data.tags["role"] == "summary"
