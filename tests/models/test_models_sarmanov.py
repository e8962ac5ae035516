"""Pareto/NBD with correlated rates: CLVTools' likelihood, independence, the gradient and simulated correlations."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from cltv_ml.models import ParetoNBD, ParetoNBDSarmanov, log_likelihood
from cltv_ml.models.pareto_nbd_sarmanov import _bounded

TRUE = {"r": 1.5, "alpha": 6.0, "s": 1.2, "beta": 15.0, "w": 20.0}


@pytest.fixture(scope="module")
def customers():
    return (
        ParetoNBDSarmanov().with_params(TRUE).simulate(80, 30.0, seed=1).assign(level=np.linspace(-1, 1, 80))
    )


def test_without_correlation_it_is_pareto_nbd(customers):
    plain = ParetoNBD().fit(customers)
    model = ParetoNBDSarmanov().with_params({**plain.params_, "w": 1.0})
    assert model.correlation_ == 0
    assert log_likelihood(model, customers) == pytest.approx(plain.log_likelihood_, abs=1e-9)
    assert model.expected_purchases(customers, 20) == pytest.approx(plain.expected_purchases(customers, 20))
    assert model.p_alive(customers, 5) == pytest.approx(plain.p_alive(customers, 5))


def test_the_gradient_is_that_of_the_likelihood(customers):
    model = ParetoNBDSarmanov("days", ["level"], ["level"])
    problem = model._problem(customers, None)
    objective = model._objective(problem.rows, problem.spread)
    for theta in (
        np.zeros(7),
        np.array([0.3, -0.2, -0.7, 0.4, 2, 0.5, -0.5]),
        np.array([-3.0, 4, 3, -3, 6, -1, 1]),
        np.array([2.0, 2, 3, 1, -8, 0, 1]),
    ):
        steps = 1e-5 * np.eye(len(theta))
        differences = [(objective(theta + one)[0] - objective(theta - one)[0]) / 2e-5 for one in steps]
        assert objective(theta)[1] == pytest.approx(np.array(differences), rel=1e-6, abs=1e-6)


def test_rates_are_drawn_with_the_correlation_and_the_gammas_of_the_population():
    for w in (1e-3, 1e3):
        model = ParetoNBDSarmanov().with_params({**TRUE, "w": w})
        params = tuple(np.array([model.params_[name]]) for name in model.param_names)
        rate, life = model._draw_rates(model._newcomer(params)[1], (100_000,), np.random.default_rng(0))
        assert kstest(rate, "gamma", (TRUE["r"], 0, 1 / TRUE["alpha"])).statistic < 0.006
        assert kstest(life, "lomax", (TRUE["s"], 0, TRUE["beta"])).statistic < 0.006
        # the lifetime shows the order of the dropout rates, with noise
        assert np.sign(np.corrcoef(rate, life < 5)[0, 1]) == np.sign(model.correlation_)


def test_the_correlation_is_that_of_the_rates_by_quadrature():
    model = ParetoNBDSarmanov().with_params(TRUE)
    odds = model._odds(np.float64(TRUE["r"]), np.float64(TRUE["s"]))
    m = _bounded(np.float64(TRUE["w"]), *odds)[0] * (1 + 1 / odds[0]) * (1 + 1 / odds[1])
    rng = np.random.default_rng(0)
    rate, dropout = rng.gamma(1.5, 1 / 6, 1_000_000), rng.gamma(1.2, 1 / 15, 1_000_000)
    weight = 1 + m * (np.exp(-6 * rate) - 2**-1.5) * (np.exp(-15 * dropout) - 2**-1.2)
    assert weight.min() > 0
    moved = np.mean(weight * (rate - 1.5 / 6) * (dropout - 1.2 / 15))
    assert model.correlation_ == pytest.approx(moved / (rate.std() * dropout.std()), abs=0.01)


@pytest.mark.parametrize(("w", "seed", "end"), [(0.001, 1, 0), (200.0, 3, 1)])
def test_a_correlation_on_its_bound_is_said(w, seed, end):
    customers = ParetoNBDSarmanov().with_params({**TRUE, "w": w}).simulate(2_000, 30.0, seed=seed)
    model = ParetoNBDSarmanov().fit(customers)
    assert model.correlation_ == pytest.approx(model.correlation_bounds_[end], rel=1e-3)
    assert model.convergence_["verdict"] == "at_bound"
    assert ("lowest", "highest")[end] in model.convergence_["advice"]
    assert np.isnan(model.correlation_error_)


def test_the_error_of_the_correlation_is_the_spread_that_the_parameters_leave():
    model = ParetoNBDSarmanov().with_params(TRUE)
    model.covariance_ = 1e-6 * (
        np.eye(5) + 0.5
    )  # so little that the correlation is straight in the parameters
    near = model._plausible(np.random.default_rng(0), 4_000)
    spread = np.std([one.correlation_ for one in near])
    assert model.correlation_error_ == pytest.approx(spread, rel=0.05)


def test_a_history_tells_the_same_as_the_joint_density_on_a_grid():
    model = ParetoNBDSarmanov().with_params(TRUE)
    X = pd.DataFrame({"frequency": [0.0, 4.0, 9.0], "recency": [0.0, 11.0, 25.0], "T": [30.0, 30.0, 30.0]})
    odds = model._odds(np.float64(TRUE["r"]), np.float64(TRUE["s"]))
    m = _bounded(np.float64(TRUE["w"]), *odds)[0] * (1 + 1 / odds[0]) * (1 + 1 / odds[1])
    rate, dropout = (
        part.ravel()
        for part in np.meshgrid(np.exp(np.linspace(-16, 3, 500)), np.exp(np.linspace(-18, 2, 500)))
    )
    prior = (rate * 6) ** 1.5 * np.exp(-6 * rate) * (dropout * 15) ** 1.2 * np.exp(-15 * dropout)
    prior *= 1 + m * (np.exp(-6 * rate) - 2**-1.5) * (np.exp(-15 * dropout) - 2**-1.2)
    both, found = rate + dropout, model.expected_purchases(X, 20)
    for row, (x, tx, T) in enumerate(X.to_numpy()):
        alive = prior * rate**x * np.exp(-both * T)
        seen = alive + prior * rate**x * dropout / both * (np.exp(-both * tx) - np.exp(-both * T))
        assert model.p_alive(X)[row] == pytest.approx(alive.sum() / seen.sum(), rel=1e-6)
        ahead = rate / dropout * -np.expm1(-dropout * 20)
        assert found[row] == pytest.approx((alive * ahead).sum() / seen.sum(), rel=1e-6)


def test_units_do_not_matter():
    customers = ParetoNBDSarmanov().with_params(TRUE).simulate(1_000, 30.0, seed=1)
    days = customers.assign(recency=customers["recency"] * 7, T=customers["T"] * 7)
    one, other = ParetoNBDSarmanov("weeks").fit(customers), ParetoNBDSarmanov("days").fit(days)
    assert other.params_["w"] == pytest.approx(one.params_["w"], rel=1e-4)
    assert other.expected_purchases(days, 70) == pytest.approx(
        one.expected_purchases(customers, 10), rel=1e-5
    )


def test_expected_purchases_rise_with_the_horizon(customers):
    model = ParetoNBDSarmanov().with_params({**TRUE, "w": 1e-4})
    rising = np.array([model.expected_purchases(customers, t) for t in (0, 0.1, 1, 5, 20, 100, 1e6)])
    assert (np.diff(rising, axis=0) >= 0).all()
    assert np.isfinite(rising).all()
