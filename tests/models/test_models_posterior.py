"""Posterior draws agree with a grid, with each other where the normal is near, and widen forecasts."""

import numpy as np
import pytest

from cltv_ml.models import BGNBD, CATALOGUE, NBD, sample_posterior
from cltv_ml.models.posterior import smooth_tail
from cltv_ml.models.scaled import scaled
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
    assert found.tail_shape < 0.7
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
