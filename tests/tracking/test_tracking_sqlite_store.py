"""A SQLite store is created whole or not at all, and a broken one is named with the way out."""

import contextlib
import os
import shutil
import sqlite3

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml import pipelines
from cltv_ml.cli import promotion
from cltv_ml.errors import InputError
from cltv_ml.pipelines.promote import find_challenger
from cltv_ml.serving import registered_model
from cltv_ml.tracking import runs, sqlite_store
from cltv_ml.tracking import store as mlflow_store
from tests.tracking.schema import dump


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The file of a store that does not exist yet, which MLFLOW_TRACKING_URI names."""
    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    yield tmp_path / "mlflow.db"
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """A store as another version of MLflow than the shipped one's would create it."""
    folder = tmp_path_factory.mktemp("migrated")
    (folder / "old.sql").write_text("-- MLflow 0.1\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as other:
        other.setattr(sqlite_store, "EMPTY", folder / "old.sql")
        sqlite_store.create(folder / "mlflow.db")
    return folder / "mlflow.db"


def test_the_empty_store_is_the_one_that_mlflow_creates(migrated):
    shipped = sqlite_store.EMPTY.read_text(encoding="utf-8")
    if not shipped.startswith(f"-- MLflow {mlflow.__version__}\n"):
        pytest.skip("another version of MLflow creates its stores itself")
    # MLflow writes the constraints of a table in an order that changes with Python's hashes.
    assert sorted(_parts(shipped)) == sorted(_parts(dump(migrated)))


def _parts(sql):
    return [line.strip().rstrip(",") for line in sql.splitlines()]


def test_a_store_that_mlflow_creates_itself_leaves_nothing_beside_it(migrated):
    assert sorted(path.name for path in migrated.parent.iterdir()) == ["mlflow.db", "old.sql"]


@pytest.mark.parametrize(
    "read",
    [
        lambda: runs.latest_summary("cltv"),
        find_challenger,
        registered_model.open_registered,
        promotion.rollback,
        lambda: pipelines.report(out="-"),
    ],
    ids=["summary", "challenger", "champion", "rollback", "report"],
)
def test_what_only_reads_creates_no_store(place, monkeypatch, read):
    monkeypatch.chdir(place.parent)
    with pytest.raises(
        InputError, match=r"there is no MLflow store sqlite:///.*mlflow\.db; run `cltv train` first"
    ):
        read()
    assert mlflow_store.champion_tag("currency") == ""
    assert list(place.parent.iterdir()) == []


def test_a_stop_while_the_store_is_created_leaves_none_and_the_next_command_creates_it(place, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(os, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            mlflow_store.open_store()
    assert not place.exists()
    mlflow_store.open_store()
    assert [found.name for found in MlflowClient().search_experiments()] == ["Default"]
    assert not list(place.parent.glob("*.part*"))


def test_a_store_whose_creation_was_stopped_is_named_with_the_way_out(place):
    statements = sqlite_store.EMPTY.read_text(encoding="utf-8").split(";\n")
    half = [one for one in statements if "alembic" not in one][: len(statements) // 2]
    store = sqlite3.connect(place)
    store.executescript(";\n".join(half) + ";\nCOMMIT;")
    store.close()
    with pytest.raises(
        ValueError, match=r"creation was interrupted.*`mv mlflow\.db mlflow\.db\.broken`"
    ) as caught:
        mlflow_store.open_store()
    assert "\n" not in str(caught.value)


def test_a_store_with_runs_that_another_version_wrote_is_not_moved_away(place):
    sqlite_store.create(place)
    store = sqlite3.connect(place)
    store.execute("insert into runs (run_uuid) values ('a')")
    store.execute("update alembic_version set version_num = 'of the future'")
    store.commit()
    store.close()
    with pytest.raises(ValueError, match=r"holds 1 run, but this MLflow .* cannot open it"):
        mlflow_store.open_store()


def test_a_store_that_lacks_a_table_of_models_is_named_with_the_way_out(place, empty_store):
    shutil.copy(empty_store, place)
    with contextlib.closing(sqlite3.connect(place)) as store:
        store.execute("drop table model_versions")
        store.commit()
    with pytest.raises(InputError, match=r"cannot be used: .*migration in unexpected state"):
        mlflow_store.open_store()


def test_a_file_that_is_no_store_is_one_sentence(place):
    place.write_text("customer,amount\n" * 100, encoding="utf-8")
    with pytest.raises(ValueError, match=r"it is not a SQLite database .*move it away"):
        mlflow_store.open_store()
    assert place.read_text(encoding="utf-8").startswith("customer")


def test_a_disk_that_fills_while_the_store_is_created_is_one_sentence_and_leaves_nothing(place, monkeypatch):
    tables = "".join(f"create table t{number} (x);\n" for number in range(20))
    full = place.with_name("full.sql")
    full.write_text(f"-- MLflow {mlflow.__version__}\npragma max_page_count = 3;\n{tables}", encoding="utf-8")
    monkeypatch.setattr(sqlite_store, "EMPTY", full)
    with pytest.raises(InputError, match=r"is not writable \(database or disk is full\)"):
        sqlite_store.create(place)
    assert [one.name for one in place.parent.iterdir()] == ["full.sql"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    before = mlflow.get_tracking_uri()
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}")
    with pytest.raises(ValueError, match=r"folder .* is not writable .*set MLFLOW_TRACKING_URI"):
        mlflow_store.open_store()
    mlflow.set_tracking_uri(before)
