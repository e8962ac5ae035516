import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime

from cltv_ml.models import BGNBD, MBGNBD, ParetoNBD, likelihood_ratio_test
from cltv_ml.models.fitting import bounds_of
from cltv_ml.models.likelihood import maximize
from cltv_ml.models.purchase_history import build_rows

# One group buys exp(0.8) times as often; the other leaves sooner. Covariates scale the parameters as in
# Fader and Hardie (2007).
BASE = {
    BGNBD: {"r": 1.0, "alpha": 10.0, "a": 0.8, "b": 2.0},
    MBGNBD: {"r": 1.0, "alpha": 10.0, "a": 0.8, "b": 2.0},
    ParetoNBD: {"r": 1.0, "alpha": 10.0, "s": 0.8, "beta": 30.0},
}


def two_groups(model, n=6000):
    base = BASE[model]
    plain = model().with_params(base).simulate(n, 100.0, seed=1)
    eager = model().with_params({**base, "alpha": base["alpha"] * np.exp(-0.8)}).simulate(n, 100.0, seed=2)
    return pd.concat([plain.assign(eager=0.0), eager.assign(eager=1.0)], ignore_index=True)


@pytest.mark.parametrize("model", BASE)
def test_a_purchase_covariate_is_recovered(model):
    fitted = model(purchase_covariates=["eager"]).fit(two_groups(model))
    assert abs(fitted.params_["purchase:eager"] - 0.8) < 4 * fitted.standard_errors_["purchase:eager"]
    assert fitted.standard_errors_["purchase:eager"] < 0.05


@pytest.mark.parametrize("model", BASE)
def test_derivatives_by_covariates_are_exact(model):
    rng = np.random.default_rng(1)
    x = np.sort(rng.integers(0, 6, 30)).astype(float)
    T = rng.uniform(0.5, 1.5, 30)
    rows = build_rows(
        x, np.where(x > 0, T * 0.6, 0), T, np.ones(30), rng.normal(size=(30, 2)), rng.normal(size=(30, 1))
    )
    fitted = model(purchase_covariates=["a", "b"], dropout_covariates=["c"], penalty=(0.3, 0.1))
    objective = fitted._objective(rows, [1.0, 2.0, 0.5])
    theta = np.r_[np.log([0.6, 0.3, 0.8, 1.7]), 0.3, -0.2, 0.4]
    numeric = approx_fprime(theta, lambda at: objective(at)[0], 1e-7)
    assert objective(theta)[1] == pytest.approx(numeric, abs=1e-5)
    second = [
        (objective(theta + step)[1] - objective(theta - step)[1]) / 2e-5 for step in 1e-5 * np.eye(len(theta))
    ]
    assert objective.hessian(theta) == pytest.approx(np.array(second), abs=1e-6)
    assert objective.hessian(theta, rough=True) == pytest.approx(np.array(second), abs=1e-3)


@pytest.mark.parametrize("model", BASE)
def test_a_search_from_other_parameters_ends_at_the_same_maximum(model):
    customers = two_groups(model, 500).assign(again=lambda X: X["eager"])
    both = model(purchase_covariates=["eager"], dropout_covariates=["eager"], penalty=0.001)
    slow = model(purchase_covariates=["eager"], dropout_covariates=["again"], penalty=0.001).fit(customers)
    near = both.fit_from(customers, {**BASE[model], "purchase:eager": 0.5})
    assert [*near.params_.values()] == pytest.approx([*slow.params_.values()], rel=1e-5)
    assert near.log_likelihood_ == pytest.approx(slow.log_likelihood_, rel=1e-12)
    assert [*near.standard_errors_.values()] == pytest.approx([*slow.standard_errors_.values()], rel=1e-3)


@pytest.mark.parametrize("model", BASE)
def test_steps_that_take_a_curvature_again_end_where_climbing_without_it_does(model):
    customers = two_groups(model, 400)
    fitted = model(purchase_covariates=["eager"], dropout_covariates=["eager"], penalty=0.01)
    problem = fitted._problem(customers, None)
    objective = fitted._objective(problem.rows, problem.spread)
    asked = []

    class Counted:
        def __call__(self, theta):
            return objective(theta)

        def hessian(self, theta, rough=False):
            asked.append(1)
            return objective.hessian(theta, rough)

    start = np.r_[np.log(fitted._starts(problem.rate)[0]), 0.0, 0.0]
    how = {"names": ["r", "alpha", "s", "beta", "p", "d"], "size": problem.size}
    quick = maximize(Counted(), [start], bounds_of(4, 2), **how)
    slow = maximize(lambda theta: objective(theta), [start], bounds_of(4, 2), **how)
    assert quick.theta == pytest.approx(slow.theta, abs=1e-4)
    assert quick.log_likelihood == pytest.approx(slow.log_likelihood, abs=1e-6)
    assert 1 < len(asked) < 15


@pytest.mark.parametrize("model", BASE)
def test_covariates_move_each_customer_as_their_own_parameters_would(model):
    customers = two_groups(model, 20)
    both = model(purchase_covariates=["eager"]).with_params({**BASE[model], "purchase:eager": 0.8})
    eager = model().with_params({**BASE[model], "alpha": BASE[model]["alpha"] * np.exp(-0.8)})
    group = customers["eager"] == 1
    assert both.expected_purchases(customers, 9)[group] == pytest.approx(
        eager.expected_purchases(customers[group], 9)
    )
    assert both.p_alive(customers, 9)[group] == pytest.approx(eager.p_alive(customers[group], 9))


def test_the_likelihood_ratio_test_finds_a_real_effect_and_only_that():
    customers = two_groups(BGNBD).assign(noise=np.random.default_rng(3).normal(size=12_000))
    without, real = BGNBD().fit(customers), BGNBD(purchase_covariates=["eager"]).fit(customers)
    noisy = BGNBD(purchase_covariates=["eager", "noise"]).fit(customers)
    assert likelihood_ratio_test(without, real)["p_value"] < 1e-10
    assert likelihood_ratio_test(real, noisy)["p_value"] > 0.01


def test_fits_that_are_not_nested_are_refused():
    customers = two_groups(BGNBD, 100)
    one, other = BGNBD().fit(customers), MBGNBD(purchase_covariates=["eager"]).fit(customers)
    with pytest.raises(ValueError, match="the larger model must be of the same kind"):
        likelihood_ratio_test(one, other)


def test_a_penalty_shrinks_slopes_and_nothing_else():
    customers = two_groups(BGNBD)
    free = BGNBD(purchase_covariates=["eager"]).fit(customers)
    held = BGNBD(purchase_covariates=["eager"], penalty=100.0).fit(customers)
    without = BGNBD().fit(customers)
    assert abs(held.params_["purchase:eager"]) < 0.01 < free.params_["purchase:eager"]
    assert held.params_["b"] == pytest.approx(without.params_["b"], rel=0.02)


def test_a_missing_covariate_is_refused():
    customers = two_groups(BGNBD, 100)
    with pytest.raises(ValueError, match=r"missing columns \['income'\]"):
        BGNBD(purchase_covariates=["income"]).fit(customers)
