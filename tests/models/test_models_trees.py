from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from cltv_ml.models import (
    ZILN,
    Ensemble,
    Hurdle,
    Hybrid,
    Quantile,
    SameRate,
    Tweedie,
    boosting,
)
from cltv_ml.models.boosting import origin_weights

TREES = [Tweedie(n_estimators=20), Hurdle(n_estimators=20), ZILN(n_estimators=20), Quantile(n_estimators=20)]


@pytest.fixture(scope="module")
def shop():
    """Customers whose probability to buy and mean spend are known functions of two features."""
    rng = np.random.default_rng(11)
    X = pd.DataFrame({"activity": rng.random(6000), "size": rng.random(6000), "noise": rng.random(6000)})
    p_buy, spend = 0.1 + 0.6 * X["activity"], 20 + 200 * X["size"]
    y = pd.Series(rng.gamma(4, spend / 4) * (rng.random(6000) < p_buy))
    return X, y, p_buy * spend


@pytest.mark.parametrize("model", [Tweedie(), Hurdle(), ZILN()])
def test_trees_recover_the_expected_value_and_the_total(model, shop):
    X, y, truth = shop
    learned, other = slice(0, 4000), slice(4000, 6000)
    predicted = model.fit(X[learned], y[learned]).predict(X[other])
    assert predicted.sum() / truth[other].sum() == pytest.approx(1, abs=0.06)
    assert np.corrcoef(predicted, truth[other])[0, 1] > 0.93


@pytest.mark.parametrize(
    "model",
    [Tweedie(n_estimators=30), Hurdle(n_estimators=30), ZILN(n_estimators=30), Quantile(n_estimators=30)],
)
def test_currency_does_not_matter(model, shop):
    X, y, _ = shop
    yen = model.fit(X, y * 160).predict(X)
    assert yen == pytest.approx(160 * model.fit(X, y).predict(X), rel=1e-4)


def test_hurdle_multiplies_the_probability_and_the_amount(shop):
    X, y, _ = shop
    model = Hurdle(n_estimators=20).fit(X, y)
    assert (model.predict(X) == model.p_buy(X) * model.expected_spend(X)).all()


@pytest.mark.parametrize("model", TREES)
def test_shuffled_labels_give_no_skill(model, shop):
    X, y, truth = shop
    shuffled = y.sample(frac=1, random_state=0).reset_index(drop=True)
    predicted = model.fit(X, shuffled).predict(X)
    assert abs(np.corrcoef(predicted, truth)[0, 1]) < 0.2


@pytest.mark.parametrize("model", [Tweedie(), Hurdle(), Hybrid(), ZILN(), Quantile(), Ensemble()])
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "requires y to be passed"),
        ([0.0, 0.0, 0.0], "every label is zero"),
        ([1.0, -2.0, 0.0], "y contains negative values"),
        ([1.0, np.nan, 0.0], "y contains NaN"),
        ([1.0, 2.0], "one value per row of X"),
    ],
)
def test_labels_that_teach_nothing_are_refused(model, labels, message):
    X = pd.DataFrame({"activity": [0.1, 0.2, 0.3]})
    with pytest.raises(ValueError, match=message):
        model.fit(X, labels)


@pytest.mark.parametrize("model", TREES)
def test_one_positive_or_constant_labels_still_give_finite_values(model):
    X = pd.DataFrame({"activity": np.linspace(0, 1, 60)})
    for labels in ([0.0] * 59 + [5.0], [5.0] * 60):
        assert np.isfinite(model.fit(X, labels).predict(X)).all()


def test_same_rate_of_a_customer_seen_for_no_time_is_zero():
    X = pd.DataFrame({"frequency": [0.0], "T": [0.0], "monetary_value": [0.0]})
    assert SameRate().fit(X).predict(X).tolist() == [0.0]


def test_ziln_totals_do_not_explode_under_a_heavy_tail():
    rng = np.random.default_rng(2)
    X = pd.DataFrame({"activity": rng.random(5000), "noise": rng.normal(size=5000)})
    y = pd.Series(np.exp(rng.normal(X["activity"] * 3, 1.8)) * (rng.random(5000) < 0.3))
    fresh = pd.DataFrame({"activity": rng.random(5000), "noise": rng.normal(size=5000) * 5})
    model = ZILN(n_estimators=200, learning_rate=0.3, min_child_weight=1.0).fit(X, y)
    assert model.predict(X).sum() == pytest.approx(y.sum(), rel=0.02)
    assert model.predict(fresh).sum() < 2 * y.sum()


def test_ziln_knows_the_probability_of_buying(shop):
    X, y, _ = shop
    found = ZILN().fit(X, y).p_buy(X)
    assert np.mean(np.abs(found - (0.1 + 0.6 * X["activity"]))) < 0.04
    assert ZILN(n_estimators=2).fit(X, y).predict(X[:0]).shape == (0,)


def test_quantiles_never_cross_and_hold_their_share(shop):
    X, y, _ = shop
    learned, other = slice(0, 4000), slice(4000, 6000)
    model = Quantile(quantile_alpha=(0.5, 0.8, 0.9, 0.95)).fit(X[learned], y[learned])
    table = model.predict_quantiles(X[other])
    assert (np.diff(table, axis=1) >= 0).all()
    below = (y[other].to_numpy()[:, None] <= table.to_numpy()).mean(axis=0)
    assert below[1:] == pytest.approx([0.8, 0.9, 0.95], abs=0.03)


