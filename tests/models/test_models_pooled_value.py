"""Values by group: shops that differ are told apart, and the grouping is chosen on earlier windows."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import BGNBD, CATALOGUE, PooledValue, ProbabilisticValue
from cltv_ml.models.competitors import competitors
from cltv_ml.models.pooled_value import _learn_grouping
from cltv_ml.models.state import from_state, to_state
from cltv_ml.models.with_covariates import mean_deviance

HORIZON, SHOP = 91, "attribute_text_shop"


def chain(rng, spread):
    """Customers of eight shops of 40 to 300 customers, whose purchase rates differ by a factor exp(`spread` z)."""
    parts = []
    for number, size in enumerate((40, 60, 80, 100, 150, 200, 250, 300)):
        rate = 0.6 * np.exp(spread * (number - 3.5) / 3.5)
        world = BGNBD().with_params({"r": 0.8, "alpha": 30 / rate, "a": 0.8, "b": 2.5})
        customers = world.simulate(size, rng.integers(60, 365, size), seed=number, horizon=float(HORIZON))
        spend = 30 * rng.gamma(8, 1 / 8, size)
        parts.append(
            customers.assign(
                monetary_value=np.where(customers["frequency"] > 0, spend, 0.0),
                spent=customers["purchases"] * spend,
                **{SHOP: f"shop {number}"},
            )
        )
    X = pd.concat(parts, ignore_index=True)
    X.index = pd.Index([f"c{number}" for number in range(len(X))], name="customer_id")
    return X.drop(columns=["purchases", "spent"]), X["spent"]


@pytest.fixture(scope="module")
def shops():
    return chain(np.random.default_rng(5), 1.2)


@pytest.fixture(scope="module")
def fitted(shops):
    return PooledValue(HORIZON, attributes=[SHOP]).fit(*shops)


def test_shops_that_differ_are_told_apart_and_newcomers_gain_most(shops, fitted):
    X, _ = shops
    assert fitted.grouped_by_ == SHOP
    later, spent = chain(np.random.default_rng(6), 1.2)
    plain = ProbabilisticValue(BGNBD(), horizon=HORIZON).fit(X)
    once = later["frequency"] == 0
    for some in (once, ~once):
        errors = [
            mean_deviance(spent[some].to_numpy(), model.predict(later[some])) for model in (fitted, plain)
        ]
        assert errors[0] < errors[1]


def test_shops_that_are_alike_keep_the_parameters_of_the_population():
    X, spent = chain(np.random.default_rng(7), 0.0)
    pooled, plain = (
        model.fit(X, spent).predict(X)
        for model in (PooledValue(HORIZON, attributes=[SHOP]), ProbabilisticValue(BGNBD(), horizon=HORIZON))
    )
    assert np.abs(pooled - plain).sum() < 0.1 * plain.sum()


def test_each_customer_has_the_answer_of_their_shop_in_any_order(shops, fitted):
    X, _ = shops
    mixed = X.sample(frac=1.0, random_state=1)
    pd.testing.assert_frame_equal(
        fitted.predict_table(mixed), fitted.predict_table(X).loc[mixed.index], check_exact=False
    )
    assert np.array_equal(fitted.p_buy(X.iloc[:3]), fitted.p_buy(X)[:3])


def test_a_shop_that_is_new_or_missing_has_the_parameters_of_the_population(shops, fitted):
    X, _ = shops
    expected = fitted.values_[""].predict(X.iloc[:5])
    for shop in ("shop 99", None):
        assert np.array_equal(fitted.predict(X.iloc[:5].assign(**{SHOP: shop})), expected)
    assert np.array_equal(fitted.predict(X.iloc[:5].assign(**{SHOP: " SHOP 0"})), fitted.predict(X.iloc[:5]))


def test_contributions_add_up_and_name_the_shop(shops, fitted):
    X, _ = shops
    parts = fitted.contributions(X)
    np.testing.assert_allclose(parts.sum(axis=1), fitted.predict(X), atol=1e-9)
    assert parts["baseline"].nunique() == 1
    by_shop = parts[SHOP].groupby(X[SHOP]).first()
    assert by_shop.iloc[0] < 0 < by_shop.iloc[-1]


def test_a_stored_model_answers_the_same(shops, fitted):
    X, _ = shops
    restored = from_state(to_state(fitted), CATALOGUE)
    assert np.array_equal(restored.predict(X), fitted.predict(X))


def test_without_attributes_customers_may_be_grouped_by_age(shops):
    X, y = shops
    model = PooledValue(HORIZON).fit(X, y)
    assert model.grouped_by_ in ("", "T")
    assert len(_learn_grouping(X, "T")["ages"]) == 4
    older = model.predict(X.iloc[:4].assign(T=4000.0))
    assert np.isfinite(older).all()


def test_it_competes_by_name_with_the_attributes_in_words():
    [model] = competitors(91, ["attribute_number_age"], ["bg_nbd_pooled"], text=[SHOP])
    assert model.attributes == ["attribute_number_age", SHOP]
