import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import GammaGamma


def spenders(n=4000, seed=1):
    frequency = np.random.default_rng(seed).integers(1, 8, n)
    return GammaGamma().with_params({"p": 5.0, "q": 4.0, "v": 20.0}).simulate(n, frequency, seed)


def test_own_parameters_are_recovered():
    model = GammaGamma().fit(spenders())
    for name, true in {"p": 5.0, "q": 4.0, "v": 20.0}.items():
        assert abs(model.params_[name] - true) < 4 * model.standard_errors_[name]
    assert model.convergence_["verdict"] == "converged"


def test_the_currency_changes_the_scale_only():
    X = spenders(500)
    cents = X.assign(monetary_value=X["monetary_value"] * 100)
    euro, cent = GammaGamma().fit(X), GammaGamma().fit(cents)
    assert cent.predict(cents) == pytest.approx(euro.predict(X) * 100, rel=1e-6)
    assert cent.params_["q"] == pytest.approx(euro.params_["q"], rel=1e-5)


def test_a_covariate_is_one_more_parameter_of_the_information_criteria():
    X = spenders(300).assign(member=np.random.default_rng(3).integers(0, 2, 300).astype(float))
    for covariates, free in (([], 3), (["member"], 4)):
        model = GammaGamma(covariates=covariates).fit(X)
        assert model.aic_ == pytest.approx(2 * free - 2 * model.log_likelihood_)
        assert model.bic_ == pytest.approx(free * np.log(300) - 2 * model.log_likelihood_)


def test_weights_count_as_repeated_rows():
    X, times = spenders(200), np.random.default_rng(2).integers(1, 4, 200)
    weighted, repeated = GammaGamma().fit(X, weights=times), GammaGamma().fit(X.loc[X.index.repeat(times)])
    assert weighted.params_ == pytest.approx(repeated.params_, rel=1e-6)


def test_standard_errors_are_those_of_the_likelihoods_curvature():
    X = GammaGamma().with_params({"p": 6.0, "q": 4.0, "v": 15.0}).simulate(3000, frequency=4, seed=3)
    model = GammaGamma().fit(X)
    theta, objective, size, _ = model.likelihood(X)
    step = 1e-5
    hessian = np.array(
        [(objective(theta + d)[1] - objective(theta - d)[1]) / (2 * step) for d in step * np.eye(3)]
    )
    errors = np.sqrt(np.diag(np.linalg.inv(-size * hessian)))
    p, q, v = (model.params_[name] for name in ("p", "q", "v"))
    # of p, q and v from those of log p, log(q - 1) and log v, by the delta method
    expected = errors * [p, q - 1, v]
    assert list(model.standard_errors_.values()) == pytest.approx(expected.tolist(), rel=1e-3)


def test_draws_of_spend_have_the_moments_of_the_model():
    p, q, v, n = 6.0, 9.0, 30.0, 3
    model = GammaGamma().with_params({"p": p, "q": q, "v": v})
    X = pd.DataFrame({"frequency": [0.0, 5.0], "monetary_value": [0.0, 40.0]})
    draws = model.sample_total(X, np.full((2, 40_000), n), np.random.default_rng(1))
    assert draws.mean(axis=1).tolist() == pytest.approx((n * model.predict(X)).tolist(), rel=0.01)
    # Gamma(n p) over Gamma(q + p x) / (v + x z): the second moment of a ratio of gammas.
    for row, (x, z) in enumerate([(0, 0.0), (5, 40.0)]):
        shape, scale = q + p * x, v + x * z
        second = n * p * (n * p + 1) * scale**2 / ((shape - 1) * (shape - 2))
        assert np.mean(draws[row] ** 2) == pytest.approx(second, rel=0.02)
    assert not model.sample_total(X, np.zeros((2, 5)), np.random.default_rng(1)).any()


def test_one_time_buyers_spend_the_population_mean():
    model = GammaGamma().fit(spenders())
    newcomer = pd.DataFrame({"frequency": [0.0, 0.0], "monetary_value": [0.0, 99.0]})
    mean = model.params_["p"] * model.params_["v"] / (model.params_["q"] - 1)
    assert model.predict(newcomer) == pytest.approx([mean, mean])


def test_constant_spend_ends_at_a_bound_and_predicts_it():
    X = spenders(100).assign(monetary_value=25.0)
    model = GammaGamma().fit(X)
    assert model.convergence_["verdict"] in ("at_bound", "not_identified")
    assert model.predict(X) == pytest.approx(np.full(100, 25.0), rel=1e-2)


@pytest.mark.parametrize("spend", [0.0, -5.0])
def test_spend_that_is_not_positive_is_refused(spend):
    X = spenders(100)
    X.loc[3, "monetary_value"] = spend
    with pytest.raises(
        ValueError, match=r"must be positive, found .* net returns against their orders first"
    ):
        GammaGamma().fit(X)


def test_without_repeat_buyers_the_error_says_what_to_do():
    with pytest.raises(ValueError, match=r"no customer has a repeat purchase.*longer calibration window"):
        GammaGamma().fit(pd.DataFrame({"frequency": [0.0, 0.0], "monetary_value": [0.0, 0.0]}))


