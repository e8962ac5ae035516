"""GGompertz/NBD: the published fit, the integral and the limit that is Pareto/NBD."""

import numpy as np
import pytest

from cltv_ml.models import GGompertzNBD, ParetoNBD
from cltv_ml.models.ggompertz_nbd import _log_clock, _log_gone

TRUE = {"r": 2.0, "alpha": 3.0, "b": 0.15, "s": 1.2, "beta": 8.0}


@pytest.fixture(scope="module")
def fitted(weeks):
    return GGompertzNBD("weeks").fit(weeks)


def test_the_likelihood_of_cdnow_is_the_published_one(fitted):
    # Bemmaor and Glady (2012), table 2: -9594.98, r 0.553, alpha 10.578; CLVTools' tests: -9594.9762
    assert fitted.log_likelihood_ == pytest.approx(-9594.9762, abs=0.001)
    assert (fitted.params_["r"], fitted.params_["alpha"]) == pytest.approx((0.553, 10.578), abs=6e-4)


def test_where_nobody_ages_it_is_pareto_nbd(fitted, weeks):
    assert fitted.convergence_["verdict"] == "not_identified"
    plain, X = ParetoNBD("weeks").fit(weeks), weeks.iloc[::40]
    assert fitted.expected_purchases(X, 39) == pytest.approx(plain.expected_purchases(X, 39), rel=2e-3)
    assert fitted.p_alive(X) == pytest.approx(plain.p_alive(X), rel=2e-3)


def reference(r, alpha, b, s, beta, x, tx, T):
    """The logarithm of the integral by 36 panels of 60 nodes, the panels shrinking towards the last purchase."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    cuts = np.r_[0, (T - tx) * 10.0 ** np.linspace(-9, 0, 36)]
    widths = np.diff(cuts)[:, None]
    u = (tx + cuts[:-1, None] + widths * (nodes + 1) / 2).ravel()
    logs = np.log((widths * weights / 2).ravel()) - (r + x) * np.log(alpha + u) + b * u
    logs -= (s + 1) * _log_clock(np.array(b), np.array(beta), u)
    return np.log(s * b) + np.logaddexp.reduce(logs)


def test_the_integral_is_exact_at_any_parameters():
    rng = np.random.default_rng(0)
    for _ in range(60):
        params = np.exp(rng.uniform(-6, 6, 5))
        x, T = float(rng.integers(0, 80)), rng.uniform(0.1, 3)
        tx = T * rng.random() * (x > 0)
        found = _log_gone(tuple(params), np.array([x]), np.array([tx]), np.array([T]))[0][0]
        assert found == pytest.approx(reference(*params, x, tx, T), abs=1e-9)


def test_the_gradient_is_that_of_the_likelihood():
    X = GGompertzNBD("weeks").with_params(TRUE).simulate(80, 30.0).assign(level=np.linspace(-1, 1, 80))
    model = GGompertzNBD("weeks", ["level"], ["level"])
    problem = model._problem(X, None)
    objective = model._objective(problem.rows, problem.spread)
    for theta in (
        np.zeros(7),
        np.array([-3.0, 4, 5, 3, -3, 0.5, -0.5]),
        np.array([1.0, 1, -6, 0, -6, -1, 1]),
    ):
        steps = 1e-5 * np.eye(len(theta))
        differences = [(objective(theta + one)[0] - objective(theta - one)[0]) / 2e-5 for one in steps]
        assert objective(theta)[1] == pytest.approx(np.array(differences), rel=1e-6, abs=1e-6)


def test_units_do_not_matter(weeks):
    X = GGompertzNBD("weeks").with_params(TRUE).simulate(300, 30.0)
    days = X.assign(recency=X["recency"] * 7, T=X["T"] * 7)
    one, other = GGompertzNBD("weeks").fit(X), GGompertzNBD("days").fit(days)
    assert other.params_["b"] * 7 == pytest.approx(one.params_["b"], rel=1e-5)
    assert other.expected_purchases(days, 70) == pytest.approx(one.expected_purchases(X, 10), rel=1e-5)


def test_expected_purchases_rise_with_the_horizon():
    model = GGompertzNBD("weeks").with_params(TRUE)
    X = model.simulate(40, 30.0, seed=1)
    rising = np.array([model.expected_purchases(X, t) for t in (0, 0.1, 1, 5, 20, 100, 1e6)])
    assert (np.diff(rising, axis=0) >= 0).all()
    assert np.isfinite(rising).all()


@pytest.mark.long
def test_the_parameters_of_20_simulations_lie_in_their_intervals():
    inside = []
    for seed in range(20):
        model = GGompertzNBD("weeks").fit(
            GGompertzNBD("weeks").with_params(TRUE).simulate(600, 30.0, seed=seed)
        )
        logs = [
            abs(np.log(model.params_[name] / true)) * model.params_[name] / model.standard_errors_[name]
            for name, true in TRUE.items()
        ]
        inside += [distance <= 1.96 for distance in logs]
    assert 0.90 <= np.mean(inside) <= 0.99
