"""Models of this package at their defaults, and the champion chosen before the window began."""

import numpy as np
import pandas as pd

import cltv_ml
from cltv_ml.evaluation.choice import compare_shapes
from cltv_ml.evaluation.forecasts import forecast
from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.evaluation.panel import Training, prepare
from cltv_ml.features import default_features
from cltv_ml.models import MBGNBD, ZILN, ProbabilisticValue, Quantile, competitors
from experiments.benchmark.cases import Answer
from experiments.benchmark.peers.memory import peak_mb

#: Where nothing is labelled before the cutoff, nothing can be compared: the model most often right then.
WITHOUT_LABELS = "pareto_nbd_gamma_gamma"


def predict(case):
    """Return one answer per model; `champion` is the competitor that the written rule chose on earlier windows.

    The models are fitted by the function that `cltv train` uses, and the rule is that of `cltv train`.
    """
    features = default_features(list(case.log.columns))
    training = _training(case, features)
    level = forecast_level(case.log, case.window) if case.other_spend.empty else None
    forecasts = forecast(training, competitors(case.window.horizon, features), level=level)
    answers = {**_answers(forecasts), **_answers(forecast(training, _others(case, features), level=level))}
    chosen = WITHOUT_LABELS
    if forecasts.validation is not None:
        chosen = compare_shapes(list(forecasts.models.values()), forecasts.validation).verdict.champion
    best = answers[chosen]
    answers["champion"] = Answer(best.values, best.version, {"is": chosen}, best.seconds, best.memory_mb)
    return answers


def _training(case, features):
    """Return the training rows, including those of other customers' windows if these are known."""
    training = prepare(case.log, case.window, features)
    if case.other_spend.empty:
        return training
    learns = training.X.index.get_level_values("customer_id").isin(case.other_spend.index)
    latest = training.X_now.loc[case.other_spend.index]
    latest.index = pd.MultiIndex.from_product(
        [[case.window.cutoff], latest.index], names=training.X.index.names
    )
    X = pd.concat([training.X[learns], latest])
    y = pd.concat([training.y[learns], case.other_spend.set_axis(latest.index)])
    return Training(
        X, y, [case.window, *training.origins], training.X_now.loc[case.customers], case.window.cutoff
    )


def _others(case, features):
    """Return the families that do not compete in a training by default."""
    horizon = case.window.horizon
    labelled = [ZILN(horizon, features=features), Quantile(horizon, features=features)]
    return [ProbabilisticValue(MBGNBD(), horizon=horizon), *labelled]


def _answers(forecasts):
    return {
        name: _answer(model, forecasts.predictions[name]["expected_value"], forecasts.seconds[name])
        for name, model in forecasts.models.items()
    }


def _answer(model, values, seconds):
    plain = {
        name: value
        for name, value in model.get_params(deep=False).items()
        if name != "features" and (value is None or isinstance(value, (bool, int, float, str)))
    }
    note = "" if np.isfinite(values).all() else "some values are not finite"
    return Answer(values, f"cltv_ml {cltv_ml.__version__}", plain, seconds, peak_mb(), note)
