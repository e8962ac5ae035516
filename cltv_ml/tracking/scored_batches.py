"""Monitored batches of scores, stored in MLflow until their horizon has passed and the outcome is known.

Each batch is a run of its own (role `batch`) with its scores as an artefact, below one run per registered model (role
`monitoring`) whose metrics are series over the batches: the step is the batch's cutoff in days since 1970.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.entities import Metric, Run
from mlflow.tracking import MlflowClient

from cltv_ml.evaluation import batch_outcome
from cltv_ml.files import read_earlier_json
from cltv_ml.log import Log
from cltv_ml.tables import horizons_in
from cltv_ml.tracking import runs, store
from cltv_ml.tracking.registry import Version
from cltv_ml.windows import Window

#: A batch's tag with its other horizons whose truth is known.
_CLOSED = "closed_horizons"

#: Artefact of a batch with its expected path and the level of its intervals, and its name in older stores.
_ABOUT, _OLD_ABOUT = "about.json", "promise.json"

#: Metrics of a batch whose names differ in older stores.
_RENAMED = {"promised": "predicted", "coverage_promised": "coverage_nominal"}


def series_run(experiment_id: str, name: str) -> str:
    """Return the run whose metrics are series over a model's batches; the first call creates it."""
    client = MlflowClient()
    with store.store_lock():
        batch_runs = client.search_runs(
            [experiment_id], f"tags.role = 'monitoring' and tags.registered_model = '{name}'", max_results=1
        )
        if batch_runs:
            return str(batch_runs[0].info.run_id)
        tags = {"role": "monitoring", "registered_model": name}
        run_id = runs.create_run(experiment_id, f"monitoring {name}", tags)
        client.set_terminated(run_id)
    return run_id


def keep_batch(
    series: str,
    experiment_id: str,
    batch: pd.DataFrame,
    version: Version,
    window: Window,
    reference: Mapping[str, Any],
) -> None:
    """Store a batch's scores for later; scores of the same version and cutoff are replaced until they are closed.

    A batch whose outcome is already known is not written again.
    """
    client = MlflowClient()
    tags = {
        "role": "batch",
        "mlflow.parentRunId": series,
        "model_version": str(version.number),
        "cutoff": f"{window.cutoff:%Y-%m-%d}",
        "horizon_days": str(window.horizon),
        "model": version.model,
        "horizons": ",".join(map(str, horizons_in(batch))),
    }
    wanted = " and ".join(f"tags.{key} = '{tags[key]}'" for key in ("role", "model_version", "cutoff"))
    batch_runs = client.search_runs(
        [experiment_id], f"{wanted} and tags.`mlflow.parentRunId` = '{series}'", max_results=1
    )
    if batch_runs and (batch_runs[0].data.tags["truth"] == "closed" or batch_runs[0].data.tags.get(_CLOSED)):
        return
    if batch_runs:
        run_id = batch_runs[0].info.run_id
    else:
        name = f"batch {tags['cutoff']}, version {version.number}"
        run_id = runs.create_run(experiment_id, name, {**tags, "truth": "open"})
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "scores.parquet")
            batch.to_parquet(path, index=False)
            client.log_artifact(run_id, str(path))
        about = {"path": reference.get("path"), "interval_level": reference.get("interval_level")}
        client.log_dict(run_id, about, _ABOUT)
        log_metrics(
            run_id, {"predicted": float(batch["expected_value"].sum()), "customers": float(len(batch))}
        )
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id)


def look_back_by_horizon(series: str, experiment_id: str, log: Log) -> pd.DataFrame:
    """Return the outcomes of batches at their other horizons that have ended, one row per batch and horizon.

    Each is measured once and stored in the batch's run under names such as `30d/bias`.
    """
    until = log.end
    rows = []
    for run in _batches(series, experiment_id):
        tags = run.data.tags
        main = int(tags["horizon_days"])
        days = [int(day) for day in tags.get("horizons", "").split(",") if day and int(day) != main]
        ended = [day for day in days if Window(tags["cutoff"], day).end <= until]
        closed = tags.get(_CLOSED, "").split(",")
        metrics = _named_metrics(run)
        if new := [day for day in ended if str(day) not in closed]:
            metrics |= _close_horizons(run.info.run_id, log, tags["cutoff"], new)
            MlflowClient().set_tag(run.info.run_id, _CLOSED, ",".join(map(str, ended)))
        about = {"cutoff": pd.Timestamp(tags["cutoff"]), "model_version": int(tags["model_version"])}
        for day in ended:
            of_batch = {
                name.partition("/")[2]: value
                for name, value in metrics.items()
                if name.startswith(f"{day}d/")
            }
            rows.append({**about, "horizon": day, **of_batch})
    return pd.DataFrame(rows)


def _close_horizons(run_id: str, log: Log, cutoff: str, days: Sequence[int]) -> dict[str, float]:
    """Measure a batch at the horizons that have ended, log that to its run and return the metrics."""
    batch, reference = _read_batch(run_id)
    metrics: dict[str, float] = {}
    for day in days:
        names = {f"{name}_{day}d": name for name in ("expected_value", "value_lower", "value_upper")}
        own = batch[[name for name in names if name in batch]].rename(columns=names)
        truth = _closed_metrics(log, own, Window(cutoff, day), reference.get("interval_level"))
        metrics |= {f"{day}d/{name}": value for name, value in truth.items()}
    log_metrics(run_id, metrics)
    return metrics


