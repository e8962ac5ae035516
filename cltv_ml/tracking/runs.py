"""MLflow runs: experiments, runs that always end, data sets and tables, written and read back."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.data.sources import LocalArtifactDatasetSource
from mlflow.entities import Experiment, Metric, Param, Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.tracking.context.registry import resolve_tags

import cltv_ml
from cltv_ml.errors import InputError
from cltv_ml.files import read_earlier_json
from cltv_ml.tracking import lease, store
from cltv_ml.tracking.metric_names import grouped
from cltv_ml.tracking.store import artifact_root, open_existing, open_store, store_name

#: The tag that MLflow shows as the description of an experiment, a run or a logged model.
_DESCRIPTION = "mlflow.note.content"

#: An experiment's tags in MLflow: its kind, and a text above its runs, of which MLflow shows the first line.
_EXPERIMENT = {
    "mlflow.experimentKind": "custom_model_development",
    _DESCRIPTION: (
        "Customer lifetime value: choose *Model training* at the top left if the GenAI view opens. Each run named "
        "after a model holds that model as it was compared on the test window, with metrics, figures and files. "
        "Each run named *training* holds the comparison, the report and the champion that was registered as "
        "**cltv**."
    ),
}

#: Number of rows from which the types of a data set's columns are read.
_TYPED = 1_000


@store.explained()
def open_experiment(name: str) -> str:
    """Return the id of the experiment; a new one is created with its artefacts next to the store.

    Inside `mlflow run` it is the experiment in which the project was started.
    """
    uri = open_store()
    if "MLFLOW_RUN_ID" in os.environ:
        return str(MlflowClient().get_run(os.environ["MLFLOW_RUN_ID"]).info.experiment_id)
    experiment = mlflow.get_experiment_by_name(name)
    if experiment is not None:
        # A process that was killed could not end its runs.
        _end_open_runs(
            [experiment.experiment_id], lambda run: lease.is_over(run.data.tags, run.info.start_time / 1000)
        )
        _check_usable(experiment, uri)
        return str(experiment.experiment_id)
    folder = artifact_root(uri)
    slug = re.sub(r"[^\w.-]", "_", name)
    try:
        return str(mlflow.create_experiment(name, (folder / slug).as_uri() if folder else None, _EXPERIMENT))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return str(mlflow.get_experiment_by_name(name).experiment_id)  # somebody else was faster


def set_description(text: str, model_id: str) -> None:
    """Set the description of the active run and of the model that it logged."""
    mlflow.set_tag(_DESCRIPTION, text)
    mlflow.set_logged_model_tags(model_id, {_DESCRIPTION: text})


def _check_usable(experiment: Experiment, uri: str) -> None:
    """Raise InputError if runs of an experiment cannot be written from here."""
    if experiment.lifecycle_stage != "active":
        raise InputError(
            f"experiment {experiment.name!r} is deleted in MLflow; restore it, or choose another "
            "--experiment."
        )
    if experiment.artifact_location.startswith("mlflow-artifacts:") and not uri.startswith("http"):
        raise InputError(
            f"experiment {experiment.name!r} was created through an MLflow server, and only that server can "
            "write its artifacts; set MLFLOW_TRACKING_URI to the server's address, such as "
            "http://127.0.0.1:5000, or choose another --experiment."
        )


def _end_open_runs(experiment_ids: Sequence[str], chosen: Callable[[Run], bool]) -> None:
    """Mark the chosen open runs of this package as FAILED; other runs do not change."""
    client = MlflowClient()
    for run in client.search_runs(list(experiment_ids), "status = 'RUNNING'"):
        if lease.HOLDER in run.data.tags and chosen(run):
            client.set_terminated(run.info.run_id, "FAILED")


def server_command(port: int) -> list[str]:
    """Return the command of a light MLflow server for `python -m`: one worker, artefacts read from disk.

    Without `--no-serve-artifacts` a server would write artefact addresses that scripts on the same store cannot open.
    """
    uri = open_store()
    words = ["mlflow", "server", "--backend-store-uri", uri, "--port", str(port), "--workers", "1"]
    folder = artifact_root(uri)
    if folder:
        words += ["--no-serve-artifacts", "--default-artifact-root", folder.as_uri()]
    return words


def runs_page(server: str, experiment: str = "cltv") -> str:
    """Return the address of the page that compares the runs of an experiment."""
    stored = mlflow.get_experiment_by_name(experiment)
    page = f"/experiments/{stored.experiment_id}/runs" if stored else "/experiments"
    return f"{server}/#{page}?workflowType=machine_learning"


def serve_command() -> str:
    """Return the command that serves the champion."""
    serve = "mlflow models serve -m models:/cltv@champion --env-manager local --port 5001"
    uri = open_store()
    # MLflow looks for mlflow.db in the working folder only; elsewhere it needs the address.
    found_by_itself = uri == f"sqlite:///{Path.cwd() / 'mlflow.db'}"
    return serve if found_by_itself else f"MLFLOW_TRACKING_URI={store_name()} {serve}"


def new_training_id() -> str:
    """Return the tag value that the runs of one training share."""
    return uuid.uuid4().hex[:12]


@contextmanager
def held_open(**options: Any) -> Iterator[str]:
    """Keep a run of `mlflow.start_run` open and yield its id; it ends FINISHED, or FAILED on any error.

    Raises
    ------
    StoreError
        The store was lost meanwhile. If it does not come back, the run stays open until `open_experiment` finds that
        its process is gone.
    """
    with store.explained(), mlflow.start_run(**options) as run:
        try:
            with store.explained(), lease.kept(run.info.run_id):
                yield run.info.run_id
        except store.StoreError:
            with suppress(MlflowException), store.impatient():
                mlflow.end_run("FAILED")
                holder = lease.holder()
                _end_open_runs(
                    [run.info.experiment_id], lambda open_run: open_run.data.tags[lease.HOLDER] == holder
                )
            raise


@contextmanager
def summary_run(experiment_id: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """Keep the run of a whole training open and yield its id; it ends FINISHED, or FAILED on any error.

    Inside `mlflow run` it is the project's own run.
    """
    with held_open(experiment_id=experiment_id, run_name=name, tags={**tags, **process_tags()}) as run_id:
        yield run_id


@contextmanager
def model_run(experiment_id: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """Keep one model's run open at the top level of the experiment, because the UI collapses nested runs."""
    created = create_run(experiment_id, name, tags)
    with held_open(run_id=created, nested=True) as run_id:
        yield run_id


