"""Weights come from rows that no member had seen; order from all members, level from one."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from cltv_ml.errors import InputError
from cltv_ml.models import CATALOGUE, Ensemble, Hybrid, ProbabilisticValue, Tweedie, ValueModel
from cltv_ml.models.ensemble import learn_weights
from cltv_ml.models.state import from_state, to_state


class Column(ValueModel):
    """Says what a column says, times a factor: a member whose quality and level are known."""

    needs_labels = True

    def __init__(self, column="good", factor=1.0, horizon=91):
        self.column = column
        self.factor = factor
        self.horizon = horizon

    @property
    def name(self):
        return self.column

    def fit(self, X, y=None):
        self.feature_names_in_ = np.array([self.column], dtype=object)
        return self

    def _predict(self, X):
        return X[self.column].to_numpy() * self.factor


@pytest.fixture(scope="module")
def shop():
    """Two views of each customer's value, each with half of what matters, and one that is noise."""
    rng = np.random.default_rng(4)
    left, right = rng.gamma(1.0, 20, (2, 5000))
    X = pd.DataFrame({"left": left, "right": right, "noise": rng.gamma(1.0, 20, 5000)})
    X["whole"] = (left + right) / 2
    X.index = pd.Index([f"c{number}" for number in range(5000)], name="customer_id")
    y = X["whole"] * rng.gamma(1, 2, 5000) * (rng.random(5000) < 0.5)
    return X, y


def test_weights_find_the_members_that_know_something(shop):
    X, y = shop
    weights = learn_weights(X[["noise", "left", "right"]], y)
    assert weights == pytest.approx([0, 0.5, 0.5], abs=0.07)


def test_the_simplest_member_wins_a_tie(shop):
    X, y = shop
    twice = X[["whole"]].assign(again=X["whole"] * 1.0001)
    assert learn_weights(twice, y).tolist() == [1.0, 0.0]
    assert learn_weights(twice[["again", "whole"]], y).tolist() == [1.0, 0.0]


def test_the_mean_counts_all_members_alike_and_keeps_its_name(shop):
    X, y = shop
    mean = Ensemble(members=[Column("left"), Column("right", 3.0), Column("noise")], weights="equal")
    unseen = X[["left", "right", "noise"]]
    fitted = {name: Column(name).fit(X) for name in unseen}
    for made in (clone(mean).fit(X, y), clone(mean).weighted(unseen, y).combine(fitted, X)):
        assert (made.name, list(made.weights_.values())) == ("mean", pytest.approx([1 / 3] * 3))
        assert made.predict(X) == pytest.approx(
            (unseen / unseen.mean()).mean(axis=1) * made.predict(X).mean()
        )
    assert mean.weigh(unseen, y).std() > 0


def test_weights_that_are_no_weights_are_named(shop):
    X, y = shop
    with pytest.raises(InputError, match="None or \"equal\", got 'even'"):
        Ensemble(members=[Column("left"), Column("right")], weights="even").fit(X, y)


def test_the_level_of_a_member_does_not_change_its_weight(shop):
    X, y = shop
    plain = learn_weights(X[["left", "right"]], y)
    assert learn_weights(X[["left", "right"]] * [1.0, 30.0], y) == pytest.approx(plain, abs=1e-3)


def test_members_are_brought_to_one_total_and_weighted(shop):
    X, y = shop
    model = Ensemble(members=[Column("left"), Column("right", 3.0)], weights={"left": 1.0, "right": 3.0})
    model.fit(X, y)
    left, right = X["left"], X["right"] * 3
    level = 0.25 * left.mean() + 0.75 * right.mean()
    expected = level * (0.25 * left / left.mean() + 0.75 * right / right.mean())
    assert model.predict(X) == pytest.approx(expected.to_numpy())


def test_predictions_for_unseen_rows_use_weights_of_the_other_half(shop):
    X, y = shop
    model = Ensemble(members=[Column("left"), Column("noise")])
    half = pd.util.hash_array(X.index.to_numpy(dtype=object)) % 2 == 0
    before = model.weigh(X[["left", "noise"]], y)
    changed = model.weigh(X[["left", "noise"]], y.where(~half, y.sample(frac=1, random_state=1).to_numpy()))
    assert (changed[half] == before[half]).all()
    assert (changed[~half] != before[~half]).any()


@pytest.mark.parametrize(
    "weights", [{"left": -1.0, "right": 2.0}, {"left": 0.0, "right": 0.0}, {"other": 1.0}]
)
def test_weights_that_cannot_be_are_refused(shop, weights):
    X, y = shop
    with pytest.raises(ValueError, match="weights must be zero or more"):
        Ensemble(members=[Column("left"), Column("right")], weights=weights).fit(X, y)


def test_one_buyer_is_too_few_to_weigh_models():
    X = pd.DataFrame({"left": np.arange(60.0), "right": np.arange(60.0)})
    with pytest.raises(ValueError, match="1 customer bought"):
        Ensemble(members=[Column("left"), Column("right")]).fit(X, pd.Series([0.0] * 59 + [4.0]))


def test_labels_of_one_window_give_no_weight_to_models_that_know_labels_only():
    model = Ensemble(members=[ProbabilisticValue(), Column("left"), Hybrid()])
    rng = np.random.default_rng(0)
    truth = pd.Series(rng.gamma(1.0, 20, 500))
    unseen = pd.DataFrame(
        {"left": truth, "hybrid": truth * rng.gamma(2, 0.5, 500), "bg_nbd_gamma_gamma": 20.0}
    )
    assert model.learn(unseen, truth)["left"] == 1.0
    assert "left" not in model.learn(unseen, truth, carries_over=False)


def test_members_of_one_kind_have_the_names_of_a_mapping_also_when_stored():
    rng = np.random.default_rng(5)
    X = pd.DataFrame({"activity": rng.random(400)}, index=pd.Index(range(400), name="customer_id"))
    y = pd.Series(rng.gamma(2, 20 * (0.2 + X["activity"])) * (rng.random(400) < 0.6), index=X.index)
    members = {"small": Tweedie(n_estimators=5), "large": Tweedie(n_estimators=30)}
    model = Ensemble(members=members, weights={"small": 0.5, "large": 0.5}).fit(X, y)
    stored = from_state(to_state(model), CATALOGUE).adapt(X)
    assert list(stored.weights_) == ["small", "large"]
    assert (stored.predict(X) == model.predict(X)).all()
    with pytest.raises(InputError, match="more than once"):
        Ensemble(members=list(members.values())).fit(X, y)
