"""Backtests in MLflow: a run per model with its means, and below it a run per test window."""

from __future__ import annotations

import mlflow
import pandas as pd

from cltv_ml.tracking import runs
from cltv_ml.tracking.metric_names import grouped


def log_backtest(results: pd.DataFrame, experiment: str, dataset: str, *, settings: str = "") -> list[str]:
    """Log RESULTS of several test windows; return the run ids, one per model.

    `settings`, the whole call as TOML, is stored with each run. Metrics of the first horizon are grouped by what they
    measure, such as `order/gini`, those of other horizons by the horizon, such as `30d/gini`.
    """
    experiment_id = runs.open_experiment(experiment)
    tags = {"training_id": runs.new_training_id(), "dataset": dataset, **runs.code_tags()}
    horizon = {"horizon_days": str(int(results["horizon"].iloc[0]))}
    windows = results["cutoff"].nunique()
    other_horizon = results["horizon"] != results["horizon"].iloc[0]
    by_horizon = results["horizon"].astype(int).astype(str) + "d/" + results["metric"]
    results = results.assign(metric=results["metric"].where(~other_horizon, by_horizon))
    run_ids = []
    for name, model_results in results.groupby("model", sort=False):
        run_tags = {**tags, **horizon, "role": "backtest", "model": str(name)}
        with runs.model_run(experiment_id, f"{name} backtest", run_tags) as run_id:
            mlflow.log_params({"dataset_name": dataset, **horizon, "windows": windows})
            mlflow.log_metrics(grouped(model_results.groupby("metric")["value"].mean().dropna().to_dict()))
            runs.log_table(model_results.astype({"cutoff": "str"}), "tables/backtest.json")
            mlflow.log_text(settings, "settings.toml")
            _log_windows(run_id, str(name), model_results, {**tags, **horizon})
        run_ids.append(run_id)
    return run_ids


def _log_windows(run_id: str, name: str, results: pd.DataFrame, tags: dict[str, str]) -> None:
    for cutoff, rows in results.dropna(subset="value").groupby("cutoff"):
        day = {"cutoff": f"{cutoff:%Y-%m-%d}"}
        runs.log_window(
            run_id,
            f"{name} {day['cutoff']}",
            dict(zip(rows["metric"], rows["value"], strict=True)),
            day,
            {**tags, **day, "model": name},
        )
