"""A tuning in MLflow: one run for the study, one below it for each trial, none left open."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import optuna
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from optuna.trial import TrialState

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
