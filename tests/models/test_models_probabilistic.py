import json

import numpy as np
import pytest

from cltv_ml.models import BGNBD, CATALOGUE, MBGNBD, GammaGamma, ParetoNBD, ProbabilisticValue
from cltv_ml.models.state import from_state, to_state


@pytest.fixture(scope="module")
def shop():
    known = ParetoNBD().with_params({"r": 0.8, "alpha": 30.0, "s": 0.7, "beta": 90.0})
    customers = known.simulate(1500, np.random.default_rng(1).integers(60, 300, 1500), seed=2)
    money = GammaGamma().with_params({"p": 6.0, "q": 4.0, "v": 15.0})
    return customers.assign(monetary_value=money.simulate(1500, customers["frequency"], 3)["monetary_value"])


@pytest.fixture(scope="module", params=[BGNBD, MBGNBD, ParetoNBD])
def fitted(request, shop):
    return ProbabilisticValue(request.param(), horizon=365, discount_rate=0.1).fit(shop)


def test_value_is_purchases_times_spend(shop):
    model = ProbabilisticValue(ParetoNBD(), horizon=90).fit(shop)
    purchases = ParetoNBD().fit(shop).expected_purchases(shop, 90)
    spend = GammaGamma().fit(shop[shop["frequency"] > 0]).predict(shop)
    assert model.predict(shop) == pytest.approx(purchases * spend)


def test_the_table_follows_the_rows(fitted, shop):
    mixed = shop.iloc[::-7]
    table = fitted.predict_table(mixed)
    assert table.index.equals(mixed.index)
    assert (table["expected_value"] == fitted.predict(mixed)).all()
    assert table["p_alive"].between(0, 1).all()


def test_a_year_discounted_at_ten_percent_is_worth_a_little_less(fitted, shop):
    plain = ProbabilisticValue(fitted.purchases, horizon=365).fit(shop).predict(shop).sum()
    assert 1 / 1.1 < fitted.predict(shop).sum() / plain < 1


def test_a_margin_multiplies_the_value(shop):
    full, third = (ProbabilisticValue(margin=margin).fit(shop).predict(shop) for margin in (1.0, 0.3))
    assert third == pytest.approx(0.3 * full)


def test_the_whole_future_is_worth_more_than_fifty_years(shop):
    model = ProbabilisticValue(ParetoNBD(), horizon=50 * 365, discount_rate=0.1).fit(shop)
    residual, half_century = model.residual_value(shop), model.predict(shop)
    assert (residual >= half_century).all()
    assert residual.sum() == pytest.approx(half_century.sum(), rel=0.02)


def test_the_name_tells_the_family(fitted):
    assert fitted.name == f"{fitted.purchases.name}_gamma_gamma"


def test_a_stored_model_answers_the_same(fitted, shop):
    restored = from_state(json.loads(json.dumps(to_state(fitted))), CATALOGUE)
    assert (restored.predict(shop) == fitted.predict(shop)).all()
    assert restored.predict_interval(shop.head(5)).equals(fitted.predict_interval(shop.head(5)))
    assert restored.purchases_.standard_errors_ == pytest.approx(
        fitted.purchases_.standard_errors_, nan_ok=True
    )


def test_the_models_given_are_not_changed(shop):
    purchases = ParetoNBD()
    ProbabilisticValue(purchases).fit(shop)
    assert not hasattr(purchases, "params_")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"horizon": 0}, "horizon must be a positive number of days, got 0"),
        ({"horizon": "3m"}, "horizon must be a positive number of days, got '3m'"),
        ({"discount_rate": -0.1}, "discount_rate must not be negative"),
        ({"margin": 30}, "margin must be above 0 and at most 1, got 30"),
    ],
)
def test_impossible_settings_are_refused(setting, message, shop):
    with pytest.raises(ValueError, match=message):
        ProbabilisticValue(**setting).fit(shop)


def test_a_shop_of_one_time_buyers_is_refused_before_the_fit(shop):
    once = shop.assign(frequency=0.0, recency=0.0, monetary_value=0.0)
    with pytest.raises(ValueError, match="no customer has spent on a repeat purchase"):
        ProbabilisticValue().fit(once)


def test_negative_spend_is_refused(shop):
    returned = shop.copy()
    returned.loc[returned["frequency"].idxmax(), "monetary_value"] = -3.0
    with pytest.raises(ValueError, match="net returns against their orders first"):
        ProbabilisticValue().fit(returned)
