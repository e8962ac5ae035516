"""Where there is nothing to learn, nothing is found, and the tool says so."""

import importlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import clean, simulate
from cltv_ml.evaluation.backtest import judge
from cltv_ml.evaluation.choice import choose, doubt_order
from cltv_ml.evaluation.compare import compare_pair
from cltv_ml.models import Ensemble, Hybrid, ParetoNBD, ProbabilisticValue, SameRate, Tweedie
from cltv_ml.windows import Window

FEATURES = ["frequency", "recency", "T", "monetary_value", "days_since_last", "orders_90d", "spend_90d"]
WINDOW = Window("2022-12-01", 91)


def models():
    single = [
        ProbabilisticValue(ParetoNBD(), horizon=91),
        Tweedie(91, n_estimators=40),
        Hybrid(91, n_estimators=40),
    ]
    return [SameRate(91), *single, Ensemble(91, members=single)]


@pytest.fixture(scope="module")
def shuffled():
    """A shop judged by models that were taught what other customers of the same origin then spent."""
    log = clean(simulate(1_500, days=500, seed=5).log).log
    backtest = importlib.import_module("cltv_ml.evaluation.backtest")  # the room has a function of that name
    prepare, rng = backtest.prepare, np.random.default_rng(7)

    def prepare_shuffled(*args, **options):
        training = prepare(*args, **options)
        wrong = training.y.groupby(level="cutoff").transform(lambda spent: rng.permutation(spent.to_numpy()))
        assert wrong.sum() == pytest.approx(training.y.sum())
        return replace(training, y=wrong)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backtest, "prepare", prepare_shuffled)
        return judge(log, WINDOW, models(), FEATURES)


@pytest.mark.parametrize("name", ["hybrid", "ensemble"])
def test_shuffled_labels_add_no_skill_to_what_needs_none(shuffled, name):
    known = shuffled.values["pareto_nbd_gamma_gamma"]
    gini = compare_pair(shuffled.y_true, known, shuffled.values[name]).loc["gini"]
    assert gini["better"] != "challenger"
    assert gini["difference"] < 0.02


def test_the_model_of_shuffled_labels_alone_has_no_skill(shuffled):
    gini = compare_pair(shuffled.y_true, np.ones(len(shuffled.y_true)), shuffled.values["tweedie"]).loc[
        "gini"
    ]
    assert shuffled.scores.at["pareto_nbd_gamma_gamma", "gini"] > 0.3
    assert gini["challenger"] < 0.1


def test_the_champion_of_shuffled_labels_is_no_better_than_the_probabilistic_model(shuffled):
    champion = choose(shuffled).champion
    known = shuffled.values["pareto_nbd_gamma_gamma"]
    assert (
        compare_pair(shuffled.y_true, known, shuffled.values[champion]).at["gini", "better"] != "challenger"
    )


@pytest.fixture(scope="module")
def alike():
    """Customers who all buy every 30 days on average and pay the same, so that only chance tells them apart."""
    rng = np.random.default_rng(3)
    parts = []
    for number in range(800):
        gaps = rng.exponential(30.0, 60)
        days = rng.uniform(0, 90) + np.r_[0.0, np.cumsum(gaps)]
        parts.append(pd.DataFrame({"customer_id": f"c{number}", "day": days[days < 500]}))
    log = pd.concat(parts)
    log["timestamp"] = pd.Timestamp("2022-01-01") + pd.to_timedelta(log.pop("day"), unit="D").dt.round("s")
    log = clean(log.assign(amount=20.0)).log
    return judge(
        log, WINDOW, [SameRate(91), ProbabilisticValue(horizon=91), Tweedie(91, n_estimators=40)], FEATURES
    )


def test_where_customers_are_all_alike_the_tool_says_that_nothing_was_learned(alike):
    (sentence,) = doubt_order(alike, choose(alike).champion)
    assert sentence.startswith("The champion is not shown to rank customers better than chance")


def test_where_customers_differ_nothing_is_said():
    log = clean(simulate(1_500, days=500, seed=5).log).log
    result = judge(log, WINDOW, [SameRate(91), ProbabilisticValue(ParetoNBD(), horizon=91)], FEATURES[:4])
    assert doubt_order(result, "pareto_nbd_gamma_gamma") == []


def test_a_naive_rule_that_orders_customers_as_well_is_named_and_nobody_is_called_alike(alike):
    spent = alike.y_true
    known = {name: table.assign(expected_value=spent + 1.0) for name, table in alike.predictions.items()}
    (sentence,) = doubt_order(replace(alike, predictions=known), "tweedie")
    assert "the rule that customers keep their own rates" in sentence
    assert "alike" not in sentence
