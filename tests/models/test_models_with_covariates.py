"""Purchase models whose rates depend on attributes: the effect comes back, and tells newcomers apart."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from cltv_ml.evaluation.metrics import gini
from cltv_ml.models import BGNBD, CATALOGUE, GammaGamma, ParetoNBD, ProbabilisticValue, WithCovariates
from cltv_ml.models.competitors import competitors
from cltv_ml.models.covariate_coding import MOST_COVARIATES, code, learn_coding
from cltv_ml.models.fit_cache import shared_fits
from cltv_ml.models.state import from_state, to_state
from cltv_ml.models.with_covariates import PENALTIES

HORIZON, SLOPE = 60, 1.5


@pytest.fixture(scope="module")
def simulated():
    """Customers by referral buy exp(1.5) times as often; their spend is exp(0.4) times as large."""
    rng = np.random.default_rng(3)
    n = 3000
    referral = rng.random(n) < 0.4
    T = rng.integers(1, 200, n).astype(float)
    rate = rng.gamma(1.0, 1 / 60, n) * np.exp(SLOPE * referral)
    frequency = rng.poisson(rate * T).astype(float)
    frequency = np.minimum(frequency, T)
    recency = np.where(frequency > 0, np.ceil(T * rng.beta(np.maximum(frequency, 1), 1)), 0.0)
    recency = np.maximum(recency, frequency)
    own = 30 * np.exp(0.4 * referral) * rng.gamma(8, 1 / 8, n)
    X = pd.DataFrame(
        {
            "frequency": frequency,
            "recency": recency,
            "T": T,
            "monetary_value": np.where(frequency > 0, own, 0.0),
            "attribute_text_channel": np.where(referral, "referral", "ads"),
            "attribute_number_age": rng.normal(40, 10, n),
        },
        index=pd.Index([f"c{number}" for number in range(n)], name="customer_id"),
    )
    y = pd.Series(rng.poisson(rate * HORIZON) * own, index=X.index)
    oracle = pd.Series(rate * HORIZON * 30 * np.exp(0.4 * referral), index=X.index)
    return X, y, oracle


@pytest.fixture(scope="module")
def fitted(simulated):
    X, y, _ = simulated
    return WithCovariates(HORIZON, attributes=["attribute_text_channel", "attribute_number_age"]).fit(X, y)


def test_the_effect_on_the_rate_is_recovered_within_its_interval(simulated):
    X, _, _ = simulated
    coded = X.assign(referral=(X["attribute_text_channel"] == "referral").astype(float))
    model = BGNBD(purchase_covariates=["referral"]).fit(coded)
    slope, error = model.params_["purchase:referral"], model.standard_errors_["purchase:referral"]
    assert abs(slope - SLOPE) < 2 * error


def test_the_effect_on_spend_is_recovered(simulated):
    X, _, _ = simulated
    coded = X.assign(referral=(X["attribute_text_channel"] == "referral").astype(float))
    model = GammaGamma(covariates=["referral"]).fit(coded[coded["frequency"] > 0])
    assert model.params_["spend:referral"] == pytest.approx(0.4, abs=0.05)


def test_one_time_buyers_are_ordered_nearly_as_by_the_truth_about_their_channel(simulated, fitted):
    X, y, oracle = simulated
    once = X["frequency"] == 0
    known = oracle[once].groupby(X.loc[once, "attribute_text_channel"]).transform("mean")
    best = gini(y[once], known)
    assert gini(y[once], fitted.predict(X[once])) > 0.95 * best


def test_without_attributes_it_is_the_plain_model(simulated):
    X, y, _ = simulated
    plain = competitors(HORIZON, [], ["bg_nbd_gamma_gamma"])[0].fit(X)
    model = WithCovariates(HORIZON).fit(X, y)
    np.testing.assert_allclose(model.predict(X), plain.predict(X), rtol=1e-6)


def test_contributions_add_up_and_name_the_attribute(simulated, fitted):
    X = simulated[0].head(20)
    parts = fitted.contributions(X)
    np.testing.assert_allclose(parts.sum(axis=1), fitted.predict(X), rtol=1e-6)
    assert (parts["attribute_text_channel"] != 0).all()


def test_an_attribute_adds_what_the_value_loses_where_it_is_unknown(simulated, fitted):
    X = simulated[0].head(200).assign(attribute_number_age=np.nan)
    lost = fitted.predict(X) - fitted.predict(X.assign(attribute_text_channel=None))
    added = fitted.contributions(X)["attribute_text_channel"]
    np.testing.assert_allclose(added, lost, rtol=1e-6, atol=1e-9 * np.abs(lost).max())
    twice = fitted.contributions(pd.concat([X, X]))["attribute_text_channel"]
    np.testing.assert_allclose(twice, np.tile(added, 2), rtol=1e-9)


def test_a_level_that_was_never_seen_and_a_missing_one_get_a_value(simulated, fitted):
    X = simulated[0].head(5)
    for level in ("billboard", None):
        values = fitted.predict(X.assign(attribute_text_channel=level, attribute_number_age=np.nan))
        assert np.isfinite(values).all()


def test_a_level_that_was_never_seen_counts_as_the_average_customer_and_not_as_the_most_frequent(
    fitted, simulated
):
    X = simulated[0].head(50)
    of = {
        level: fitted.predict(X.assign(attribute_text_channel=level))
        for level in ("ads", "referral", "tv", None)
    }
    assert ((of["ads"] < of["tv"]) & (of["tv"] < of["referral"])).all()
    np.testing.assert_array_equal(of["tv"], of[None])


def test_levels_beyond_the_most_frequent_are_joined_and_spellings_are_one():
    shops = [f"shop {number % 12}" for number in range(240)]
    coding = learn_coding(pd.DataFrame({"shop": [*shops, *["SHOP 3"] * 9, None]}), ["shop"])["shop"]
    assert len(coding["levels"]) == MOST_COVARIATES - 1
    assert coding["others"][0] == "shop 3"
    coded = code(pd.DataFrame({"shop": ["Shop 1", "shop 1", "shop 9"]}), {"shop": coding})
    assert coded["shop=shop 1"].tolist()[:2] == [1.0, 1.0]
    assert coded["shop=shop 1"][2] == pytest.approx(20 / 249)


def test_a_level_is_rare_by_its_customers_and_not_by_their_rows_at_all_cutoffs(monkeypatch):
    monkeypatch.setattr(WithCovariates, "_choose_penalty", lambda self, X, y: 1.0)
    cutoffs = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"])
    rows = pd.MultiIndex.from_product([range(60), cutoffs], names=["customer_id", "cutoff"])
    shops = pd.Series(["mill"] * 26 + ["dock"] * 26 + ["quay"] * 8)
    X = pd.DataFrame({"shop": shops.loc[rows.get_level_values(0)].to_numpy()}, index=rows)
    coding = WithCovariates(attributes=["shop"]).fit_before_adapting(X, pd.Series(1.0, rows)).coding_["shop"]
    assert coding["levels"] == ["mill"]
    assert coding["others"] == ["dock", "quay"]


def test_codes_for_no_answer_are_missing():
    X = pd.DataFrame({"likert": [1.0, 2, 3, 4, 5, -99] * 30, "age": [20.0, 30, 40, 50, 60, 70] * 30})
    coding = learn_coding(X, ["likert", "age"])
    assert coding["likert"]["mean"] == 3.0
    assert code(X.head(6), coding)["likert=missing"].tolist() == [0, 0, 0, 0, 0, 1]
    assert not coding["age"]["missing"]


def test_it_is_stored_and_read_again(simulated, fitted):
    X = simulated[0]
    np.testing.assert_array_equal(from_state(to_state(fitted), CATALOGUE).predict(X), fitted.predict(X))


def test_it_competes_where_attributes_are_known():
    found = competitors(91, ["orders_90d"], ["bg_nbd_covariates"], text=["attribute_text_country"])
    assert found[0].attributes == ["attribute_text_country"]


def test_a_number_far_outside_those_learned_from_counts_as_the_largest_of_them(fitted, simulated):
    X = simulated[0].head(5)
    top, wrong = (fitted.predict(X.assign(attribute_number_age=age)) for age in (90.0, 9999.0))
    np.testing.assert_array_equal(wrong, top)


@pytest.mark.parametrize("purchases", [BGNBD(), ParetoNBD()], ids=lambda model: model.name)
def test_a_rough_fit_values_customers_as_the_exact_one_does(simulated, purchases):
    X, _, _ = simulated
    attributes = ["attribute_text_channel", "attribute_number_age"]
    model = WithCovariates(HORIZON, purchases=purchases, attributes=attributes)
    model.coding_ = learn_coding(X, attributes)
    coded = code(X, model.coding_)
    near = clone(purchases).fit(coded).params_
    for penalty in PENALTIES:
        rough = model._fit_roughly(coded, penalty, near)
        exact = model._fresh(penalty).fit(coded)
        gap = rough.predict(coded) - exact.predict(coded)
        assert np.abs(gap).mean() < 0.01 * exact.predict(coded).mean()


@pytest.mark.parametrize("purchases", [BGNBD(), ParetoNBD()], ids=lambda model: model.name)
def test_it_starts_from_the_plain_model_of_the_same_customers_and_ends_where_a_fit_of_its_own_does(
    simulated, purchases, monkeypatch
):
    X, y, _ = simulated
    model = WithCovariates(HORIZON, purchases=purchases, attributes=["attribute_text_channel"])
    slow = model.fit_before_adapting(X, y)._fresh(model.penalty_).fit(code(X, model.coding_))
    with shared_fits():
        ProbabilisticValue(clone(purchases), horizon=HORIZON).fit(X)
        monkeypatch.setattr("cltv_ml.models.fitting.without_covariates", None)  # no other plain fit
        model.adapt(X)
    assert model.predict(X) == pytest.approx(slow.predict(code(X, model.coding_)), rel=1e-6)


def test_learning_what_adapting_keeps_and_adapting_is_the_same_as_fitting_and_adapting(simulated, fitted):
    X, y, _ = simulated
    today = X.iloc[::2]
    fresh = clone(fitted).fit_before_adapting(X, y)
    assert not hasattr(fresh, "value_")
    assert (fresh.adapt(today).predict(today) == clone(fitted).fit(X, y).adapt(today).predict(today)).all()
