"""Every purchase model of the catalogue gives answers that agree with each other and with simulation."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from cltv_ml.models import CATALOGUE
from cltv_ml.models.purchases import PurchaseModel

KNOWN = {
    "NBD": {"r": 0.6, "alpha": 8.0},
    "BGNBD": {"r": 0.8, "alpha": 5.0, "a": 0.9, "b": 2.5},
    "MBGNBD": {"r": 0.8, "alpha": 5.0, "a": 0.9, "b": 2.5},
    "ParetoNBD": {"r": 0.8, "alpha": 6.0, "s": 0.7, "beta": 15.0},
    "GGompertzNBD": {"r": 2.0, "alpha": 3.0, "b": 0.15, "s": 1.2, "beta": 8.0},
    "ParetoNBDCalendar": {
        "r": 0.8,
        "alpha": 6.0,
        "s": 0.7,
        "beta": 15.0,
        **{f"purchase:month_{month}": 0.3 if month in (1, 12) else -0.4 for month in range(1, 13)},
    },
    "ParetoGGG": {"t": 6.0, "gamma": 2.0, "r": 1.2, "alpha": 6.0, "s": 0.7, "beta": 15.0},
    "ParetoNBDSarmanov": {"r": 1.5, "alpha": 6.0, "s": 1.2, "beta": 15.0, "w": 5.0},
    "ParetoNBDAbe": {"lambda": 0.12, "mu": 0.04, "sigma_lambda": 1.1, "sigma_mu": 1.2, "w": 1.5},
    "MBGCNBD": {"r": 1.2, "alpha": 2.0, "a": 0.8, "b": 2.5},
    "BGBB": {"alpha": 1.2, "beta": 0.9, "gamma": 0.8, "delta": 3.0},
    "SBG": {"alpha": 0.7, "beta": 2.0},
    "BdW": {"gamma": 0.7, "delta": 2.0, "c": 1.3},
}
SETTINGS = {"MBGCNBD": {"k": 3}}
COSTLY = ("ParetoGGG", "ParetoNBDAbe")
MODELS = [
    pytest.param(name, marks=[pytest.mark.long] * (name in COSTLY))
    for name, model in CATALOGUE.items()
    if issubclass(model, PurchaseModel)
]
AGE, AHEAD = 30, 20
MOST = 120  # purchases ahead


@pytest.fixture(scope="module", params=MODELS)
def known(request):
    return CATALOGUE[request.param](**SETTINGS.get(request.param, {})).with_params(KNOWN[request.param])


@pytest.fixture(scope="module")
def customers(known):
    return known.simulate(1_000 if type(known).__name__ in COSTLY else 8_000, AGE, seed=5, horizon=AHEAD)


@pytest.fixture(scope="module")
def few(customers):
    """A handful of different histories."""
    return customers.drop_duplicates(list(customers.columns[:2])).head(6)


def test_probabilities_of_n_purchases_sum_to_one(known, few):
    total = sum(known.purchase_pmf(few, n, AHEAD) for n in range(MOST))
    assert total == pytest.approx(np.ones(len(few)), abs=1e-6)


def test_mean_of_the_probabilities_is_the_expectation(known, few):
    mean = sum(n * known.purchase_pmf(few, n, AHEAD) for n in range(MOST))
    assert mean == pytest.approx(known.expected_purchases(few, AHEAD), rel=3e-4)


def test_samples_have_the_probabilities(known, few):
    draws = known.sample(few, AHEAD, 10_000, seed=1)
    for n in (0, 1, 2):
        expected = known.purchase_pmf(few, n, AHEAD)
        assert (draws == n).mean(axis=1) == pytest.approx(expected, abs=0.02)


def test_samples_repeat_with_their_seed(known, few):
    first, again = (known.sample(few, AHEAD, 50, seed=3) for _ in range(2))
    assert (first == again).all()
    assert (first != known.sample(few, AHEAD, 50, seed=4)).any()


def test_simulated_customers_do_as_forecast(known, customers):
    forecast = known.expected_purchases(customers, AHEAD)
    noise = np.std(customers["purchases"] - forecast) / np.sqrt(len(customers))
    assert abs(customers["purchases"].mean() - forecast.mean()) < 4 * noise + 1e-9


def test_simulated_customers_are_alive_as_said(known, customers):
    assert customers["alive"].mean() == pytest.approx(known.p_alive(customers).mean(), abs=0.02)


def test_new_customers_buy_as_simulated(known):
    young = known.simulate(8_000, AHEAD, seed=6)
    if "frequency" in young:
        assert young["frequency"].mean() == pytest.approx(
            known.expected_new_customer_purchases(AHEAD), rel=0.05
        )
    assert 0 <= known.new_customer_pmf(0, AHEAD) <= 1


def test_own_parameters_are_recovered(known, customers):
    fitted = clone(known).fit(customers)
    assert fitted.convergence_["verdict"] == "converged"
    for name in known.param_names:
        error = abs(fitted.params_[name] - known.params_[name])
        assert error < 4 * fitted.standard_errors_[name]


def test_alive_later_is_less_likely_than_now(known, few):
    now, soon, late = (known.p_alive(few, t) for t in (0, 5, 50))
    assert (soon <= now + 1e-12).all()
    assert (late <= soon + 1e-12).all()


def test_discounting_at_rate_zero_changes_nothing(known, few):
    expected = known.expected_purchases(few, AHEAD)
    assert known.discounted_expected_purchases(few, AHEAD, 0.0) == pytest.approx(expected)


def test_each_purchase_is_discounted_from_its_own_moment(known, few):
    rate, times = 0.05, np.arange(AHEAD + 1) if known.discrete else np.linspace(0, AHEAD, 201)
    purchases = np.array([known.expected_purchases(few, t) for t in times])
    moment = times[1:] if known.discrete else (times[1:] + times[:-1]) / 2
    slow = np.exp(-rate * moment) @ np.diff(purchases, axis=0)
    assert known.discounted_expected_purchases(few, AHEAD, rate) == pytest.approx(slow, rel=1e-3)


def test_next_purchase_comes_within_the_time_asked(known, few):
    wait = known.expected_next_purchase(few, AHEAD)
    assert ((wait > 0) & (wait <= AHEAD)).all()


@pytest.mark.parametrize("days", [91.0, 365.0, 3650.0])
def test_next_purchase_of_heavy_buyers_is_hours_away(days):
    model = CATALOGUE["NBD"]().with_params({"r": 0.55, "alpha": 10.6})
    X = pd.DataFrame({"frequency": [3.0, 50, 364, 3000], "recency": [300.0, 350, 364, 364], "T": 364.0})
    r, alpha = 0.55 + X["frequency"], 10.6 + X["T"]
    last = (1 + days / alpha) ** -r
    area = alpha / (r - 1) * (1 - (1 + days / alpha) ** (1 - r)) - days * last  # of (1 + u / alpha)^-r - last
    assert model.expected_next_purchase(X, days) == pytest.approx(area / (1 - last), rel=1e-3)


def test_answers_follow_the_rows(known, few):
    mixed = few.iloc[::-1]
    assert (known.expected_purchases(mixed, 5)[::-1] == known.expected_purchases(few, 5)).all()


def test_a_new_customer_is_one_without_a_history(known):
    new = pd.DataFrame({column: [1.0 if known.name in ("sbg", "bdw") else 0.0] for column in known.columns})
    new = new.assign(cutoff_day=18_262.0, log_gaps=0.0)
    assert known.expected_purchases(new, AHEAD) == pytest.approx(known.expected_new_customer_purchases(AHEAD))
    for n in (0, 2):
        assert known.purchase_pmf(new, n, AHEAD) == pytest.approx(known.new_customer_pmf(n, AHEAD))
    assert 0 < known.expected_next_purchase(new, AHEAD)[0] < AHEAD


def test_an_impossible_time_is_refused(known, few):
    for impossible in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="t must be"):
            known.expected_purchases(few, impossible)


def test_another_unit_is_refused(known, few):
    weekly = few.copy()
    weekly.attrs["time_unit"] = "weeks"
    with pytest.raises(ValueError, match="the model uses days, the table weeks"):
        known.expected_purchases(weekly, 5)


def test_recency_after_T_is_refused():
    X = pd.DataFrame({"frequency": [1.0], "recency": [5.0], "T": [4.0]})
    with pytest.raises(ValueError, match="recency is the age at the last purchase and cannot exceed T"):
        CATALOGUE["BGNBD"]().fit(X)


def test_alive_and_expected_together_are_each_alone(known, few):
    alive, expected = known.alive_and_expected(few, AHEAD)
    assert alive.tolist() == known.p_alive(few).tolist()
    assert expected.tolist() == known.expected_purchases(few, AHEAD).tolist()


def test_expected_purchases_by_length_are_each_alone(known, few):
    by_length = known.expected_by_length(few, [AHEAD, 2 * AHEAD])
    for length, expected in by_length.items():
        assert expected.tolist() == known.expected_purchases(few, length).tolist()