@pytest.mark.parametrize("levels", [(), (0.0, 0.5), (0.5, 1.0), (0.9, 0.5), (0.5, 0.5)])
def test_quantiles_ascend_between_zero_and_one(levels):
    with pytest.raises(ValueError, match="quantile_alpha must"):
        Quantile(quantile_alpha=levels).fit(pd.DataFrame({"activity": [1.0]}), [1.0])


@pytest.mark.parametrize("model", TREES)
def test_text_is_refused_at_predict_where_numbers_were_learned(model, shop):
    X, y, _ = shop
    named = type(model)(features=["activity", "channel"], n_estimators=2)
    named.fit(X.assign(channel=1.0), y)
    with pytest.raises(ValueError, match="column 'channel' must be a number"):
        named.predict(X.assign(channel="fax"))


@pytest.mark.parametrize("model", [*TREES, Hybrid(n_estimators=20)])
def test_text_is_not_left_out_in_silence(model, shop):
    X, y, _ = shop
    texts = X.assign(country="FR", frequency=0.0, recency=0.0, T=50.0, monetary_value=0.0)
    with pytest.raises(
        ValueError, match=rf"{type(model).__name__}: the columns \['country'\] are not numeric.*`features`"
    ):
        model.fit(texts, y)


@pytest.mark.parametrize("model", TREES)
def test_what_is_infinite_or_too_large_to_hold_is_named(model, shop):
    X, y, _ = shop
    for value in (np.inf, -np.inf, 1e300):
        with pytest.raises(ValueError, match="column 'size' contains an infinite value"):
            model.fit(X.assign(size=value), y)


def test_a_feature_that_appears_twice_is_named(shop):
    X, y, _ = shop
    twice = pd.concat([X, X[["size"]]], axis=1)
    with pytest.raises(ValueError, match="column 'size' appears 2 times"):
        Tweedie(n_estimators=2).fit(twice, y)


@pytest.mark.parametrize("model", TREES)
def test_what_is_expected_of_the_training_rows_adds_up_to_what_they_spent(model, shop):
    X, y, _ = shop
    heavy = y**2 / y.mean()
    assert model.fit(X, heavy).predict(X).sum() == pytest.approx(heavy.sum(), rel=1e-5)


def test_recent_windows_and_last_years_season_count_most():
    cutoffs = pd.to_datetime(["2023-09-30", "2023-12-31", "2024-01-01", "2024-07-01"])
    index = pd.MultiIndex.from_product([cutoffs, ["a", "b"]], names=["cutoff", "customer_id"])
    weights = origin_weights(Tweedie(91, half_life=90), pd.DataFrame(index=index))[::2]
    assert weights.argmax() in (0, 3)
    assert weights[0] == pytest.approx(weights[3], rel=0.02)  # October is next
    assert weights[1] < 0.6 * weights[3]


def test_a_window_that_counts_more_decides():
    rng = np.random.default_rng(1)
    cutoffs = pd.to_datetime(["2024-04-01", "2024-07-01"])
    index = pd.MultiIndex.from_product([cutoffs, range(500)], names=["cutoff", "customer_id"])
    X = pd.DataFrame({"activity": rng.random(1000)}, index=index)
    y = pd.Series(np.where(index.get_level_values("cutoff") == cutoffs[1], 20.0, 10.0), index=index)
    recent = Tweedie(91, half_life=20, subsample=1.0).fit(X, y).booster_.inplace_predict(X.to_numpy())
    alike = Tweedie(91, half_life=None, subsample=1.0).fit(X, y).booster_.inplace_predict(X.to_numpy())
    assert alike.mean() == pytest.approx(1.0, rel=0.02)
    assert recent.mean() == pytest.approx(20 / 15, rel=0.05)


@pytest.mark.parametrize("model", TREES, ids=lambda model: model.name)
def test_the_device_reaches_every_training_and_answers_come_from_the_processor(model, shop, monkeypatch):
    done, train, set_param = [], boosting.xgb.train, boosting.xgb.Booster.set_param

    def on_the_processor(params, *rest, **more):
        booster = train({**params, "device": "cpu"}, *rest, **more)
        done.append(f"trained on {params['device']}")
        return booster

    def noted(booster, params, value=None):
        if done:
            done.append(params)
        set_param(booster, params, value)

    monkeypatch.setattr(boosting.xgb, "train", on_the_processor)
    monkeypatch.setattr(boosting.xgb.Booster, "set_param", noted)
    clone(model).set_params(device="cuda", n_estimators=3).fit(*shop[:2])
    moved = [after for before, after in pairwise(done) if before == "trained on cuda"]
    assert moved
    assert len(moved) == done.count("trained on cuda")
    assert all(after["device"] == "cpu" for after in moved)


@pytest.mark.skipif(not Path("/dev/nvidia0").exists(), reason="no GPU on this machine")
@pytest.mark.parametrize("model", TREES, ids=lambda model: model.name)
def test_a_gpu_learns_what_the_processor_learns(model, shop):
    X, y, _ = shop
    here = clone(model).fit(X, y).predict(X)
    there = clone(model).set_params(device="cuda").fit(X, y).predict(X)
    assert there.sum() == pytest.approx(here.sum(), rel=0.02)
    assert np.corrcoef(here, there)[0, 1] > 0.99
