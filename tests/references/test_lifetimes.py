"""lifetimes 0.11.3 as a second opinion: the same estimates on ordinary customers, and never a higher likelihood."""

import warnings

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import BGNBD, MBGNBD, GammaGamma, ParetoNBD

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it sets a pandas option that is deprecated
    import lifetimes

PAIRS = {
    BGNBD: lifetimes.BetaGeoFitter,
    MBGNBD: lifetimes.ModifiedBetaGeoFitter,
    ParetoNBD: lifetimes.ParetoNBDFitter,
}


@pytest.fixture(scope="module")
def customers():
    known = ParetoNBD("weeks").with_params({"r": 0.8, "alpha": 8.0, "s": 0.7, "beta": 12.0})
    return known.simulate(2000, 40.0, seed=8)


@pytest.mark.parametrize("model", PAIRS)
def test_estimates_and_forecasts_agree(model, customers):
    x, recency, T = (customers[name] for name in ("frequency", "recency", "T"))
    ours = model("weeks").fit(customers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifetimes warns of its own overflows
        theirs = PAIRS[model]().fit(x, recency, T)
        forecast = theirs.conditional_expected_number_of_purchases_up_to_time(20, x, recency, T)
    assert ours.params_ == pytest.approx(dict(theirs.params_), rel=0.02)
    assert ours.expected_purchases(customers, 20) == pytest.approx(np.asarray(forecast), rel=0.01)


def test_gamma_gamma_agrees():
    spenders = GammaGamma().with_params({"p": 6.0, "q": 4.0, "v": 15.0}).simulate(1500, 4, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = lifetimes.GammaGammaFitter().fit(spenders["frequency"], spenders["monetary_value"])
    assert GammaGamma().fit(spenders).params_ == pytest.approx(dict(theirs.params_), rel=0.01)


def test_one_time_buyers_agree_where_a_and_b_are_small():
    params = {"r": 0.24, "alpha": 4.4, "a": 0.3, "b": 0.5}  # a + b below 1
    theirs = lifetimes.BetaGeoFitter()
    theirs.params_ = params
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forecast = theirs.conditional_expected_number_of_purchases_up_to_time(39, 0, 0, 39)
    once = pd.DataFrame({"frequency": [0.0], "recency": [0.0], "T": [39.0]})
    ours = BGNBD("weeks").with_params(params).expected_purchases(once, 39)
    assert ours[0] == pytest.approx(float(forecast), rel=1e-9)
