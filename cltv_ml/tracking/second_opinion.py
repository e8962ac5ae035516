"""The second opinion on a promotion: MLflow's evaluation of both versions, compared with thresholds."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import MetricThreshold, make_metric
from mlflow.models.evaluation import EvaluationResult
from mlflow.models.evaluation.validation import ModelValidationFailedException

from cltv_ml.evaluation.bounds import BIAS_BOUND, DECILE_BOUND
from cltv_ml.evaluation.metrics import bias, decile_mape, gini
from cltv_ml.tracking import runs

#: Metrics by their name in MLflow: a function of the realised and the forecast value, and whether more is better.
_OPINION_METRICS: dict[str, tuple[Callable[..., float], bool]] = {
    "abs_bias": (lambda y_true, y_pred: abs(bias(y_true, y_pred)), False),
    "decile_mape": (decile_mape, False),
    "gini": (gini, True),
}

_THRESHOLDS = (
    f"bias at most {BIAS_BOUND:.0%}, decile error at most {DECILE_BOUND:.0%}, "
    "Gini no lower than the champion's"
)


def second_opinion(values: pd.DataFrame, dataset: str) -> str:
    """Evaluate champion and challenger with MLflow, each in a run below the active one; return the results.

    They decide nothing: unlike the written rule, thresholds ignore intervals. The active run is tagged `second_opinion`
    with `passed` or `failed`.

    Parameters
    ----------
    values
        Columns `spent` (realised), `champion` and `challenger` (forecasts), a row per customer.
    dataset
        Name of the log.
    """
    challenger, champion = (_evaluate(values, side, dataset) for side in ("challenger", "champion"))
    thresholds = {
        "abs_bias": MetricThreshold(threshold=BIAS_BOUND, greater_is_better=False),
        "decile_mape": MetricThreshold(threshold=DECILE_BOUND, greater_is_better=False),
        "gini": MetricThreshold(threshold=champion.metrics["gini"], greater_is_better=True),
    }
    try:
        mlflow.validate_evaluation_results(thresholds, challenger)
    except ModelValidationFailedException as failed:
        mlflow.set_tag("second_opinion", "failed")
        outcome = f"the challenger fails them: {_rounded(' '.join(str(failed.message).split()))}"
    else:
        mlflow.set_tag("second_opinion", "passed")
        outcome = "the challenger passes them."
    return (
        f"Second opinion, MLflow's evaluation with thresholds ({_THRESHOLDS}): {outcome} It does not affect "
        "the decision."
    )


def _evaluate(values: pd.DataFrame, side: str, dataset: str) -> EvaluationResult:
    """Return MLflow's evaluation of one side, logged to a run of its own below the active one."""
    # MLflow logs each metric that it tries on one row, and each validation.
    logging.getLogger("mlflow.models.evaluation").setLevel(logging.WARNING)
    frame = values[["spent", side]].astype(float).reset_index(drop=True)
    data = runs.dataset(frame, f"{dataset} {side}", dataset, "spent", side)
    home = mlflow.active_run().info.experiment_id
    tags = {"role": "second opinion", **runs.process_tags()}
    with runs.held_open(experiment_id=home, nested=True, run_name=side, tags=tags):
        return mlflow.models.evaluate(
            data=data,
            model_type="regressor",
            evaluators="regressor",  # all others include SHAP's, which needs the model
            extra_metrics=[_metric(name, *how) for name, how in _OPINION_METRICS.items()],
        )


def _rounded(text: str) -> str:
    return re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.4g}", text)


def _metric(name: str, measured: Callable[..., float], more_is_better: bool) -> Any:
    def evaluated(predictions: pd.Series, targets: pd.Series, metrics: Any = None) -> float:
        """Return the measure in the order of arguments that MLflow has."""
        return float(measured(targets, predictions))

    return make_metric(eval_fn=evaluated, greater_is_better=more_is_better, name=name)
