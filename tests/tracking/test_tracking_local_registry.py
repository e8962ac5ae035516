"""The registry as it is read without MLflow: MLflow's own answer, or none."""

import re
from pathlib import Path

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.tracking import local_registry, registry, sqlite_store, store_names
from cltv_ml.tracking.local_registry import find_local


@pytest.fixture
def client(store, tmp_path):
    """Two versions with tags, each with a folder of its own whose name holds a blank; the second is champion."""
    client = MlflowClient()
    client.create_registered_model("cltv")
    for number in (1, 2):
        folder = tmp_path / f"version {number}"
        folder.mkdir()
        client.create_model_version("cltv", folder.as_uri(), tags={"model": f"tweedie {number}"})
    client.set_registered_model_alias("cltv", "champion", "2")
    return client


def test_a_version_is_what_mlflow_says_it_is(client):
    found, said = find_local("cltv", "champion"), client.get_model_version_by_alias("cltv", "champion")
    assert (found.number, found.tags) == (int(said.version), said.tags)
    assert found.folder == Path(mlflow.artifacts.download_artifacts("models:/cltv/2"))


def test_the_statements_are_written_for_the_tables_of_a_new_store():
    assert re.findall(r'"alembic_version" VALUES\(\'(\w+)\'\)', sqlite_store.EMPTY.read_text()) == [
        local_registry.SCHEMA
    ]


def of_another_schema(client, path, monkeypatch):
    with sqlite_store.open_connection(path) as tables:
        tables.execute("update alembic_version set version_num = '4711'")


def broken(client, path, monkeypatch):
    path.write_text("no database")


OTHERS = {
    "a move that was stopped": lambda client, *_: client.set_registered_model_tag(
        "cltv", store_names.INTENT, "{}"
    ),
    "a training that goes on": lambda client, *_: client.set_model_version_tag(
        "cltv", "1", store_names.PENDING, "a"
    ),
    "no such alias": lambda client, *_: client.delete_registered_model_alias("cltv", "champion"),
    "a version that was deleted": lambda client, *_: client.delete_model_version("cltv", "2"),
    "files that are gone": lambda _, path, __: (path.parent / "version 2").rmdir(),
    "tables of another MLflow": of_another_schema,
    "a file that is no store": broken,
    "a server": lambda _, __, monkeypatch: monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9"),
    "a registry elsewhere": lambda _, __, monkeypatch: monkeypatch.setenv(
        "MLFLOW_REGISTRY_URI", "sqlite:///other.db"
    ),
    "several workspaces": lambda _, __, monkeypatch: monkeypatch.setenv("MLFLOW_WORKSPACE", "second"),
    "no store": lambda _, path, __: path.unlink(),
}


@pytest.mark.parametrize("what", OTHERS)
def test_of_everything_else_mlflow_is_asked(client, tmp_path, monkeypatch, what):
    assert find_local("cltv", "champion") is not None
    OTHERS[what](client, tmp_path / "mlflow.db", monkeypatch)
    assert find_local("cltv", "champion") is None


def test_files_on_an_object_store_are_left_to_mlflow(client):
    client.create_model_version("cltv", "s3://shop/models/3")
    client.set_registered_model_alias("cltv", "champion", "3")
    assert find_local("cltv", "champion") is None


def test_a_deleted_version_that_was_pending_does_not_count(client):
    client.set_model_version_tag("cltv", "1", store_names.PENDING, "a")
    client.delete_model_version("cltv", "1")
    assert find_local("cltv", "champion").number == registry.resolve("cltv", "champion")


def test_the_tags_of_a_champion_in_another_registry_are_known_too(client, store, tmp_path, monkeypatch):
    client.set_model_version_tag("cltv", "2", store_names.CURRENCY_TAG, "EUR")
    assert local_registry.champion_protected() == []
    client.set_model_version_tag("cltv", "2", store_names.PROTECTED_TAG, '["gender", "age, in years"]')
    assert local_registry.champion_protected() == ["gender", "age, in years"]
    assert local_registry.champion_currency() == "EUR"
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", store)
    assert (find_local("cltv", "champion"), local_registry.champion_currency()) == (None, "EUR")
    assert local_registry.champion_protected() == ["gender", "age, in years"]
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"sqlite:///{tmp_path}/other.db")
    assert local_registry.champion_currency() == ""