def look_back(series: str, experiment_id: str, log: Log) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the closed batches with their outcomes, and the expected and realised paths of the open ones.

    A batch that closes is measured once; its metrics and its point in the series do not change later.
    """
    client = MlflowClient()
    until = log.end
    closed, paths = [], []
    for run in _batches(series, experiment_id):
        window = Window(run.data.tags["cutoff"], int(run.data.tags["horizon_days"]))
        if window.end <= until and run.data.tags["truth"] != "closed":
            _close(run.info.run_id, log, window, series)
            run = client.get_run(run.info.run_id)
        about = {"cutoff": window.cutoff, "model_version": int(run.data.tags["model_version"])}
        if run.data.tags["truth"] == "closed":
            own = {name: value for name, value in _named_metrics(run).items() if "/" not in name}
            closed.append({**about, **own})
        elif window.cutoff < until:
            batch, reference = _read_batch(run.info.run_id)
            if reference.get("path"):
                path = batch_outcome.compute_progress(
                    log, batch, window, pd.DataFrame(reference["path"]), until
                )
                paths.append(
                    path.assign(**about, horizon=window.horizon, **_bias_so_far(log, batch, window, path))
                )
    return pd.DataFrame(closed), pd.concat(paths, ignore_index=True) if paths else pd.DataFrame()


def _batches(series: str, experiment_id: str) -> list[Run]:
    """Return the batches of a series, the earliest cutoff first."""
    batch_runs = MlflowClient().search_runs(
        [experiment_id],
        f"tags.role = 'batch' and tags.`mlflow.parentRunId` = '{series}' and status = 'FINISHED'",
    )
    return sorted(batch_runs, key=lambda run: str(run.data.tags["cutoff"]))


def _named_metrics(run: Run) -> dict[str, float]:
    """Return the metrics of a batch under current names, including those of older stores such as `30d/promised`."""
    named = (
        (*name.rpartition("/")[:2], name.rpartition("/")[2], value)
        for name, value in run.data.metrics.items()
    )
    return {f"{group}{slash}{_RENAMED.get(name, name)}": value for group, slash, name, value in named}


def _close(run_id: str, log: Log, window: Window, series: str) -> None:
    """Measure a batch whose horizon has passed, and log it to its run and, as one point, to the series."""
    batch, reference = _read_batch(run_id)
    metrics = _closed_metrics(log, batch, window, reference.get("interval_level"))
    log_metrics(run_id, metrics)
    log_metrics(series, {f"truth/{name}": value for name, value in metrics.items()}, series_step(window))
    MlflowClient().set_tag(run_id, "truth", "closed")


def _closed_metrics(log: Log, batch: pd.DataFrame, window: Window, level: float | None) -> dict[str, float]:
    """Return the metrics of a batch whose window has passed, with their bounds, and predicted and realised total."""
    y_true = log.target(window, batch.index)
    truth = batch_outcome.compute_truth(y_true, batch, level=level)
    metrics = {
        f"{name}{end}": float(row[column])
        for name, row in truth.iterrows()
        for end, column in (("", "value"), ("_lower", "lower"), ("_upper", "upper"))
    }
    if "coverage" in truth.index and level is not None:
        metrics["coverage_nominal"] = level
    metrics |= {"realised": float(y_true.sum()), "predicted": float(batch["expected_value"].sum())}
    return {name: value for name, value in metrics.items() if np.isfinite(value)}


def _bias_so_far(log: Log, batch: pd.DataFrame, window: Window, path: pd.DataFrame) -> dict[str, float]:
    """Return the interval of the bias so far: expected to date divided by realised to date, minus one."""
    last, total = path.iloc[-1], float(batch["expected_value"].sum())
    if last["day"] < 1 or last["realised"] <= 0 or total <= 0:
        return {"bias_lower": np.nan, "bias_upper": np.nan}
    spent = log.target(Window(window.cutoff, int(last["day"])), batch.index)
    due = batch[["expected_value"]] * (last["expected"] / total)
    row = batch_outcome.compute_truth(spent, due).loc["bias"]
    return {"bias_lower": float(row["lower"]), "bias_upper": float(row["upper"])}


def _read_batch(run_id: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    place = store.fetch_artifacts(f"the scores of run {run_id}", run_id=run_id)
    path = Path(place, _ABOUT) if Path(place, _ABOUT).is_file() else Path(place, _OLD_ABOUT)
    reference = read_earlier_json(path, f"the description of the scores of run {run_id}", "delete that run")
    return pd.read_parquet(Path(place, "scores.parquet")).set_index("customer_id"), reference


def log_metrics(run_id: str, metrics: Mapping[str, float], step: int = 0) -> None:
    """Log metrics to a run that need not be open."""
    now = int(time.time() * 1000)
    MlflowClient().log_batch(
        run_id, [Metric(name, float(value), now, step) for name, value in metrics.items()]
    )


def series_step(window: Window) -> int:
    """Return a batch's step in the series: its cutoff in days since 1970."""
    return (window.cutoff - pd.Timestamp("1970-01-01")).days