def log_window(
    parent: str, name: str, metrics: Mapping[str, float], params: Mapping[str, Any], tags: Mapping[str, str]
) -> None:
    """Log one finished run below `parent`: a model's metrics on an earlier window."""
    client = MlflowClient()
    run_id = create_run(
        _experiment_of(parent), name, {**tags, "role": "window", "mlflow.parentRunId": parent}
    )
    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        metrics=[Metric(key, float(value), now, 0) for key, value in grouped(metrics).items()],
        params=[Param(key, str(value)) for key, value in params.items()],
    )
    client.set_terminated(run_id)


@lru_cache(maxsize=64)
def _experiment_of(run_id: str) -> str:
    """Return the id of a run's experiment, which never changes; reading a run takes as long as writing one."""
    return str(MlflowClient().get_run(run_id).info.experiment_id)


def create_run(experiment_id: str, name: str, tags: Mapping[str, str]) -> str:
    """Open a run next to the active one, from any thread, and return its id.

    Like `mlflow.start_run`, and unlike MLflow's client, it records who started the run and from what.
    """
    about = resolve_tags({**tags, **process_tags()})
    return str(MlflowClient().create_run(experiment_id, run_name=name, tags=about).info.run_id)


def process_tags() -> dict[str, str]:
    """Return the tags that identify a killed run later."""
    return {"cltv_ml.host": socket.gethostname(), **lease.tags()}


def log_params(params: Mapping[str, Any]) -> None:
    """Log the parameters that the run does not have yet; those that `mlflow run` has logged cannot change.

    Characters that MLflow does not accept in a name, as in "log(frequency)", become underscores.
    """
    params = {re.sub(r"[^\w\-. :/]", "_", name): value for name, value in params.items()}
    active = mlflow.active_run()
    present = MlflowClient().get_run(active.info.run_id).data.params
    mlflow.log_params({name: value for name, value in params.items() if name not in present})


def latest_training(experiment: str) -> Run:
    """Return the summary run of the experiment's newest finished training.

    Inside `mlflow run`, whose trainings are in the experiment in which the project was started, that one counts too.

    Raises
    ------
    InputError
        The experiment holds no finished training.
    """
    open_existing()
    client = MlflowClient()
    named = client.get_experiment_by_name(experiment)
    searched = [named.experiment_id] if named else []
    if "MLFLOW_RUN_ID" in os.environ:
        searched.append(client.get_run(os.environ["MLFLOW_RUN_ID"]).info.experiment_id)
    trainings = searched and client.search_runs(
        searched,
        "tags.role = 'summary' and status = 'FINISHED'",
        max_results=1,
        order_by=["start_time DESC"],
    )
    if not trainings:
        raise InputError(
            f"experiment {experiment!r} in {store_name()} has no finished training; run `cltv train` first."
        )
    run: Run = trainings[0]
    return run


def log_table(frame: pd.DataFrame, file: str) -> None:
    """Log a table that the UI shows and `mlflow.load_table` reads; text columns become objects for MLflow."""
    words = frame.select_dtypes("str").columns
    mlflow.log_table(frame.astype(dict.fromkeys(words, object)), file)


def latest_summary(experiment: str) -> dict[str, Any]:
    """Return the report summary of the experiment's newest finished training; errors as in `latest_training`."""
    run = latest_training(experiment)
    what = f"the report of the newest training, of run {run.info.run_id},"
    file = store.fetch_artifacts(what, artifact_uri=f"{run.info.artifact_uri}/report.json")
    return read_earlier_json(file, "the report of a training", "train again")


def dataset(frame: pd.DataFrame, name: str, source: str, target: str, predictions: str | None = None) -> Any:
    """Return an MLflow dataset whose digest covers every row (MLflow's own stops after 10,000)."""
    rows = pd.util.hash_pandas_object(frame, index=True).to_numpy()
    digest = hashlib.sha256(rows.tobytes()).hexdigest()[:32]
    origin = LocalArtifactDatasetSource(source)
    about: dict[str, Any] = {"source": origin, "targets": target, "name": name, "digest": digest}
    if predictions is not None:
        about["predictions"] = predictions
    whole = mlflow.data.from_pandas(frame, **about)
    # MLflow reads every cell to find a column's type: a minute or more for a million customers.
    whole.schema = mlflow.data.from_pandas(frame.head(_TYPED), **about).schema
    return whole


def code_tags() -> dict[str, str]:
    """Return the tags of the code that ran: the package's version and, in a repository, the commit."""
    tags = {"cltv_ml.version": cltv_ml.__version__}
    process = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    )
    if process.returncode == 0:
        tags["mlflow.source.git.commit"] = process.stdout.strip()
    return tags
