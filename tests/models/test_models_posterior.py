"""Posterior draws agree with a grid, with each other where the normal is near, and widen forecasts."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import (
    BGNBD,
    CATALOGUE,
    NBD,
    GammaGamma,
    ParetoNBD,
    Posterior,
    ProbabilisticValue,
    predict_total_interval,
    sample_posterior,
)
from cltv_ml.models.fitting import bounds_of
from cltv_ml.models.posterior import Inside, _posterior, _top, smooth_tail
from cltv_ml.models.scaled import as_theta, scaled
from cltv_ml.models.state import from_state, to_state


@pytest.fixture(scope="module")
def few(weeks):
    """Thirty customers, whose posterior is far from normal."""
    return weeks.iloc[::80]


@pytest.fixture(scope="module")
def grid(few):
    """Mean and standard deviation of log r by a grid of the posterior, the prior normal with deviation 3."""
    likelihood, at = scaled(NBD("weeks"), few), np.linspace(-5, 4, 60)
    size = likelihood.problem.size
    logs = np.array(
        [[size * likelihood.objective(np.array([r, a]))[0] - (r * r + a * a) / 18 for a in at] for r in at]
    )
    weight = np.exp(logs - logs.max()).sum(axis=1)
    mean = at @ weight / weight.sum()
    return mean, np.sqrt((at - mean) ** 2 @ weight / weight.sum())


@pytest.mark.parametrize("method", ["laplace", "hmc"])
def test_draws_have_the_moments_of_a_grid(few, grid, method):
    found = sample_posterior(NBD("weeks").fit(few), few, 1_200, method=method)
    logs = np.log(found.draws["r"])
    assert logs.mean() == pytest.approx(grid[0], abs=0.12)
    assert logs.std() == pytest.approx(grid[1], rel=0.15)
    assert found.r_hat < 1.05


def test_where_the_normal_is_near_its_draws_are_taken(weeks):
    model = BGNBD("weeks").fit(weeks)
    found = sample_posterior(model, weeks, 400)
    assert found.method == "laplace"
    assert found.tail_shape < 0.2
    assert found.summary().loc["r", "sd"] == pytest.approx(model.standard_errors_["r"], rel=0.2)


@pytest.mark.slow
def test_the_posterior_of_cdnow_is_the_published_one(weeks):
    # pymc-marketing's notebook on BG/NBD, NUTS: mean and standard deviation of each parameter
    published = {"a": (0.975, 0.282), "b": (3.192, 1.184), "alpha": (4.479, 0.382), "r": (0.244, 0.013)}
    found = sample_posterior(BGNBD("weeks").fit(weeks), weeks, 1_000, method="hmc", prior="flat")
    assert found.r_hat < 1.03
    for name, (mean, deviation) in published.items():
        assert found.summary().loc[name, "mean"] == pytest.approx(mean, abs=deviation / 4)
        assert found.summary().loc[name, "sd"] == pytest.approx(deviation, rel=0.25)


def test_the_posterior_of_spend_is_that_of_another_sampler(weeks):
    # pymc-marketing 0.19.2, flat priors, NUTS, 2 chains of 1,000 draws: mean and standard deviation
    sampled = {"p": (6.374, 1.245), "q": (3.785, 0.288), "v": (16.09, 4.14)}
    spent = weeks[(weeks["frequency"] > 0) & (weeks["repeat_cents"] > 0)]
    spent = spent.assign(monetary_value=spent["repeat_cents"] / 100 / spent["frequency"])
    found = sample_posterior(GammaGamma().fit(spent), spent, 2_000, prior="flat").summary()
    for name, (mean, deviation) in sampled.items():
        assert found.loc[name, "mean"] == pytest.approx(mean, abs=deviation / 4)
        assert found.loc[name, "sd"] == pytest.approx(deviation, rel=0.2)


def test_forecasts_carry_the_posterior_and_so_does_the_stored_model(few):
    model = NBD("weeks").fit(few)
    sample_posterior(model, few, 200)
    assert len({one.params_["r"] for one in model._plausible(np.random.default_rng(0))}) > 20
    again = from_state(to_state(model), CATALOGUE)
    bounds = again.predict_interval(few, 26, size=200)
    assert (bounds == model.predict_interval(few, 26, size=200)).all(axis=None)


def test_a_new_fit_forgets_the_posterior(few, weeks):
    model = NBD("weeks").fit(few)
    sample_posterior(model, few, 100)
    assert not hasattr(model.fit(weeks), "posterior_")


def test_a_light_tail_is_told_from_a_heavy_one():
    rng = np.random.default_rng(0)
    assert smooth_tail(np.exp(0.3 * rng.standard_normal(2_000)))[1] < 0.3
    assert smooth_tail(rng.pareto(1.0, 4_000))[1] == pytest.approx(1.0, abs=0.2)


def test_impossible_settings_are_refused(few):
    with pytest.raises(ValueError, match="method 'laplace' or 'hmc'"):
        sample_posterior(NBD("weeks").fit(few), few, method="nuts")


def test_the_maximum_of_a_posterior_is_a_clear_peak_whose_covariance_is_the_metric(few):
    # its slopes were once measured for all customers together, so it was taken for no peak and the metric for unknown
    model = NBD("weeks").fit(few)
    likelihood = scaled(model, few)
    target = _posterior(likelihood.objective, likelihood.problem.size, 2, 3.0)
    start = likelihood.inward(as_theta(model, model.params_))
    top = _top(Inside(target, start, bounds_of(2), ["r", "alpha"], likelihood.problem.size))
    assert top.verdict == "converged"
    assert np.isfinite(top.covariance).all()


def test_a_ridge_is_walked_by_chains_that_agree(few):
    model = ParetoNBD("weeks").fit(few)
    found = sample_posterior(model, few, 400, method="hmc")
    assert found.r_hat < 1.05
    assert found.advice.startswith("Use the draws")
    # s and beta of thirty customers are held by their prior alone, whose standard deviation is 3
    assert 1 < np.log(found.draws["s"]).std() < 4


@pytest.mark.long
def test_the_ridge_of_cdnow_is_found_and_sampled_by_chains(weeks):
    # a tail of shape 0.51 once passed: s had the standard deviation .29 in place of .41
    found = sample_posterior(ParetoNBD("weeks").fit(weeks), weeks, 1_000)
    assert found.method == "hmc"
    assert found.r_hat < 1.03
    assert found.draws["s"].std() > 0.33


def test_chains_that_do_not_agree_and_draws_too_near_the_maximum_are_told():
    draws = pd.DataFrame({"r": [1.0, 2.0]})
    assert "do not agree (R-hat 2.30)" in Posterior(draws, "hmc", 0.9, 2.3).advice
    assert "method='hmc'" in Posterior(draws, "laplace", 0.9, 1.0).advice


@pytest.fixture(scope="module")
def shop():
    purchases = BGNBD().with_params({"r": 0.8, "alpha": 6.0, "a": 0.9, "b": 2.5})
    X = purchases.simulate(400, 40.0, seed=2, horizon=30.0)
    spend = GammaGamma().with_params({"p": 6.0, "q": 4.0, "v": 15.0}).simulate(400, X["frequency"], seed=2)
    return X.assign(monetary_value=spend["monetary_value"])


@pytest.mark.parametrize("method", ["laplace", "hmc"])
def test_spend_is_sampled_around_its_estimate(shop, method):
    repeat = shop[shop["frequency"] > 0]
    model = GammaGamma().fit(repeat)
    found = sample_posterior(model, repeat, 600, method=method)
    errors = [
        model.standard_errors_[name] / (model.params_[name] - (name == "q")) for name in ("p", "q", "v")
    ]
    logs = np.log(found.draws - [0.0, 1.0, 0.0])
    assert logs.std().to_numpy() == pytest.approx(np.array(errors), rel=0.3)
    assert len({one[0] for one in model._plausible(np.random.default_rng(0), 50)}) > 20
    assert not hasattr(model.fit(repeat), "posterior_")


def test_a_value_model_samples_both_parts_and_its_total_carries_them(shop):
    model = ProbabilisticValue(BGNBD(), horizon=30).fit(shop)
    before = predict_total_interval(model, shop, size=400)
    found = sample_posterior(model, shop, 300)
    assert list(found.draws) == ["r", "alpha", "a", "b", "p", "q", "v"]
    lower, upper = predict_total_interval(model, shop, size=400)
    assert lower < model.predict(shop).sum() < upper
    # the normal at the maximum is near here, so both are alike
    assert upper - lower == pytest.approx(before[1] - before[0], rel=0.4)
    again = from_state(to_state(model), CATALOGUE)
    assert predict_total_interval(again, shop, size=400) == (lower, upper)


def test_the_total_of_purchases_lies_in_its_interval(shop):
    lower, upper = predict_total_interval(BGNBD().fit(shop), shop, 30.0)
    assert lower < shop["purchases"].sum() < upper
    # one chance per customer adds less than the parameters that all share: far narrower than the sum of intervals
    ends = BGNBD().fit(shop).predict_interval(shop, 30.0).sum()
    assert upper - lower < 0.5 * (ends["purchases_upper"] - ends["purchases_lower"])


def test_a_total_needs_its_length_where_the_model_has_none(shop):
    with pytest.raises(ValueError, match="a purchase model needs t"):
        predict_total_interval(BGNBD().fit(shop), shop)
