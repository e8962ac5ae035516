"""Parameters, metrics and tags that a training leaves in MLflow."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from cltv_ml.data import Cleaned
from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.choice import beats_chance, judge_test
from cltv_ml.evaluation.compare import Verdict
from cltv_ml.evaluation.horizons import ByHorizon
from cltv_ml.models import ValueModel
from cltv_ml.pipelines.customer_inputs import tables_of
from cltv_ml.pipelines.horizons import metrics_by_horizon
from cltv_ml.settings import Train
from cltv_ml.tracking.registry import BEATS_CHANCE
from cltv_ml.tracking.store_names import CURRENCY_TAG, PROTECTED_TAG


def errors_of(result: WindowResult, name: str) -> tuple[pd.Series, pd.Series]:
    """Return expected and realised values of a model on the test window and on validation windows of that length."""
    test = {"keys": [result.window.cutoff], "names": ["cutoff"]}
    expected, y_true = [pd.concat([result.values[name]], **test)], [pd.concat([result.y_true], **test)]
    validation = result.validation
    if validation is not None and validation.days == result.window.horizon and name in validation.predictions:
        expected.append(validation.predictions[name])
        y_true.append(validation.y_true)
    return pd.concat(expected), pd.concat(y_true)


def model_params(model: ValueModel) -> dict[str, Any]:
    """Return settings and learned parameters under flat names, those of nested models with their prefix."""
    settings = {
        name: value
        for name, value in model.get_params(deep=True).items()
        if value is None or isinstance(value, (bool, int, float, str))
    }
    learned = {
        f"{attribute.removesuffix('_')}.{symbol}": value
        for attribute, fitted in vars(model).items()
        for symbol, value in getattr(fitted, "params_", {}).items()
    }
    return settings | learned


def summary_metrics(cleaned: Cleaned, result: WindowResult) -> dict[str, float]:
    """Return the counts of a training: lines, customers, and training rows."""
    return {
        "rows_in_log": len(cleaned.log),
        "rows_quarantined": len(cleaned.quarantine),
        "customers_at_cutoff": len(result.y_true),
        "training_rows": len(result.training.X),
        "training_origins": len(result.training.origins),
    }


def data_tags(span: tuple[pd.Timestamp, pd.Timestamp], info: Any, settings: Train) -> dict[str, str]:
    """Return as tags of a version what the registered model was fitted on, its currency, and what was protected."""
    first, last = span
    protected = tables_of(settings).protected
    card = info.metadata
    return {
        "model": str(card["model"]),
        "log_start": f"{first:%Y-%m-%d}",
        "log_end": f"{last:%Y-%m-%d}",
        "fitted_until": str(card["cutoff"]),
        "customers": str(card["customers"]),
        "features": str(len(card["features"])),
        "feature_version": str(card["feature_version"]),
        **({CURRENCY_TAG: settings.currency} if settings.currency else {}),
        **({PROTECTED_TAG: json.dumps(protected)} if protected else {}),
    }


def describe_candidate(result: WindowResult, name: str) -> str:
    """Return the description of a candidate's run in MLflow."""
    window, scores = result.window, result.scores.loc[name]
    return (
        f"`{name}`, fitted before {window.cutoff:%Y-%m-%d} and tested on the {window.horizon} days from "
        f"then: Gini {scores['gini']:.3f}, bias of the total {scores['bias']:+.1%}. Earlier windows are "
        "nested below this run; the figures are in `figures.html`."
    )


def describe_training(verdict: Verdict, version: int) -> str:
    """Return the description of a training's run in MLflow."""
    return (
        f"Champion: **{verdict.champion}**, refitted to the end of the log and registered as version {version}. "
        f"Reason: {verdict.reason}. Read `report.html` or `model_card.md` among the artifacts."
    )


def score_tags(result: WindowResult, name: str, several: ByHorizon | None = None) -> dict[str, str]:
    """Return the champion's metrics on the test window, and at each horizon, as tags of its version.

    One of them states whether it ranks customers better than chance.
    """
    scores = result.scores.loc[name].dropna().to_dict() | judge_test(result, name)
    scores = {f"test_{metric}": value for metric, value in scores.items()}
    measured = {metric: f"{value:.6g}" for metric, value in {**scores, **metrics_by_horizon(several)}.items()}
    return {**measured, BEATS_CHANCE: "yes" if beats_chance(result, name) else "no"}
