import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import Hurdle, SameRate, Tweedie


@pytest.fixture(scope="module")
def shop():
    """Customers whose probability to buy and mean spend are known functions of two features."""
    rng = np.random.default_rng(11)
    X = pd.DataFrame({"activity": rng.random(6000), "size": rng.random(6000), "noise": rng.random(6000)})
    p_buy, spend = 0.1 + 0.6 * X["activity"], 20 + 200 * X["size"]
    y = pd.Series(rng.gamma(4, spend / 4) * (rng.random(6000) < p_buy))
    return X, y, p_buy * spend


@pytest.mark.parametrize("model", [Tweedie(), Hurdle()])
def test_trees_recover_the_expected_value_and_the_total(model, shop):
    X, y, truth = shop
    learned, other = slice(0, 4000), slice(4000, 6000)
    predicted = model.fit(X[learned], y[learned]).predict(X[other])
    assert predicted.sum() / truth[other].sum() == pytest.approx(1, abs=0.06)
    assert np.corrcoef(predicted, truth[other])[0, 1] > 0.93


@pytest.mark.parametrize("model", [Tweedie(rounds=30), Hurdle(rounds=30)])
def test_currency_does_not_matter(model, shop):
    X, y, _ = shop
    yen = model.fit(X, y * 160).predict(X)
    assert yen == pytest.approx(160 * model.fit(X, y).predict(X), rel=1e-4)


def test_hurdle_multiplies_the_probability_and_the_amount(shop):
    X, y, _ = shop
    model = Hurdle(rounds=20).fit(X, y)
    assert (model.predict(X) == model.p_buy(X) * model.expected_spend(X)).all()


@pytest.mark.parametrize("model", [Tweedie(rounds=20), Hurdle(rounds=20)])
def test_shuffled_labels_give_no_skill(model, shop):
    X, y, truth = shop
    shuffled = y.sample(frac=1, random_state=0).reset_index(drop=True)
    predicted = model.fit(X, shuffled).predict(X)
    assert abs(np.corrcoef(predicted, truth)[0, 1]) < 0.2


@pytest.mark.parametrize("model", [Tweedie(), Hurdle()])
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "y is missing"),
        ([0.0, 0.0, 0.0], "every label is zero"),
        ([1.0, -2.0, 0.0], "negative, missing or infinite"),
        ([1.0, np.nan, 0.0], "negative, missing or infinite"),
        ([1.0, 2.0], "one value per row of X"),
    ],
)
def test_labels_that_teach_nothing_are_refused(model, labels, message):
    X = pd.DataFrame({"activity": [0.1, 0.2, 0.3]})
    with pytest.raises(ValueError, match=message):
        model.fit(X, labels)


@pytest.mark.parametrize("model", [Tweedie(rounds=5), Hurdle(rounds=5)])
def test_one_positive_or_constant_labels_still_give_finite_values(model):
    X = pd.DataFrame({"activity": np.linspace(0, 1, 60)})
    for labels in ([0.0] * 59 + [5.0], [5.0] * 60):
        assert np.isfinite(model.fit(X, labels).predict(X)).all()


def test_same_rate_of_a_customer_seen_for_no_time_is_zero():
    X = pd.DataFrame({"frequency": [0.0], "T": [0.0], "monetary_value": [0.0]})
    assert SameRate().fit(X).predict(X).tolist() == [0.0]
