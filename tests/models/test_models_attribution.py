"""Attribution against what is known by hand, and against a slow count over all orders."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from cltv_ml.models import GammaGamma, ParetoNBD, ParetoNBDCalendar, ProbabilisticValue, Tweedie
from cltv_ml.models.attribution import in_currency, shapley, through, tree_parts

WORTH = {"": 1.0, "a": 3.0, "b": 2.0, "c": 1.0, "ab": 9.0, "ac": 4.0, "bc": 2.0, "abc": 12.0}


def worth(known):
    return np.array([WORTH["".join(sorted(known))]])


def test_shapley_is_the_mean_over_all_orders():
    parts, nothing = shapley(worth, ["a", "b", "c"])
    slow = dict.fromkeys("abc", 0.0)
    for order in permutations("abc"):
        for position, player in enumerate(order):
            slow[player] += (worth(order[: position + 1]) - worth(order[:position]))[0] / 6
    assert parts.loc[0].to_dict() == pytest.approx(slow)
    assert nothing[0] == 1.0


def test_one_split_is_attributed_to_its_feature_by_hand():
    """Leaves of -1 and +3 for three and one of four rows: the mean is 0, so the parts are the leaves."""
    X, y = np.array([[0.0, 5], [0, 6], [0, 7], [1, 5]]), np.array([-1.0, -1, -1, 3])
    data = xgb.QuantileDMatrix(X, y, feature_names=["a", "b"])
    params = {"eta": 1.0, "max_depth": 1, "lambda": 0.0, "base_score": 0.0, "min_child_weight": 0}
    parts, before = tree_parts(xgb.train(params, data, num_boost_round=1), X, ["a", "b"])
    assert parts["a"].tolist() == pytest.approx([-1.0, -1, -1, 3])
    assert (parts["b"] == 0).all()
    assert before == pytest.approx(0.0, abs=1e-6)


def test_currency_keeps_signs_and_leaves_nothing_over():
    rng = np.random.default_rng(0)
    parts, before = pd.DataFrame(rng.normal(0, 1, (50, 4))), rng.normal(0, 1, 50)
    values = np.exp(before + parts.sum(axis="columns").to_numpy())
    found = in_currency(parts, before, values)
    assert found.sum(axis="columns").to_numpy() == pytest.approx(values, rel=1e-12)
    assert found["baseline"].to_numpy() == pytest.approx(np.exp(before), rel=1e-9)
    assert (np.sign(found.drop(columns="baseline")) == np.sign(parts)).all(axis=None)


def test_parts_that_cancel_still_have_their_size_in_currency():
    found = in_currency(pd.DataFrame({"a": [0.5], "b": [-0.5]}), np.log([10.0]), np.array([10.0]))
    assert found.loc[0].tolist() == pytest.approx([5.0, -5.0, 10.0])


def test_a_link_is_followed_from_end_to_end():
    parts, before = through(np.exp, pd.DataFrame({"a": [0.3, 0.0], "b": [0.4, 0.0]}), np.array([1.0, 2.0]))
    assert before == pytest.approx(np.exp([1.0, 2.0]))
    assert parts.sum(axis="columns").tolist() == pytest.approx([np.exp(1.7) - np.exp(1.0), 0.0])


@pytest.fixture(scope="module")
def customers():
    rng = np.random.default_rng(3)
    T = rng.integers(60, 300, 600).astype(float)
    frequency = np.minimum(rng.poisson(2, 600), T)
    recency = np.where(frequency > 0, np.ceil(T * rng.beta(2, 1, 600)), 0.0)
    frequency = np.minimum(frequency, recency)
    spend = np.where(frequency > 0, rng.gamma(6, 7, 600), 0.0)
    return pd.DataFrame({"frequency": frequency, "recency": recency, "T": T, "monetary_value": spend})


def test_a_purchase_model_explains_a_one_time_buyer_by_the_time_since(customers):
    model = ProbabilisticValue(ParetoNBD()).fit(customers)
    once = customers[customers["frequency"] == 0]
    parts = model.contributions(once)
    assert (parts[["frequency", "monetary_value"]].abs() < 1e-9).all(axis=None)
    assert (parts["recency"] < 0).all()


def test_more_purchases_and_a_lately_seen_customer_add_value(customers):
    model = ProbabilisticValue(ParetoNBD()).fit(customers)
    X = pd.DataFrame({"frequency": [8.0, 8], "recency": [195.0, 60], "T": 200.0, "monetary_value": 60.0})
    parts = model.contributions(X)
    assert (parts["frequency"] > 0).all()
    assert parts["recency"].tolist()[1] < parts["recency"].tolist()[0] <= 0
    assert parts["baseline"].nunique() == 1


def test_spend_as_usual_for_such_customers_adds_nothing(customers):
    X = customers.assign(member=np.arange(len(customers)) % 2.0, cutoff_day=18_262.0)
    spend = GammaGamma(covariates=["member"])
    spend.params_ = {"p": 5.0, "q": 4.0, "v": 60.0, "spend:member": 0.8, "spend:log(frequency)": 0.3}
    purchases = ParetoNBDCalendar(months=False).with_params({"r": 0.8, "alpha": 30.0, "s": 0.6, "beta": 90.0})
    model = ProbabilisticValue(horizon=90).with_parts(purchases, spend)
    usual = X.assign(monetary_value=np.where(X["frequency"] > 0, spend.population_mean(X), 0.0))
    parts = model.contributions(usual)
    assert parts["monetary_value"].abs().max() < 1e-9
    assert parts.sum(axis=1).to_numpy() == pytest.approx(model.predict(usual), rel=1e-9)
    assert model.explain_history(usual, np.log)[0]["monetary_value"].abs().max() < 1e-9


def test_trees_explain_by_the_feature_that_matters():
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"noise": rng.random(3_000), "rate": rng.random(3_000)})
    y = pd.Series(rng.gamma(20, (10 + 90 * X["rate"]) / 20))
    parts = Tweedie(features=["noise", "rate"]).fit(X, y).contributions(X)
    assert parts["rate"].abs().mean() > 5 * parts["noise"].abs().mean()
    assert np.corrcoef(parts["rate"], X["rate"])[0, 1] > 0.95
