import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime

from cltv_ml.models import BGNBD, ParetoNBD, likelihood
from cltv_ml.models.purchase_history import build_rows


@pytest.mark.parametrize("model", [BGNBD, ParetoNBD])
def test_gradients_are_exact(model):
    x = np.array([0.0, 0, 1, 3, 12, 40])
    T = np.array([0.5, 1, 1, 1.2, 1.2, 1.5])
    tx = np.array([0.0, 0, 0.2, 1.2, 0.7, 1.45])
    nothing = np.zeros((6, 0))
    objective = model()._objective(build_rows(x, tx, T, np.arange(1.0, 7), nothing, nothing))
    theta = np.log([0.6, 0.3, 0.8, 1.7])
    numeric = approx_fprime(theta, lambda at: objective(at)[0], 1e-7)
    assert objective(theta)[1] == pytest.approx(numeric, abs=1e-5)


@pytest.mark.parametrize("model", [BGNBD, ParetoNBD])
def test_weights_count_as_repeated_rows(model):
    rng = np.random.default_rng(3)
    T = rng.integers(30, 90, 200).astype(float)
    x = rng.poisson(1.0, 200).astype(float)
    X = pd.DataFrame({"frequency": x, "recency": np.where(x > 0, np.floor(T * 0.7), 0), "T": T})
    times = rng.integers(1, 4, 200)
    weighted = model().fit(X, weights=times)
    repeated = model().fit(X.loc[X.index.repeat(times)])
    assert weighted.params_ == pytest.approx(repeated.params_, rel=1e-6)
    assert weighted.log_likelihood_ == pytest.approx(repeated.log_likelihood_, rel=1e-12)


def test_a_large_population_without_a_clear_peak_ends_where_climbing_it_whole_would(monkeypatch):
    rng = np.random.default_rng(4)
    T = rng.uniform(100, 900, 10_000)
    frequency = rng.poisson(rng.gamma(3.0, 1 / 600, len(T)) * T)  # nobody ever leaves
    recency = np.where(frequency > 0, T * rng.beta(np.maximum(frequency, 1), 1), 0.0)
    X = pd.DataFrame({"frequency": frequency.astype(float), "recency": recency, "T": T})
    sampled = ParetoNBD().fit(X)
    monkeypatch.setattr(ParetoNBD, "samples", ())
    whole = ParetoNBD().fit(X)
    assert whole.convergence_["verdict"] != "converged"
    assert sampled.log_likelihood_ == pytest.approx(whole.log_likelihood_, abs=0.01)


def test_other_starts_are_climbed_on_the_sample(monkeypatch):
    """All were climbed on everybody wherever only everybody's likelihood had no clear peak: 167 computations."""
    rng = np.random.default_rng(11)
    T = rng.uniform(0.3, 1, 2_500)
    life, rate = rng.exponential(0.8, len(T)), rng.gamma(1.2, 3, len(T))  # one rate of dropout: no clear peak
    frequency = rng.poisson(rate * np.minimum(life, T)).astype(float)
    late = rng.random(len(T)) ** (1 / np.maximum(frequency, 1))
    recency = np.where(frequency > 0, np.minimum(life, T) * late, 0.0)
    X = pd.DataFrame({"frequency": frequency, "recency": recency, "T": T})
    whole, _ = _fit_counting(X)
    monkeypatch.setattr(ParetoNBD, "samples", (300,))
    sampled, computations = _fit_counting(X, larger_than=1_000)
    assert sampled == pytest.approx(whole, abs=1e-4)
    assert computations < 50


def test_a_start_that_stops_on_its_way_to_a_known_maximum_loses_nothing(monkeypatch):
    rng = np.random.default_rng(11)
    evaluated = {}
    for stops in (True, False):
        if not stops:
            monkeypatch.setattr("cltv_ml.models.likelihood._leads_to", lambda *_: False)
        evaluated[stops] = [_fit_counting(_population(*rng.uniform(-3, 3, 4), seed)) for seed in range(5)]
        rng = np.random.default_rng(11)
    early, whole = np.array(evaluated[True]), np.array(evaluated[False])
    assert early[:, 0] == pytest.approx(whole[:, 0], abs=1e-5)
    assert early[:, 1].sum() < whole[:, 1].sum() / 1.5


def _population(r, s, alpha, beta, seed, n=100):
    rng = np.random.default_rng(seed)
    T = rng.uniform(0.3, 1, n)
    life = rng.exponential(1, n) / np.maximum(rng.gamma(np.exp(s), np.exp(-beta), n), 1e-300)
    x = rng.poisson(np.minimum(rng.gamma(np.exp(r), np.exp(-alpha), n) * np.minimum(life, T), 100)).astype(
        float
    )
    recency = np.where(x > 0, np.minimum(life, T) * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0)
    return pd.DataFrame({"frequency": x, "recency": recency, "T": T})


def _fit_counting(X, larger_than=0):
    """Return the log-likelihood of a Pareto/NBD and how often it was computed, of more rows than that."""

    class Counting(ParetoNBD):
        def _terms(self, params, rows):
            asked.append(len(rows) > larger_than)
            return super()._terms(params, rows)

    asked = []
    return Counting().fit(X).log_likelihood_, sum(asked)


def test_a_rough_fit_from_parameters_nearby_forecasts_nearly_the_same_total():
    known = {"r": 0.8, "alpha": 60.0, "s": 0.7, "beta": 150.0}
    X = ParetoNBD().with_params(known).simulate(2_000, 300, seed=5)
    exact = ParetoNBD().fit(X)
    near = {name: 1.5 * value for name, value in exact.params_.items()}
    rough = ParetoNBD().fit_near(X, near)
    totals = [model.expected_purchases(X, 91).sum() for model in (rough, exact)]
    assert totals[0] == pytest.approx(totals[1], rel=0.005)


def test_a_samples_maximum_nearby_needs_no_climb_of_the_whole(monkeypatch):
    peak = np.array([0.3, -0.2])

    def objective(theta):
        return -float(((theta - peak) ** 2).sum()), -2 * (theta - peak)

    monkeypatch.setattr(likelihood, "_climb", lambda *_, **__: pytest.fail("climbed"))
    bounds = np.array([[-5.0, 5.0]] * 2)
    theta, value, _ = likelihood._polish(objective, peak + 0.1, -1.8 * np.eye(2), bounds)
    assert theta == pytest.approx(peak, abs=1e-7)
    assert value == pytest.approx(0.0, abs=1e-12)
