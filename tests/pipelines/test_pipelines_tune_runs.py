"""The runs of a tuning end, wherever it is stopped."""

import contextlib
import sqlite3

import optuna
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.errors import InputError
from cltv_ml.pipelines.tune_runs import stored_study, study_run, trial_run
from cltv_ml.tracking import lease, runs


def test_runs_of_a_tuning_that_was_killed_are_ended_by_the_next_command(store, monkeypatch):
    experiment = runs.open_experiment("cltv")
    study = optuna.create_study()
    with study_run(experiment, study, "tuning", {}) as parent:
        trial = study.ask()
        # The kill falls between the creation of the trial's run and the note of it in the study.
        monkeypatch.setattr(trial, "set_user_attr", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt), trial_run(parent, trial, {}):
            pass
        monkeypatch.setattr(lease, "_started", lambda _: "another process")
        runs.open_experiment("cltv")
        found = MlflowClient().search_runs([experiment])
        assert [run.info.status for run in found] == ["FAILED", "FAILED"]


def test_a_stop_while_a_study_is_made_leaves_none(tmp_path, monkeypatch):
    """It had left tables without their rules; the next search made the study twice, and all later ones failed."""
    path = tmp_path / "tweedie.db"

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr("optuna.storages._rdb.storage._VersionManager.check_table_schema_compatibility", stop)
        with pytest.raises(KeyboardInterrupt):
            stored_study(path, "tweedie", objectives=1)
    assert list(tmp_path.iterdir()) == []
    assert stored_study(path, "tweedie", objectives=1).user_attrs == {}
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("drop index ix_studies_study_name")
        file.execute("insert into studies (study_name) values ('tweedie')")
        file.commit()
    with pytest.raises(InputError, match=r"is damaged.*; delete it and run"):
        stored_study(path, "tweedie", objectives=1)
