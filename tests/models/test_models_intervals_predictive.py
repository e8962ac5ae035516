"""Predictive intervals: does what simulated customers then did lie where a model fitted to them said."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import BGNBD, MBGNBD, ParetoNBD, ProbabilisticValue

AHEAD = 60
TRUTH = {
    BGNBD: {"r": 4.0, "alpha": 6.0, "a": 0.5, "b": 12.0},
    MBGNBD: {"r": 4.0, "alpha": 6.0, "a": 0.5, "b": 12.0},
    ParetoNBD: {"r": 3.0, "alpha": 4.0, "s": 0.8, "beta": 200.0},
}


@pytest.fixture(scope="module", params=TRUTH)
def case(request):
    model, n = request.param, 1_500
    customers = model().with_params(TRUTH[model]).simulate(n, 100.0, seed=3, horizon=AHEAD)
    rng = np.random.default_rng(4)
    rate = rng.gamma(3.0, 1 / 12.0, n)
    bought = customers["frequency"].clip(lower=1)
    mean = rng.gamma(4.0 * bought) / rate / bought
    customers["monetary_value"] = np.where(customers["frequency"] > 0, mean, 0.0)
    later = customers["purchases"]
    spent = np.where(later > 0, rng.gamma(4.0 * later.clip(lower=1)) / rate, 0.0)
    return ProbabilisticValue(model(), horizon=AHEAD).fit(customers), customers, spent


def undecided(model, customers):
    """Whether neither end of the interval is settled by zero alone: where exact coverage is possible."""
    return model.purchases_.p_no_purchase(customers, AHEAD) < 0.85


def test_a_90_percent_value_interval_covers_88_to_92_percent(case):
    model, customers, spent = case
    interval = model.predict_interval(customers, 0.9)
    covered = (spent >= interval["value_lower"]) & (spent <= interval["value_upper"])
    assert 0.88 <= covered[undecided(model, customers)].mean() <= 0.92


def test_a_90_percent_purchase_interval_covers_88_to_92_percent(case):
    model, customers, _ = case
    interval = model.purchases_.predict_interval(customers, AHEAD, 0.9)
    later = customers["purchases"]
    covered = (later >= interval["purchases_lower"]) & (later <= interval["purchases_upper"])
    assert 0.88 <= covered[undecided(model, customers)].mean() <= 0.92


def test_an_interval_is_around_the_forecast_of_active_customers(case):
    model, customers, _ = case
    active = customers[model.purchases_.p_no_purchase(customers, AHEAD) < 0.05].head(50)
    interval = model.predict_interval(active)
    forecast = model.predict(active)
    assert ((interval["value_lower"] < forecast) & (forecast < interval["value_upper"])).all()


def test_uncertain_parameters_widen_the_interval_of_newcomers(case):
    model, customers, _ = case
    unsure = type(model.purchases_)().fit(customers.head(25))
    newcomer = pd.DataFrame({"frequency": [0.0], "recency": [0.0], "T": [0.1]})
    wide = unsure.predict_interval(newcomer, AHEAD, size=20_000)
    unsure.covariance_ = np.zeros((4, 4))
    narrow = unsure.predict_interval(newcomer, AHEAD, size=20_000)
    assert wide["purchases_upper"][0] > narrow["purchases_upper"][0]


def test_intervals_repeat_with_their_seed(case):
    model, customers, _ = case
    first, again = (model.predict_interval(customers.head(20), seed=7) for _ in range(2))
    assert first.equals(again)


def test_an_impossible_coverage_is_refused(case):
    model, customers, _ = case
    with pytest.raises(ValueError, match=r"coverage must lie between 0 and 1, got 90"):
        model.predict_interval(customers, 90)
