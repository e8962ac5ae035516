"""A tuning in MLflow: one run for the study, one below it for each trial, none left open."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from optuna.trial import TrialState
from sqlalchemy.exc import MultipleResultsFound

from cltv_ml.errors import InputError
from cltv_ml.files import atomic
from cltv_ml.tracking import lease, runs
from cltv_ml.tracking.metric_names import grouped

#: Names that the study and its trials remember their runs by.
_RUN = "mlflow_run_id"


@contextmanager
def study_run(experiment_id: str, study: optuna.Study, name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """Keep the study's run open, the same one after an interruption; yield its id.

    Trials that an earlier process left running are closed first, in the study and in MLflow (status FAILED, tag
    `trial_state` "interrupted"), and their settings are queued again.
    """
    _close_interrupted(study)
    earlier = study.user_attrs.get(_RUN)
    if earlier is None or "MLFLOW_RUN_ID" in os.environ or not _run_exists(earlier):
        earlier = None
    with runs.held_open(
        run_id=earlier,
        experiment_id=experiment_id,
        run_name=None if earlier else name,
        tags={**tags, **runs.process_tags()},
    ) as run_id:
        study.set_user_attr(_RUN, run_id)
        yield run_id


@contextmanager
def trial_run(parent: str, trial: optuna.Trial, tags: Mapping[str, str]) -> Iterator[str]:
    """Keep one trial's run open and yield its id; it ends FINISHED, KILLED if pruned, or FAILED (tag `trial_state`).

    It uses the client, so trials can run in several threads.
    """
    client = MlflowClient()
    run_id = runs.create_run(
        client.get_run(parent).info.experiment_id,
        f"trial-{trial.number:04d}",
        {**tags, "role": "trial", "mlflow.parentRunId": parent},
    )
    trial.set_user_attr(_RUN, run_id)
    status, state = "FAILED", "failed"
    try:
        with lease.kept(run_id):
            yield run_id
        status, state = "FINISHED", "complete"
    except optuna.TrialPruned:
        status, state = "KILLED", "pruned"
        raise
    finally:
        client.log_batch(run_id, params=[Param(key, str(value)) for key, value in trial.params.items()])
        client.set_tag(run_id, "trial_state", state)
        client.set_terminated(run_id, status)


def log_scores(run_id: str, scores: Mapping[str, float], step: int) -> None:
    """Log one fold's scores or, with the number of folds as `step`, their means."""
    now = int(time.time() * 1000)
    MlflowClient().log_batch(
        run_id, metrics=[Metric(name, float(value), now, step) for name, value in grouped(scores).items()]
    )


def _close_interrupted(study: optuna.Study) -> None:
    client = MlflowClient()
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(dict(trial.params), user_attrs={"again": trial.number})
        run_id = trial.user_attrs.get(_RUN)
        if run_id and _run_exists(run_id):
            client.set_tag(run_id, "trial_state", "interrupted")
            client.set_terminated(run_id, "FAILED")


def _run_exists(run_id: Any) -> bool:
    try:
        MlflowClient().get_run(run_id)
    except MlflowException:
        return False
    return True


def stored_study(path: Path, name: str, *, objectives: int) -> optuna.Study:
    """Return the study in a file, new or as an earlier process left it; raise InputError if the file is damaged.

    A new file gets its name when it is complete: one that a stop had left without its index held a study twice.
    """
    if not path.is_file() or not path.stat().st_size:
        with atomic(path) as fresh:
            made = optuna.storages.RDBStorage(f"sqlite:///{fresh}")
            made.remove_session()
            made.engine.dispose()
    try:
        return optuna.create_study(
            storage=f"sqlite:///{path}",
            study_name=name,
            directions=["minimize"] * objectives,
            load_if_exists=True,
        )
    except optuna.exceptions.StorageInternalError as error:
        if not isinstance(error.__cause__, MultipleResultsFound):
            raise
        raise InputError(
            f"{path} is damaged: an earlier search was stopped while it was made; delete it and run the same "
            "command again."
        ) from error
