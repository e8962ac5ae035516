"""Every log trains what it can: short labels, origins without repeat customers, models that cannot be fitted."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import simulate
from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import judge
from cltv_ml.evaluation.choice import choose
from cltv_ml.evaluation.panel import MIN_REPEATERS, prepare
from cltv_ml.evaluation.stability import choice_notes
from cltv_ml.models import Ensemble, Hurdle, ProbabilisticValue, SameRate, Tweedie
from cltv_ml.windows import Window

FEATURES = ["frequency", "recency", "T", "monetary_value", "spend_per_day"]


@pytest.fixture(scope="module")
def log():
    return simulate(500, days=300, seed=4).log[["customer_id", "timestamp", "amount"]]


@pytest.fixture(scope="module")
def short():
    """Four months of log, a horizon of 44 days."""
    some = simulate(500, days=120, seed=4).log[["customer_id", "timestamp", "amount"]]
    below = ProbabilisticValue(horizon=44)
    trees = Tweedie(n_estimators=10)
    models = [SameRate(44), below, Tweedie(44, n_estimators=10), Ensemble(44, members=[below, trees])]
    return judge(some, Window.latest(some["timestamp"].max(), 44), models, FEATURES)


def test_trees_compete_on_four_months_of_log_with_shorter_labels_and_the_run_says_so(short):
    assert list(short.models) == ["same_rate", "bg_nbd_gamma_gamma", "tweedie", "ensemble"]
    assert short.training.label_days < 44
    assert short.validation.protocol == "out of time"
    assert f"from windows of {short.training.label_days} days" in " ".join(short.notes)
    assert short.values["tweedie"].sum() == pytest.approx(short.values["bg_nbd_gamma_gamma"].sum(), rel=0.2)


def test_the_naive_rule_is_no_champion_where_another_model_competes(short):
    assert choose(short).champion != "same_rate"


def durable(customers=300):
    """Customers who come one by one over two years, of whom a few buy again after a year and more."""
    rng = np.random.default_rng(0)
    start = pd.Timestamp("2022-01-01")
    first = rng.integers(0, 700, customers)
    again = rng.random(customers) < 0.4
    second = first[again] + rng.integers(300, 500, again.sum())
    ids = np.array([f"c{number}" for number in range(customers)])
    days, who = np.r_[first, second], np.r_[ids, ids[again]]
    rows = pd.DataFrame({"customer_id": who, "timestamp": start + pd.to_timedelta(days, unit="D")})
    rows["amount"] = rng.gamma(5, 100, len(rows))
    return rows[days < 730].sort_values("timestamp", ignore_index=True)


@pytest.fixture(scope="module")
def goods():
    return durable()


def test_an_origin_by_which_next_to_nobody_had_bought_again_is_left_out(goods):
    training = prepare(goods, Window("2023-08-30", 91), FEATURES)
    kept = {origin.cutoff for origin in training.origins}
    assert kept == set(training.X.index.get_level_values("cutoff"))
    repeaters = (training.X["frequency"] > 0).groupby(level="cutoff").sum()
    assert repeaters.min() >= MIN_REPEATERS
    assert "had spent on a second day" in " ".join(training.notes)


def test_a_shop_of_durable_goods_trains(goods):
    models = [SameRate(91), ProbabilisticValue(horizon=91), Tweedie(91, n_estimators=10)]
    result = judge(goods, Window("2023-08-30", 91), models, FEATURES)
    assert "tweedie" in result.models
    assert choose(result).champion != "same_rate"


class Broken(Tweedie):
    name = "broken"

    def fit(self, X, y=None):
        raise InputError("nothing to learn here.")


def test_a_model_that_cannot_be_fitted_leaves_with_its_reason(log):
    members = [ProbabilisticValue(), Broken()]
    models = [*(member.set_params(horizon=60) for member in members), Ensemble(60, members=members)]
    result = judge(log, Window("2022-08-01", 60), models, FEATURES)
    assert list(result.models) == ["bg_nbd_gamma_gamma"]
    assert result.left["broken"] == "nothing to learn here."
    assert "fewer than two" in result.left["ensemble"]


def test_where_no_model_can_be_fitted_the_reasons_are_named(log):
    with pytest.raises(InputError, match=r"no model could be fitted. broken: nothing to learn here"):
        judge(log, Window("2022-08-01", 60), [Broken(60)], FEATURES)


def test_who_may_not_be_chosen_is_named_with_the_reason(log):
    models = [SameRate(90), ProbabilisticValue(horizon=90), Tweedie(90, n_estimators=10), Hurdle(90)]
    result = judge(log, Window("2022-07-25", 90), models, FEATURES)
    assert result.validation.protocol == "other customers"
    assert "tweedie, hurdle could not be chosen: the log has no earlier window" in " ".join(
        choice_notes(result, "x")
    )
    alone = judge(log, Window("2022-07-25", 90), [models[0], models[2]], FEATURES)
    assert choose(alone).champion == "tweedie"


def test_the_choice_says_how_stable_it_is_over_earlier_windows(log):
    models = [SameRate(30), ProbabilisticValue(horizon=30), Tweedie(30, n_estimators=10)]
    result = judge(log, Window("2022-09-15", 30), models, FEATURES)
    assert 1 < len(result.validation.cutoffs) <= 6
    notes = " ".join(choice_notes(result, "tweedie"))
    assert re.search(
        rf"Over {len(result.validation.cutoffs)} earlier windows .*tweedie (had the best Gini )?in \d", notes
    )
    assert "The champion's Gini was at most 0." in notes


def test_windows_in_which_nobody_spent_do_not_count_in_the_stability_of_the_choice(log):
    models = [SameRate(30), ProbabilisticValue(horizon=30), Tweedie(30, n_estimators=10)]
    result = judge(log, Window("2022-09-15", 30), models, FEATURES)
    silent = replace(result.validation, y_true=result.validation.y_true * 0)
    assert "best Gini in" not in " ".join(choice_notes(replace(result, validation=silent), "tweedie"))
