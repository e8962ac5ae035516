"""One small shop judged by three models, and its report, shared by the tests of this folder."""

import pandas as pd
import pytest

from cltv_ml.data import clean, simulate
from cltv_ml.evaluation.backtest import judge
from cltv_ml.evaluation.choice import choose
from cltv_ml.features import build_features
from cltv_ml.models import BGNBD, ParetoNBD, ProbabilisticValue, SameRate
from cltv_ml.reporting.sections import TrainingNotes
from cltv_ml.reporting.training_summary import Today, add_scores, predict_today, training_summary
from cltv_ml.windows import Window

SUMMARY = ["frequency", "recency", "T", "monetary_value"]


@pytest.fixture(scope="session")
def cleaned():
    return clean(simulate(500, days=400, seed=3).log)


@pytest.fixture(scope="session")
def judged(cleaned):
    models = [
        SameRate(91),
        ProbabilisticValue(BGNBD(), horizon=91),
        ProbabilisticValue(ParetoNBD(), horizon=91),
    ]
    return judge(cleaned.log, Window("2022-10-01", 91), models, [*SUMMARY, "spend_per_day"])


@pytest.fixture(scope="session")
def verdict(judged):
    return choose(judged)


@pytest.fixture(scope="session")
def today(cleaned, judged, verdict):
    X = build_features(cleaned.log, "2023-02-05", [*SUMMARY, "spend_per_day"])
    return predict_today(judged, judged.models[verdict.champion], X)


@pytest.fixture(scope="session")
def summary(cleaned, judged, verdict, today):
    before = judged.predictions[verdict.champion]
    found = training_summary(
        cleaned,
        judged,
        verdict,
        "a shop <with> odd & long names",
        TrainingNotes(["Read me first."], ["Tweedie could not be chosen."]),
        today=Today(today, (900.0, 1100.0)),
        currency="Kč",
    )
    return add_scores(found, today, before=before, lookup=20, currency="Kč")


@pytest.fixture(scope="session")
def plain(cleaned, judged, verdict):
    """Return the summary without anything optional."""
    summary = training_summary(cleaned, judged, verdict, "shop", TrainingNotes())
    assert pd.notna(summary["version"])
    return summary
