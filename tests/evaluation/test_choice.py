"""The champion is named before the test window is read."""

from dataclasses import replace

import pandas as pd
import pytest

from cltv_ml.data import clean, simulate
from cltv_ml.evaluation.backtest import judge
from cltv_ml.evaluation.bounds import is_within_bounds
from cltv_ml.evaluation.choice import choose
from cltv_ml.evaluation.metrics import Targeting, profit
from cltv_ml.evaluation.newcomers import newcomers_sentence
from cltv_ml.evaluation.shape import choose_shape
from cltv_ml.models import BGNBD, ProbabilisticValue, SameRate, Tweedie
from cltv_ml.windows import Window

SUMMARY = ["frequency", "recency", "T", "monetary_value", "spend_per_day"]


@pytest.fixture(scope="module")
def result():
    log = clean(simulate(400, days=500, seed=5).log).log
    models = [SameRate(91), ProbabilisticValue(BGNBD(), horizon=91), Tweedie(91, n_estimators=20)]
    return judge(log, Window("2022-12-01", 91), models, SUMMARY)


def with_scores(result, wanted):
    """Return the result as it would be had the test window gone another way."""
    results = result.results.copy()
    for (model, metric), value in wanted.items():
        results.loc[(results["model"] == model) & (results["metric"] == metric), "value"] = value
    return replace(result, results=results)


def test_the_test_window_does_not_change_the_choice(result):
    chosen = choose(result)
    perfect = {"bias": 0.0, "decile_mape": 0.0, "gini": 1.0}
    for model in result.models:
        other = with_scores(result, {(model, metric): value for metric, value in perfect.items()})
        assert other.scores["gini"].idxmax() == model
        assert choose(other).champion == chosen.champion
    assert "predicted out of fold" in chosen.reason


def test_the_test_window_says_whether_the_champion_keeps_the_bounds(result):
    name = choose(result).champion
    for bias, kept in ((0.01, True), (0.9, False)):
        other = with_scores(result, {(name, "bias"): bias, (name, "decile_mape"): 0.05})
        assert choose(other).within_bounds is kept
        assert is_within_bounds(other.scores.loc[name]) is kept


def test_another_model_is_named_for_newcomers_only_if_it_is_shown_to_rank_them_better(result, monkeypatch):
    monkeypatch.setattr("cltv_ml.evaluation.newcomers.DAYS", 400)
    name, table = "tweedie", result.predictions["tweedie"]
    spent = table.assign(expected_value=result.y_true)
    one = (result.y_true == result.y_true.max()).astype(float)
    alike = table.assign(expected_value=table["expected_value"] * (1 + 0.1 * one))
    for other, told in ((spent, "it ranks the "), (alike, "no other model is shown to rank the ")):
        both = replace(result, predictions={name: table, "other": other})
        assert told in newcomers_sentence(both, name)


def test_without_an_earlier_window_the_test_window_chooses_and_the_reason_says_so(result):
    alone = choose(replace(result, validation=None))
    assert alone.champion == choose_shape(result.values, result.y_true, list(result.models)).verdict.champion
    assert "slightly too good" in alone.reason


def test_with_a_campaign_the_model_that_knows_the_customers_contacted_is_chosen(result):
    latest = result.validation.cutoffs[0]
    truth = result.validation.y_true.loc[[latest]]
    place = truth.rank(method="first", ascending=False) / len(truth)
    # Both tell the right total and the right tenths: one knows the best twentieth, the other everybody below them.
    top = truth.where(place <= 0.05, truth[place > 0.05].mean())
    rest = truth.where(place > 0.1, truth[place <= 0.1].mean())
    same_rate, bg_nbd, tweedie = result.validation.predictions.columns
    predictions = pd.DataFrame({same_rate: truth.mean(), bg_nbd: rest, tweedie: top})
    known = replace(result, validation=replace(result.validation, predictions=predictions, y_true=truth))
    assert choose(known).champion == bg_nbd
    chosen = choose(known, Targeting(share=0.05, cost=1.0, margin=0.4))
    assert chosen.champion == tweedie
    assert f"profit {profit(truth, top, Targeting(0.05, 1.0, 0.4)):,.0f}" in chosen.reason


def test_a_campaign_to_more_than_everybody_is_refused():
    with pytest.raises(ValueError, match=r"share must be above 0 and at most 1 .*, got 20"):
        Targeting(share=20)
