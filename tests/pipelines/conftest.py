"""Stores with registered versions, filled once and given to each test as they were then."""

import contextlib
import shutil
import sqlite3

import mlflow
import pytest

from cltv_ml.tracking import store as mlflow_store


@pytest.fixture(scope="session")
def filling(empty_store):
    """Return a context manager in which the store of a folder is filled; `restore` then gives it back so."""

    @contextlib.contextmanager
    def filled(folder):
        shutil.copy(empty_store, folder / "mlflow.db")
        before = mlflow.get_tracking_uri()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
            yield
        mlflow.set_tracking_uri(before)
        shutil.copy(folder / "mlflow.db", folder / "as_filled.db")

    return filled


@pytest.fixture
def restore(monkeypatch):
    """Return a function that opens the store of a folder as it was when it had been filled."""
    first = mlflow.get_tracking_uri()

    def opened(folder):
        with (
            contextlib.closing(sqlite3.connect(folder / "as_filled.db")) as before,
            contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as now,
        ):
            before.backup(now)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        mlflow_store.open_store()

    yield opened
    mlflow.set_tracking_uri(first)
