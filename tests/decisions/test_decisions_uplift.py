import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from cltv_ml.decisions.qini import compute_qini
from cltv_ml.decisions.uplift import LEARNERS, balance_table, compare_learners


def _campaign(customers, seed=0, effect=0.12):
    """A mailing that works for former buyers of one department only; text and missing values included."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "history": rng.gamma(1.2, 200, customers),
            "department": rng.choice(["women", "men"], customers),
            "channel": rng.choice(["web", "phone", "both"], customers),
            "recency": np.where(rng.random(customers) < 0.05, np.nan, rng.integers(1, 13, customers)),
        }
    )
    treated = rng.random(customers) < 0.6
    uplift = effect * (X["department"] == "women")
    chance = 0.1 + 0.1 * (X["channel"] == "web") + uplift * treated
    return X, pd.Series(treated.astype(int)), pd.Series((rng.random(customers) < chance).astype(int)), uplift


@pytest.fixture(scope="module")
def past():
    return _campaign(8000)


@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_orders_new_customers_better_than_chance(past, name):
    X, treated, y, _ = past
    model = LEARNERS[name]().fit(X, treated, y)
    later, later_treated, later_y, uplift = _campaign(8000, seed=1)
    scores = model.predict(later)
    assert compute_qini(later_y, later_treated, scores)["qini_lower"] > 0
    assert np.corrcoef(scores, uplift)[0, 1] > 0.6
    assert scores.mean() == pytest.approx(uplift.mean(), abs=0.025)


@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_takes_an_amount_as_outcome(past, name):
    X, treated, y, uplift = past
    model = LEARNERS[name]().fit(X, treated, y * 40.0)
    assert np.corrcoef(model.predict(X), uplift)[0, 1] > 0.6
    assert model.predict(X).mean() == pytest.approx(40 * uplift.mean(), abs=1.5)


@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_is_cloned_and_repeats_itself(past, name):
    X, treated, y, _ = past
    model = LEARNERS[name]().fit(X, treated, y)
    assert np.array_equal(clone(model).fit(X, treated, y).predict(X), model.predict(X))


def test_a_value_of_text_never_seen_is_scored(past):
    X, treated, y, _ = past
    model = LEARNERS["two_models"](n_estimators=5).fit(X, treated, y)
    assert np.isfinite(model.predict(X.head(3).assign(channel="app"))).all()


def test_learners_are_compared_on_customers_they_were_not_fitted_on(past):
    table = compare_learners(*past[:3], folds=2)
    assert set(table.index) == set(LEARNERS)
    assert (table["qini_lower"] > 0).all()
    assert table["mean_uplift"].iloc[0] == pytest.approx(0.06, abs=0.02)


def test_where_nobody_differs_no_learner_is_called_better_than_chance():
    X, treated, y, _ = _campaign(4000, seed=3, effect=0.0)
    assert (compare_learners(X, treated, y, folds=2)["p_chance"] > 0.02).all()


def test_a_campaign_that_chose_its_customers_shows_in_the_balance(past):
    X, treated, _, _ = past
    assert balance_table(X, treated)["looks_random"].all()
    chosen = (X["history"] > X["history"].median()).astype(int)
    table = balance_table(X, chosen)
    assert table.index[0] == "history"
    assert not table.loc["history", "looks_random"]


def test_a_missing_column_is_named(past):
    X, treated, y, _ = past
    model = LEARNERS["two_models"](n_estimators=5).fit(X, treated, y)
    with pytest.raises(ValueError, match=r"missing columns \['history'\]"):
        model.predict(X.drop(columns="history"))


def test_a_campaign_without_control_says_what_it_needs(past):
    X, treated, y, _ = past
    with pytest.raises(ValueError, match="at least 50 customers in each arm"):
        LEARNERS["two_models"]().fit(X, treated * 0, y)


def test_an_outcome_that_is_the_same_for_all_is_refused(past):
    X, treated, y, _ = past
    with pytest.raises(ValueError, match="the same for everyone in one arm"):
        LEARNERS["two_models"]().fit(X, treated, y * 0)


def test_arms_that_share_no_value_of_a_column_do_not_look_random():
    treated = pd.Series([1, 0] * 60)
    table = balance_table(pd.DataFrame({"mens": treated, "same": 1.0}), treated)
    assert not table.loc["mens", "looks_random"]
    assert table.loc["same", "looks_random"]
