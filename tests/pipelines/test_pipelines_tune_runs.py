"""The runs of a tuning end, wherever it is stopped."""

import optuna
import pytest
from mlflow.tracking import MlflowClient

from cltv_ml.pipelines.tune_runs import study_run, trial_run
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
