"""Runs of `cltv acquisition` in MLflow: the figures of all channels together, and every table."""

from __future__ import annotations

from collections.abc import Mapping

import mlflow
import numpy as np
import pandas as pd

from cltv_ml.tracking import runs


def log_acquisition(
    tables: Mapping[str, pd.DataFrame],
    measured: Mapping[str, float],
    experiment: str,
    dataset: str,
    cutoff: pd.Timestamp,
    *,
    settings: str = "",
) -> str:
    """Log the tables of `cltv acquisition` and its known figures; return the run's id."""
    experiment_id = runs.open_experiment(experiment)
    day = {"cutoff": f"{cutoff:%Y-%m-%d}"}
    about = {"dataset": dataset, "role": "acquisition", **day, **runs.code_tags()}
    with runs.model_run(experiment_id, f"acquisition {day['cutoff']}", about) as run_id:
        mlflow.log_params({"dataset_name": dataset, **day})
        mlflow.log_metrics({name: float(value) for name, value in measured.items() if np.isfinite(value)})
        for name, table in tables.items():
            dates = dict.fromkeys(table.select_dtypes("datetime").columns, "str")
            runs.log_table(table.astype(dates), f"tables/{name}.json")
        mlflow.log_text(settings, "settings.toml")
    return run_id