def test_spend_that_goes_with_frequency_is_reported():
    X = spenders()
    tied = X.assign(monetary_value=X["monetary_value"] * X["frequency"] ** 2)
    assert abs(GammaGamma().fit(X).independence_["spearman"]) < 0.05
    report = GammaGamma().fit(tied).independence_
    assert report["spearman"] > 0.5
    assert report["p_value"] < 1e-6
    assert "Spend depends on frequency" in report["advice"]


def heavy_tailed(spread, n=3000, seed=1):
    """Return customers of whom two thirds have repeats, their mean spend log-normal with mean 1."""
    rng = np.random.default_rng(seed)
    frequency = rng.poisson(rng.gamma(0.6, 4.0, n)).astype(float)
    mean = np.exp(rng.normal(-(spread**2) / 2, spread, n))
    shape = 4 * np.maximum(frequency, 1)
    spend = mean * rng.gamma(shape) / shape
    return pd.DataFrame({"frequency": frequency, "monetary_value": np.where(frequency > 0, spend, 0.0)})


def test_one_time_buyers_are_worth_the_population_mean_however_heavy_the_tail():
    found = {}
    for spread in (0.6, 1.0, 1.2, 1.4, 2.0):
        X = heavy_tailed(spread)
        model = GammaGamma().fit(X)
        found[spread] = model.predict(X[X["frequency"] == 0])[0]
        assert model.params_["p"] * model.params_["v"] / (model.params_["q"] - 1) == pytest.approx(
            found[spread]
        )
    assert all(0.75 < mean < 1.3 for mean in found.values()), found


def test_a_mean_that_is_nearly_infinite_is_held_and_told():
    X = heavy_tailed(1.4)
    model = GammaGamma().fit(X)
    repeat = X["frequency"] > 0
    assert model.predict(X[~repeat])[0] == pytest.approx(X["monetary_value"][repeat].mean())
    assert model.convergence_["verdict"] == "mean_held"
    assert "infinite or nearly so" in model.convergence_["advice"]
    assert "the repeat buyers' mean is used instead" in model.convergence_["advice"]


def test_a_held_mean_stays_in_every_plausible_draw_but_for_its_own_error():
    model = GammaGamma().fit(heavy_tailed(1.4))
    drawn = model._plausible(np.random.default_rng(1), 200)
    means = np.array([p * v / (q - 1) for p, q, v in drawn])
    assert means.mean() == pytest.approx(1.0, abs=0.15)
    assert means.std() < 0.15


def test_spend_without_a_heavy_tail_is_not_held():
    assert GammaGamma().fit(heavy_tailed(0.6)).convergence_["verdict"] == "converged"


def correlated(slope, n=1_500, seed=1):
    """Spend per purchase that is multiplied by frequency^slope."""
    X = spenders(n, seed)
    return X.assign(monetary_value=X["monetary_value"] * X["frequency"] ** slope)


def test_spend_that_goes_with_frequency_is_found_and_newcomers_are_not_overvalued():
    model = GammaGamma(correlated=True).fit(correlated(0.4))
    assert model.params_["spend:log(frequency)"] == pytest.approx(0.4, abs=0.1)
    assert model.independence_["ratio_p_value"] < 1e-6
    assert "the model accounts for it" in model.independence_["advice"]
    newcomer = pd.DataFrame({"frequency": [0.0], "monetary_value": [0.0]})
    assert model.predict(newcomer) == pytest.approx([100 / 3], rel=0.12)
    assert GammaGamma().fit(correlated(0.4)).predict(newcomer) > 45


@pytest.mark.long
def test_independent_spend_is_rarely_taken_for_correlated():
    taken = [
        "spend:log(frequency)" in GammaGamma(correlated=True).fit(spenders(120, seed)).params_
        for seed in range(40)
    ]
    assert sum(taken) <= 6


def test_without_a_correlation_it_is_gamma_gamma():
    X = spenders(300)
    independent, tested = GammaGamma().fit(X), GammaGamma(correlated=True).fit(X)
    assert tested.independence_["ratio_p_value"] > 0.05
    assert tested.params_ == independent.params_
    assert (tested.predict(X) == independent.predict(X)).all()


def test_the_likelihood_ratio_is_that_of_densities():
    # multiplying each customer's spend by frequency^c moves the log-density by -c log(frequency)
    X, Y = correlated(0.0), correlated(0.3)
    one, other = (GammaGamma(correlated=True).fit(Z) for Z in (X, Y))
    shift = 0.3 * np.log(X["frequency"]).sum()
    ratio = one.independence_["likelihood_ratio"] / 2
    correlated_height = one.log_likelihood_ + (ratio if "spend:log(frequency)" not in one.params_ else 0.0)
    assert other.log_likelihood_ == pytest.approx(correlated_height - shift, abs=1e-3)


@pytest.mark.slow
def test_the_true_correlation_of_100_simulations_is_rejected_in_about_one_of_twenty():
    # a spend model's correlation moves with the spend: what is left of 0.3 is tested against zero
    left = [
        X.assign(monetary_value=X["monetary_value"] / X["frequency"] ** 0.3)
        for X in (correlated(0.3, 1_000, seed) for seed in range(100))
    ]
    rejected = [GammaGamma(correlated=True).fit(X).independence_["ratio_p_value"] < 0.05 for X in left]
    assert 1 <= sum(rejected) <= 10
