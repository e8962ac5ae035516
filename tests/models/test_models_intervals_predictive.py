"""Predictive intervals: does what simulated customers then did lie where a model fitted to them said."""

import copy

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import BGNBD, MBGNBD, ParetoNBD, ProbabilisticValue, predict_total_interval

AHEAD = 60
TRUTH = {
    BGNBD: {"r": 4.0, "alpha": 6.0, "a": 0.5, "b": 12.0},
    MBGNBD: {"r": 4.0, "alpha": 6.0, "a": 0.5, "b": 12.0},
    ParetoNBD: {"r": 3.0, "alpha": 4.0, "s": 0.8, "beta": 200.0},
}
#: The published estimates of CDNOW in days, where three customers in five never come back.
CDNOW = {
    BGNBD: {"r": 0.243, "alpha": 30.9, "a": 0.793, "b": 2.426},
    MBGNBD: {"r": 0.525, "alpha": 43.3, "a": 0.891, "b": 1.614},
    ParetoNBD: {"r": 0.553, "alpha": 74.0, "s": 0.606, "beta": 81.7},
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


def covered(outcome, interval):
    """Which outcomes lie between the two ends."""
    lower, upper = interval.to_numpy().T
    return (outcome >= lower) & (outcome <= upper)


def undecided(model, customers):
    """Who does not surely buy nothing: where exact coverage is possible."""
    return model.purchases_.p_no_purchase(customers, AHEAD) < 0.9


def test_a_90_percent_value_interval_covers_88_to_92_percent(case):
    model, customers, spent = case
    interval = model.predict_interval(customers, 0.9)
    assert 0.88 <= covered(spent, interval)[undecided(model, customers)].mean() <= 0.92


def test_a_90_percent_purchase_interval_covers_88_to_92_percent(case):
    model, customers, _ = case
    interval = model.purchases_.predict_interval(customers, AHEAD, 0.9)
    later = customers["purchases"].to_numpy()
    assert 0.88 <= covered(later, interval)[undecided(model, customers)].mean() <= 0.92


def test_intervals_are_at_the_level_of_the_values(case):
    model, customers, _ = case
    few = customers.head(50)
    brought = copy.copy(model).bring_to(3 * model.predict(few).sum(), few)
    assert brought.predict_interval(few).to_numpy() == pytest.approx(
        3 * model.predict_interval(few).to_numpy()
    )
    total = predict_total_interval(model, few, size=100)
    assert predict_total_interval(brought, few, size=100) == pytest.approx([3 * end for end in total])


@pytest.fixture(scope="module", params=CDNOW)
def shop(request):
    """A whole population mostly of customers who buy nothing, fitted, and what each did in 39 weeks."""
    model, n = request.param, 3_000
    ages = np.random.default_rng(1).integers(189, 274, n).astype(float)
    customers = model().with_params(CDNOW[model]).simulate(n, ages, seed=2, horizon=273)
    return model().fit(customers), customers


def test_a_90_percent_interval_covers_88_to_92_percent_of_a_whole_population_of_rare_buyers(shop):
    model, customers = shop
    interval = model.predict_interval(customers, 273, 0.9)
    assert 0.88 <= covered(customers["purchases"].to_numpy(), interval).mean() <= 0.92


def test_who_almost_surely_buys_nothing_gets_zero_alone(shop):
    model, customers = shop
    lost = customers[model.p_no_purchase(customers, 273) > 0.95]
    assert len(lost) > 10
    assert (model.predict_interval(lost, 273, 0.9).to_numpy() == 0).all()


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
    with pytest.raises(ValueError, match=r"coverage must be between 0 and 1, got 90"):
        model.predict_interval(customers, 90)
