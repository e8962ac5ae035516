"""MLflow set up in one place: the store, runs that always end, and what is logged for every model."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# MLflow reads these while it is imported: no telemetry, and a model's requirements are ours to name.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOG_UV_FILES", "false")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
import pandas as pd
from mlflow.data.sources import LocalArtifactDatasetSource
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

import cltv_ml


def project_root(start: Path | None = None) -> Path:
    """Return the nearest folder upwards that holds an MLproject file, else `start` (the working folder)."""
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if (folder / "MLproject").is_file()), here)


def open_store(root: Path | None = None) -> str:
    """Point MLflow at one absolute store and create it if need be; return its URI.

    `MLFLOW_TRACKING_URI` wins; otherwise `mlflow.db` in the project's root, wherever the command was typed.
    Touching the store here, before anything runs in parallel, keeps its first migration in one process.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    uri = given or f"sqlite:///{(root or project_root()) / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    return uri


def store_name() -> str:
    """Return the store's address without a password."""
    return re.sub(r"//[^/@]*@", "//", mlflow.get_tracking_uri())


def open_experiment(name: str, root: Path | None = None) -> str:
    """Return the id of the experiment, created when new with its artefacts beside the store.

    Inside `mlflow run` the experiment is the one that the project was started in.
    """
    uri = open_store(root)
    if "MLFLOW_RUN_ID" in os.environ:
        return str(MlflowClient().get_run(os.environ["MLFLOW_RUN_ID"]).info.experiment_id)
    found = mlflow.get_experiment_by_name(name)
    if found is not None:
        if found.lifecycle_stage != "active":
            raise ValueError(
                f"experiment {name!r} is deleted in MLflow; restore it or choose another --experiment."
            )
        return str(found.experiment_id)
    folder = artifact_root(uri)
    slug = re.sub(r"[^\w.-]", "_", name)
    return str(mlflow.create_experiment(name, (folder / slug).as_uri() if folder else None))


def artifact_root(uri: str) -> Path | None:
    """Return the folder of artefacts beside a SQLite store; a server keeps its own."""
    return Path(uri.removeprefix("sqlite:///")).parent / "mlruns" if uri.startswith("sqlite:") else None


def server_command(port: int) -> list[str]:
    """Return the light MLflow server's command for `python -m`: one worker, artefacts read from the disk.

    Without `--no-serve-artifacts` a server would write addresses that scripts on the same store cannot open.
    """
    uri = open_store()
    words = ["mlflow", "server", "--backend-store-uri", uri, "--port", str(port), "--workers", "1"]
    folder = artifact_root(uri)
    if folder:
        words += ["--no-serve-artifacts", "--default-artifact-root", folder.as_uri()]
    return words


def runs_page(port: int, experiment: str = "cltv") -> str:
    """Return the address of the page that compares the experiment's runs."""
    found = mlflow.get_experiment_by_name(experiment)
    page = f"/experiments/{found.experiment_id}/runs" if found else "/experiments"
    return f"http://127.0.0.1:{port}/#{page}?workflowType=machine_learning"


def serve_command(port: int = 5001) -> str:
    """Return the command that serves the champion."""
    serve = f"mlflow models serve -m models:/cltv@champion --env-manager local --port {port}"
    uri = open_store()
    # MLflow itself looks for mlflow.db in the working folder; elsewhere it must be told.
    found_by_itself = uri == f"sqlite:///{Path.cwd() / 'mlflow.db'}"
    return serve if found_by_itself else f"MLFLOW_TRACKING_URI={store_name()} {serve}"


def new_training_id() -> str:
    """Return the tag value that ties the runs of one training together."""
    return uuid.uuid4().hex[:12]


@contextmanager
def summary_run(experiment_id: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """Hold the run of a whole training open; it ends FINISHED, or FAILED on any error. Yields its id.

    Inside `mlflow run` it is the project's own run.
    """
    with mlflow.start_run(experiment_id=experiment_id, run_name=name, tags=dict(tags)) as run:
        yield run.info.run_id


@contextmanager
def model_run(experiment_id: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """Hold one model's run open at the top level of the experiment (the UI folds nested runs away)."""
    created = MlflowClient().create_run(experiment_id, run_name=name, tags=dict(tags))
    with mlflow.start_run(run_id=created.info.run_id, nested=True) as run:
        yield run.info.run_id


def log_params(params: Mapping[str, Any]) -> None:
    """Log parameters that the run does not have yet (`mlflow run` has logged its own; they cannot change)."""
    active = mlflow.active_run()
    present = MlflowClient().get_run(active.info.run_id).data.params
    mlflow.log_params({name: value for name, value in params.items() if name not in present})


def latest_training(experiment: str) -> Run:
    """Return the summary run of the experiment's newest finished training.

    Raises
    ------
    ValueError
        The experiment holds no finished training.
    """
    open_store()
    found = mlflow.search_runs(
        experiment_names=[experiment], filter_string="tags.role = 'summary' and status = 'FINISHED'",
        order_by=["start_time DESC"], max_results=1, output_format="list",
    )  # fmt: skip
    if not found:
        raise ValueError(
            f"experiment {experiment!r} in {store_name()} holds no finished training; run `cltv train` first."
        )
    run: Run = found[0]
    return run


def latest_summary(experiment: str) -> dict[str, Any]:
    """Return the report summary of the experiment's newest finished training; errors as `latest_training`."""
    run = latest_training(experiment)
    summary: dict[str, Any] = mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/report.json")
    return summary


def dataset(frame: pd.DataFrame, name: str, source: str, target: str) -> Any:
    """Return an MLflow dataset whose digest covers every row (MLflow's own stops after 10,000)."""
    rows = pd.util.hash_pandas_object(frame, index=True).to_numpy()
    digest = hashlib.sha256(rows.tobytes()).hexdigest()[:32]
    origin = LocalArtifactDatasetSource(source)
    return mlflow.data.from_pandas(frame, source=origin, targets=target, name=name, digest=digest)


def code_tags() -> dict[str, str]:
    """Return the tags that say which code ran: the package's version and, in a repository, the commit."""
    tags = {"cltv_ml.version": cltv_ml.__version__}
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    )
    if found.returncode == 0:
        tags["mlflow.source.git.commit"] = found.stdout.strip()
    return tags
