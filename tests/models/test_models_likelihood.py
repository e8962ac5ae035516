import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime

from cltv_ml.models import BGNBD, ParetoNBD
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
    monkeypatch.setattr("cltv_ml.models.fitting._LARGE", len(X))
    whole = ParetoNBD().fit(X)
    assert whole.convergence_["verdict"] != "converged"
    assert sampled.log_likelihood_ == pytest.approx(whole.log_likelihood_, abs=0.01)
