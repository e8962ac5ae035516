"""Every model that `cltv train` lets compete, at its defaults, and the one chosen before the window began."""

import resource
import time

import numpy as np
import pandas as pd

import cltv_ml
from cltv_ml.evaluation.compare import choose_champion
from cltv_ml.evaluation.metrics import METRICS
from cltv_ml.evaluation.panel import Training, fit, prepare
from cltv_ml.evaluation.validation import can_validate, validate
from cltv_ml.features import build_features, default_features
from cltv_ml.models import competitors
from experiments.benchmark.cases import Answer

#: Where nothing is labelled before the cutoff, nothing can be compared: the model most often right then.
WITHOUT_LABELS = "pareto_nbd_gamma_gamma"


def predict(case):
    """Return one answer per model; `champion` is the one that the written rule chose on earlier windows."""
    features = default_features(list(case.log.columns))
    training = _training(case, features)
    models = [
        model for model in competitors(case.window.horizon, features)
        if training.origins or not model.needs_labels
    ]  # fmt: skip
    answers = {}
    for model in models:
        started = time.perf_counter()
        values = fit(model, training).predict(training.X_now)
        answers[model.name] = _answer(model, pd.Series(values, training.X_now.index), started)
    chosen = _choose(models, training)
    best = answers[chosen]
    answers["champion"] = Answer(best.values, best.version, {"is": chosen}, best.seconds, best.memory_mb)
    return answers


def _training(case, features):
    if case.known.empty:
        return prepare(case.log, case.window, features)
    X = build_features(case.log, [case.window.cutoff], names=features)
    customers = X.index.get_level_values("customer_id")
    learn = X[customers.isin(case.known.index)]
    y = case.known.reindex(learn.index.get_level_values("customer_id")).set_axis(learn.index)
    ask = X[customers.isin(case.ask)].droplevel("cutoff")
    return Training(learn, y, [case.window], ask, case.window.cutoff)


def _choose(models, training):
    if not training.origins or not can_validate(training):
        return WITHOUT_LABELS
    seen = validate(models, training)
    scores = {
        name: {metric: METRICS[metric].function(seen.y_true, seen.predictions[name]) for metric in METRICS}
        for name in seen.predictions
    }
    return choose_champion(pd.DataFrame.from_dict(scores, orient="index")).champion


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
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "" if np.isfinite(values).all() else "some values are not finite",
    )
