"""Every model of ours at its defaults, and the one that was chosen before the window began."""

import time

import numpy as np
import pandas as pd

import cltv_ml
from cltv_ml.evaluation.choice import choose_unseen
from cltv_ml.evaluation.panel import Training, fit, prepare
from cltv_ml.evaluation.validation import can_validate, validate
from cltv_ml.features import default_features
from cltv_ml.models import MBGNBD, ZILN, ProbabilisticValue, Quantile, competitors
from experiments.benchmark.cases import Answer
from experiments.benchmark.peers.memory import peak_mb

#: Where nothing is labelled before the cutoff, nothing can be compared: the model most often right then.
WITHOUT_LABELS = "pareto_nbd_gamma_gamma"


def predict(case):
    """Return one answer per model; `champion` is the competitor that the written rule chose on earlier windows."""
    features = default_features(list(case.log.columns))
    training = _training(case, features)
    models = _competing(case, features, training)
    seen = validate(models, training) if _can(training) else None
    answers = {}
    for model in [*models, *_others(case, features, training)]:
        started = time.perf_counter()
        values = fit(model, training).predict(training.X_now)
        answers[model.name] = _answer(model, pd.Series(values, training.X_now.index), started)
    chosen = WITHOUT_LABELS if seen is None else choose_unseen(models, seen).champion
    best = answers[chosen]
    answers["champion"] = Answer(best.values, best.version, {"is": chosen}, best.seconds, best.memory_mb)
    return answers


def _training(case, features):
    """Return what may be learned from; where other customers' window is known, their rows of it too."""
    training = prepare(case.log, case.window, features)
    if case.known.empty:
        return training
    learns = training.X.index.get_level_values("customer_id").isin(case.known.index)
    latest = training.X_now.loc[case.known.index]
    latest.index = pd.MultiIndex.from_product(
        [[case.window.cutoff], latest.index], names=training.X.index.names
    )
    X = pd.concat([training.X[learns], latest])
    y = pd.concat([training.y[learns], case.known.set_axis(latest.index)])
    return Training(X, y, [case.window, *training.origins], training.X_now.loc[case.ask], case.window.cutoff)


def _competing(case, features, training):
    return [
        model for model in competitors(case.window.horizon, features)
        if (_can(training) if model.components() else training.origins or not model.needs_labels)
    ]  # fmt: skip


def _others(case, features, training):
    """Return the families that do not compete in a training by default."""
    horizon = case.window.horizon
    labelled = [ZILN(horizon, features=features), Quantile(horizon, features=features)]
    return [ProbabilisticValue(MBGNBD(), horizon=horizon), *(labelled if training.origins else [])]


def _can(training):
    return bool(training.origins) and can_validate(training)


def _answer(model, values, started):
    plain = {
        name: value for name, value in model.get_params(deep=False).items()
        if name != "features" and (value is None or isinstance(value, (bool, int, float, str)))
    }  # fmt: skip
    return Answer(
        values,
        f"cltv_ml {cltv_ml.__version__}",
        plain,
        time.perf_counter() - started,
        peak_mb(),
        "" if np.isfinite(values).all() else "some values are not finite",
    )
