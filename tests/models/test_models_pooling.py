"""Parameters per group, shrunk to the whole: better on new customers than one model, and than one for each group."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import BGNBD, MBGCNBD, fit_pooled, log_likelihood

TRUE = {"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 2.5}


def chain(shops, apart, seed=1, sizes=(20, 40, 80, 160)):
    """Customers of shops whose parameters differ, and new customers of each."""
    rng, seen, new = np.random.default_rng(seed), [], {}
    for number in range(shops):
        params = {name: value * np.exp(apart * rng.standard_normal()) for name, value in TRUE.items()}
        model = BGNBD("weeks").with_params(params)
        ages = rng.uniform(20, 52, int(rng.choice(sizes)))
        seen.append(model.simulate(len(ages), ages, seed=1000 * seed + number).assign(shop=f"s{number}"))
        new[f"s{number}"] = model.simulate(300, rng.uniform(20, 52, 300), seed=10**6 + number)
    return pd.concat(seen, ignore_index=True), new


def of_all(new, model_of):
    return sum(log_likelihood(model_of(shop), X) for shop, X in new.items())


@pytest.mark.slow
def test_forty_shops_are_told_apart_better_than_by_one_model_and_by_forty():
    X, new = chain(40, apart=0.4)
    pooled, whole = fit_pooled(BGNBD("weeks"), X, X["shop"]), BGNBD("weeks").fit(X)
    own = {shop: BGNBD("weeks").fit(rows) for shop, rows in X.groupby("shop")}
    shrunk = of_all(new, pooled.of)
    assert shrunk > of_all(new, lambda shop: whole) + 200
    assert shrunk > of_all(new, own.get) + 200


@pytest.fixture(scope="module")
def pooled():
    X, _ = chain(4, apart=0.0, sizes=(60,))
    return fit_pooled(BGNBD("weeks"), X, X["shop"]), X


def test_shops_that_are_alike_are_left_near_the_whole(pooled):
    whole = BGNBD("weeks").fit(pooled[1])
    for shop in ("s0", "s3", "a new one"):
        found = pooled[0].of(shop).expected_new_customer_purchases(26)
        assert found == pytest.approx(whole.expected_new_customer_purchases(26), rel=0.3)
    assert max(pooled[0].spread.values()) < 0.5


def test_each_customer_is_answered_by_their_shop(pooled):
    model, X = pooled
    rows = X["shop"] == "s1"
    found = model.expected_purchases(X, X["shop"], "26w")
    assert (found[rows] == model.of("s1").expected_purchases(X[rows], "26w")).all()


def test_a_shop_of_a_single_customer_is_no_failure():
    X, _ = chain(3, apart=0.2, sizes=(40,))
    X.loc[0, "shop"] = "alone"
    alone = fit_pooled(BGNBD("weeks"), X, X["shop"]).of("alone")
    assert np.isfinite(alone.expected_purchases(X, 26)).all()
    assert alone.n_customers_ == 1


def test_regularity_is_the_wholes():
    X, _ = chain(2, apart=0.2, sizes=(40,))
    found = fit_pooled(MBGCNBD("weeks", k=2), X, X["shop"])
    assert np.isfinite(found.expected_purchases(X, X["shop"], 10)).all()


def test_the_likelihood_of_the_customers_of_the_fit_is_the_fits():
    X, _ = chain(1, apart=0.0)
    model = BGNBD("weeks").fit(X)
    assert log_likelihood(model, X) == pytest.approx(model.log_likelihood_, abs=1e-6)


def test_groups_that_are_missing_or_one_are_refused():
    X, _ = chain(1, apart=0.0)
    with pytest.raises(ValueError, match=r"at least two different groups; found \d+ with 1 different"):
        fit_pooled(BGNBD("weeks"), X, X["shop"])
