"""Forecasts of the shop in MLflow: one run with its totals and its table."""

from __future__ import annotations

import mlflow
import pandas as pd

from cltv_ml.tracking import runs
from cltv_ml.windows import Window


def log_forecast(
    bands: pd.DataFrame, experiment: str, dataset: str, window: Window, *, settings: str = ""
) -> str:
    """Log a forecast's horizon and table; return the run's id."""
    experiment_id = runs.open_experiment(experiment)
    day = {"cutoff": f"{window.cutoff:%Y-%m-%d}", "horizon_days": str(window.horizon)}
    about = {"dataset": dataset, "role": "forecast", **day, **runs.code_tags()}
    with runs.model_run(experiment_id, f"shop forecast {day['cutoff']}", about) as run_id:
        mlflow.log_params({"dataset_name": dataset, **day})
        whole = bands[bands["span"] == "horizon"]
        mlflow.log_metrics({f"{row.part}/{row.measure}": float(row.expected) for row in whole.itertuples()})
        runs.log_table(bands.astype({"start": "str", "until": "str"}), "tables/forecast.json")
        mlflow.log_text(settings, "settings.toml")
    return run_id
