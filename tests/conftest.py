"""One thread per library: small fits are faster so, and tests may share the machine.

Property tests draw the same examples on every machine.
"""

import os
import shutil

import hypothesis
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """The database of an empty MLflow store, created once."""
    from cltv_ml.tracking import sqlite_store

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    sqlite_store.create(path)
    return path


@pytest.fixture
def store(empty_store, tmp_path, monkeypatch):
    """An empty MLflow store for one test."""
    import mlflow

    from cltv_ml.tracking import store as mlflow_store

    shutil.copy(empty_store, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    before = mlflow.get_tracking_uri()
    yield mlflow_store.open_store()
    mlflow.set_tracking_uri(before)
