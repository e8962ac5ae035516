"""An empty MLflow store of its own for a test, copied from one that was created once."""

import shutil

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.ops import mlflow_store


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{path}")
    MlflowClient().search_experiments(max_results=1)
    mlflow.set_tracking_uri(before)
    return path


@pytest.fixture
def store(empty_store, tmp_path, monkeypatch):
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    before = mlflow.get_tracking_uri()
    yield mlflow_store.open_store()
    mlflow.set_tracking_uri(before)
