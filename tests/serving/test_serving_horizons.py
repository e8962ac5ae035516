"""A served model of several horizons answers for any of them, and its files keep them."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.models import BGNBD, Horizons, ProbabilisticValue, SameRate, Tweedie
from cltv_ml.serving.model_files import Card, load_files, write_files
from cltv_ml.serving.responses import AnswerTerms, answer

TIERS = {"low": 0.0, "medium": 5.0, "high": 20.0}
X = pd.DataFrame(
    {
        "frequency": [2.0, 0, 5, 1] * 10,
        "recency": [30.0, 0, 80, 5] * 10,
        "T": [90.0, 80, 90, 60] * 10,
        "monetary_value": [10.0, 0, 20, 15] * 10,
    }
)


@pytest.fixture(scope="module")
def model():
    spent = X["frequency"] * 10 + 1
    model = Tweedie(91, n_estimators=10, min_child_weight=1).fit(X, spent)
    return model.set_horizons(Horizons(91, [30, 91]).fit(X))


def test_the_horizon_of_a_request_may_be_any_of_the_models(model):
    own, asked = answer(model, TIERS, X), answer(model, TIERS, X, AnswerTerms(horizon=30))
    assert asked["expected_value"].tolist() == own["expected_value_30d"].tolist()
    assert asked["tier"].tolist() == own["tier"].tolist()


def test_a_horizon_that_it_does_not_know_is_refused_with_those_that_it_does(model):
    with pytest.raises(InputError, match="in 30, 91 days; send one of them"):
        answer(model, TIERS, X, AnswerTerms(horizon=60))


def test_values_of_other_horizons_of_a_probabilistic_model_lie_between_those_of_its_training():
    bg = ProbabilisticValue(BGNBD(), horizon=91).fit(X)
    values = bg.predict(X)
    totals = {30: 0.7 * values.sum(), 365: 1.5 * values.sum()}  # not what its own curve makes of 91 days
    bg.set_horizons(Horizons(91, [30, 91, 365]).fit(X).bring_to(totals, X, values))
    days = [10, 30, 60, 91, 200, 365, 600]
    asked = {day: answer(bg, TIERS, X, AnswerTerms(horizon=day))["expected_value"] for day in days}
    assert (np.diff(np.column_stack(list(asked.values())), axis=1) > 0).all()
    own = answer(bg, TIERS, X)
    for day in (30, 365):
        assert asked[day].tolist() == pytest.approx(own[f"expected_value_{day}d"].tolist())


def test_a_margin_multiplies_the_values_of_all_horizons(model):
    own, part = answer(model, TIERS, X), answer(model, TIERS, X, AnswerTerms(margin=0.5))
    for name in ("expected_value", "expected_value_30d", "expected_value_91d"):
        assert part[name].tolist() == pytest.approx((own[name] / 2).tolist())


def test_files_of_a_model_keep_its_horizons(model, tmp_path):
    card = Card("tweedie", 91, "2026-01-01", model.inputs, "v", TIERS, len(X), "shop", horizons=[30, 91])
    write_files(model, card, tmp_path)
    again, kept = load_files(tmp_path)
    pd.testing.assert_frame_equal(again.predict_table(X), model.predict_table(X), check_exact=True)
    assert kept.horizons == [30, 91]


def test_a_model_of_one_horizon_answers_with_todays_columns():
    one = answer(SameRate(91).fit(X), TIERS, X)
    assert list(one) == ["expected_value", "expected_purchases", "tier"]
