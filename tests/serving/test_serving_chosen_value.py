"""Served answers hold the value that is asked for, as `cltv lifetime` works it out."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.models.future_value import FutureValue
from cltv_ml.serving import chosen_value, requests
from cltv_ml.serving.chosen_value import Tail
from cltv_ml.serving.model_files import Card
from cltv_ml.serving.packaging import tier_cuts

FEATURES = ["frequency", "recency", "T", "monetary_value"]
LINES = pd.DataFrame(
    [
        ["ann", "2026-01-03", 10.0],
        ["ann", "2026-03-09", 14.5],
        ["bob", "2026-02-01", 5.0],
        ["bob", "2026-07-01", 90.0],
    ],
    columns=["customer_id", "timestamp", "amount"],
)


@pytest.fixture(scope="module")
def tail(X, fitted):
    return Tail(FutureValue(30).fit(X, pd.Series(fitted.predict(X), X.index)), 1826)


@pytest.fixture
def served(X, fitted):
    def load(kind, tail):
        """Return a model as a server has loaded it."""
        model = kind()
        model.model, model.version, model.tail = fitted, "1", tail
        model.card = Card("bg_nbd", 30, "2026-05-01", FEATURES, "", tier_cuts(fitted.predict(X)), 200, "shop")
        return model

    return load


def test_remaining_value_is_that_of_the_tail_and_grows_with_the_end(X, tail, served):
    model = served(requests.ServedModel, tail)
    answers = {end: model.predict(None, X, {"value": "remaining", "end": end}) for end in (0.0, 60.0, 3650.0)}
    values = pd.Series(model.model.predict(X), X.index)
    assert answers[0.0]["remaining_value"].to_numpy() == pytest.approx(
        tail.model.predict(X, values, [1826])[1826]
    )
    assert (answers[60.0]["remaining_value"] > answers[60.0]["expected_value"]).all()
    assert (answers[3650.0]["remaining_value"] > answers[0.0]["remaining_value"]).all()


def test_the_value_of_several_horizons_continues_from_the_longest_whichever_models_were_compared_over(
    X, fitted
):
    month = pd.Series(fitted.predict(X), X.index)
    table = pd.DataFrame(
        {"expected_value": month, "expected_value_30d": month, "expected_value_91d": 3 * month}
    )
    several = SimpleNamespace(predict_table=lambda _: table)
    tail = Tail(FutureValue(91).fit(X, 3 * month), 1826)
    found = chosen_value.compute_remaining(tail, several, X, None, None)["value"]
    assert found.to_numpy() == pytest.approx(tail.model.predict(X, 3 * month, [1826])[1826].to_numpy())


def test_a_horizon_beyond_the_training_is_the_remaining_value_until_then(X, tail, served):
    model = served(requests.ServedModel, tail)
    later = model.predict(None, X, {"horizon": 400.0})
    ahead = model.predict(None, X, {"value": "remaining", "end": 400.0})
    assert later["expected_value"].to_numpy() == pytest.approx(ahead["remaining_value"].to_numpy())
    assert list(later["tier"]) == list(ahead["tier"])


def test_bounds_of_a_customer_are_those_of_the_batch_whoever_else_is_asked_for(X, tail, served):
    model = served(requests.ServedModel, tail)
    batch = model.predict(None, X, {"value": "remaining"})
    ends = ["remaining_value_lower", "remaining_value_upper"]
    alone = pd.concat([model.predict(None, X.iloc[[row]], {"value": "remaining"}) for row in (0, 120)])
    assert alone[ends].to_numpy() == pytest.approx(batch[ends].iloc[[0, 120]].to_numpy())
    value = batch["remaining_value"].set_axis(X.index)
    assert batch[ends].to_numpy() == pytest.approx(tail.model.interval(X, value, 1826).to_numpy())


def test_bounds_follow_margin_and_what_was_spent(X, tail, served):
    model, some = served(requests.ServedModel, tail), X.head(5)
    plain = model.predict(None, some, {"value": "remaining"})
    params = {"value": "lifetime", "basis": "profit", "margin": 0.5}
    whole = model.predict(None, some.assign(value_to_date=8.0), params)
    for end in ("lower", "upper"):
        expected = (plain[f"remaining_value_{end}"] + 8.0) / 2
        assert whole[f"lifetime_profit_{end}"].to_numpy() == pytest.approx(expected.to_numpy())


def test_a_tail_stored_without_the_spread_of_its_level_answers_without_bounds(X, tail, served, tmp_path):
    chosen_value.write_tail(tail, tmp_path)
    stored = json.loads((tmp_path / "tail.json").read_text(encoding="utf-8"))
    del stored["state"]["learned"]["spread_"]  # as version 0.1.0 wrote it
    (tmp_path / "tail.json").write_text(json.dumps(stored), encoding="utf-8")
    old = served(requests.ServedModel, chosen_value.read_tail(tmp_path))
    table = old.predict(None, X.head(3), {"value": "remaining"})
    assert (table["remaining_value"] > 0).all()
    assert not [name for name in table if name.startswith("remaining_value_")]


def test_profit_is_the_margins_share_and_leaves_revenue_as_it_is(X, tail, served):
    model = served(requests.ServedModel, tail)
    plain = model.predict(None, X, {"value": "remaining"})
    params = {"basis": "profit", "margin": 0.25}
    within, ahead = (model.predict(None, X, {**params, "value": value}) for value in ("horizon", "remaining"))
    assert ahead["remaining_profit"].to_numpy() == pytest.approx(plain["remaining_value"] / 4)
    assert within["expected_profit"].to_numpy() == pytest.approx(plain["expected_value"] / 4)
    assert list(within["expected_value"]) == list(plain["expected_value"])
    assert list(within["tier"]) == list(plain["tier"])


def test_a_lifetime_adds_what_the_request_says_was_spent(X, tail, served):
    model = served(requests.ServedModel, tail)
    ahead = model.predict(None, X, {"value": "remaining"})["remaining_value"]
    whole = model.predict(None, X.assign(value_to_date=7.0), {"value": "lifetime"})["lifetime_value"]
    assert (whole - ahead).to_numpy() == pytest.approx(7.0)


def test_from_transactions_what_was_spent_before_the_day_is_counted(X, tail, served):
    model = served(requests.ServedOnTransactions, tail)
    answers = [
        model.predict(None, LINES, {"as_of": "2026-05-01", "value": value})
        for value in ("remaining", "lifetime")
    ]
    past = answers[1]["lifetime_value"].astype(float) - answers[0]["remaining_value"].astype(float)
    assert dict(zip(answers[0]["customer_id"], past, strict=True)) == pytest.approx({"ann": 24.5, "bob": 5.0})


def test_what_cannot_be_answered_is_one_sentence(X, tail, served):
    refused = {
        "Unknown value 'forever'. Available: horizon, remaining, lifetime.": {"value": "forever"},
        "Unknown basis 'cash'. Available: revenue, profit.": {"basis": "cash"},
        "basis 'profit' needs margin": {"basis": "profit", "margin": 1.0},
        "send it in the column value_to_date": {"value": "lifetime"},
        "must lie beyond the model's horizon of 30 days": {"value": "remaining", "end": 20.0},
        "write 0.1 if you mean 10%": {"value": "remaining", "discount_rate": 10.0},
    }
    model = served(requests.ServedModel, tail)
    for words, params in refused.items():
        with pytest.raises(requests.Refusal) as error:
            model.predict(None, X, params)
        assert words in str(error.value)
    with pytest.raises(
        requests.Refusal, match="trained by an earlier cltv_ml, or on customers of whom none bought"
    ):
        served(requests.ServedModel, None).predict(None, X, {"value": "remaining"})


def test_what_was_spent_must_be_a_number_that_a_shop_can_have(X, tail, served):
    model = served(requests.ServedModel, tail)
    for value, words in (
        (np.inf, "contains an infinite value"),
        (1e300, "beyond 1e+15"),
        ("much", "not numbers"),
    ):
        with pytest.raises(requests.Refusal) as error:
            model.predict(None, X.assign(value_to_date=value), {"value": "lifetime"})
        assert "'value_to_date'" in str(error.value)
        assert words in str(error.value)


def test_a_log_without_dropout_is_followed_for_its_length_unless_a_request_states_the_end(X, tail, served):
    capped, free = (served(requests.ServedModel, Tail(tail.model, end)) for end in (400, 1826))
    answers = [
        model.predict(None, X, {"value": "remaining", "end": end})["remaining_value"]
        for model, end in ((capped, 0.0), (free, 400.0), (capped, 900.0), (free, 900.0))
    ]
    assert list(answers[0]) == list(answers[1])
    assert list(answers[2]) == list(answers[3])
    assert (answers[2] > answers[0]).all()


def test_a_tail_is_read_as_it_was_written_and_a_damaged_one_is_a_sentence(X, tail, tmp_path):
    values = pd.Series(1.0, X.index)
    assert chosen_value.read_tail(tmp_path) is None
    chosen_value.write_tail(tail, tmp_path)
    again = chosen_value.read_tail(tmp_path)
    assert again.end == 1826
    assert (
        again.model.predict(X, values, [400])[400].tolist()
        == tail.model.predict(X, values, [400])[400].tolist()
    )
    for damage in ("", "[]", json.dumps({"end": 1, "most": None, "state": {"class": "Evil"}})):
        (tmp_path / "tail.json").write_text(damage, encoding="utf-8")
        with pytest.raises(InputError):
            chosen_value.read_tail(tmp_path)
