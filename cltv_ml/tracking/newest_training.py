"""The newest training, restored: models from MLflow, the window from the log, nothing fitted again."""

from __future__ import annotations

from typing import Any

import mlflow
import pandas as pd
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.panel import Training, learned_from
from cltv_ml.evaluation.results import measure
from cltv_ml.features import build_features
from cltv_ml.log import AnyLog, Log
from cltv_ml.models import Spread, ValueModel
from cltv_ml.tracking import runs
from cltv_ml.windows import Window


def replay(log: AnyLog, experiment: str = "cltv") -> tuple[WindowResult, str]:
    """Return the newest finished training on its test window, and its champion's name.

    The models come from MLflow. Customers, predictions and metrics are computed again from `log`, which must be the
    training's log, and are the same as in the training.

    Raises
    ------
    InputError
        There is no finished training, or the log differs: it holds fewer or more customers.
    """
    log, run = Log.of(log), runs.latest_training(experiment)
    tags, metrics = run.data.tags, run.data.metrics
    window = Window(tags["cutoff"], int(tags["horizon_days"]))
    models = _candidate_models(run)
    names = list(dict.fromkeys(name for model in models.values() for name in model.feature_names_in_))
    X = build_features(log, window.cutoff, names=[str(name) for name in names])
    if "customers_share" in run.data.params:
        X = X[~learned_from(X.index, float(run.data.params["customers_share"]))]
    if len(X) != int(metrics["customers_at_cutoff"]):
        raise InputError(
            f"this log has {len(X):,} customers before {window.cutoff:%Y-%m-%d}, but the newest training of "
            f"experiment {experiment!r} had {int(metrics['customers_at_cutoff']):,}; give the data of that "
            "training with --data, or train on this log."
        )
    y_true = log.target(window, X.index)
    predictions = {name: model.predict_table(X) for name, model in models.items()}
    results = measure(window, y_true, predictions, dict.fromkeys(models, 0.0))
    nothing = Training(X.iloc[:0], pd.Series(dtype="float64"), [], X)
    result = WindowResult(window, nothing, models, predictions, y_true, results)
    return result, str(run.data.params["champion"])


def refitted_champion(experiment: str = "cltv") -> ValueModel:
    """Return the newest training's champion as it was refitted to the end of its log."""
    return _logged_model(runs.latest_training(experiment))


def champion_spreads(experiment: str = "cltv") -> dict[int, Spread]:
    """Return the error of that champion's totals by horizon in days; empty if an earlier cltv_ml stored it."""
    card = _served_model(runs.latest_training(experiment)).card
    return {int(days): Spread(*spread) for days, spread in card.spreads.items()}


def _candidate_models(run: Run) -> dict[str, ValueModel]:
    """Return the models that competed in a training, by name, in the order in which they were logged."""
    trainings = MlflowClient().search_runs(
        [run.info.experiment_id],
        f"tags.training_id = '{run.data.tags['training_id']}' and tags.role = 'candidate'",
        order_by=["start_time ASC"],
    )
    return {training.data.tags["model"]: _logged_model(training) for training in trainings}


def _logged_model(run: Run) -> ValueModel:
    """Return the model that a run logged, without the pyfunc wrapper."""
    model: ValueModel = _served_model(run).model
    return model


def _served_model(run: Run) -> Any:
    """Return the model that a run logged, as it is served."""
    logged: Any = run.outputs.model_outputs[0]
    return mlflow.pyfunc.load_model(
        f"models:/{logged.model_id}", suppress_warnings=True
    ).unwrap_python_model()
