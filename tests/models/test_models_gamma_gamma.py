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


def test_weights_count_as_repeated_rows():
    X, times = spenders(200), np.random.default_rng(2).integers(1, 4, 200)
    weighted, repeated = GammaGamma().fit(X, weights=times), GammaGamma().fit(X.loc[X.index.repeat(times)])
    assert weighted.params_ == pytest.approx(repeated.params_, rel=1e-6)


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
    assert "Spend goes with frequency" in report["advice"]
