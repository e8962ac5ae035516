import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.past_campaign import judge_policies, learn_from_campaign


def _mailing(customers, seed=0, women=0.055):
    """A mailing shaped like a public one of 2008: two arms and a control, rare outcomes, weak effects.

    The mailing for men moves everybody alike; the one for women those who bought for women.
    """
    rng = np.random.default_rng(seed)
    mens = rng.random(customers) < 0.55
    X = pd.DataFrame(
        {
            "recency": rng.integers(1, 13, customers),
            "history": np.exp(rng.normal(5.0, 0.95, customers)).clip(30, 3300),
            "mens": mens.astype(int),
            "womens": np.where(mens, rng.random(customers) < 0.19, True).astype(int),
            "zip_code": rng.choice(["Surburban", "Urban", "Rural"], customers, p=[0.45, 0.4, 0.15]),
            "newbie": rng.integers(0, 2, customers),
            "channel": rng.choice(["Web", "Phone", "Multichannel"], customers),
        }
    )
    arm = pd.Series(rng.choice(["Mens E-Mail", "No E-Mail", "Womens E-Mail"], customers))
    base = 0.10 * np.exp(0.06 * (6 - X["recency"]) + 0.15 * (np.log(X["history"]) - 5))
    effect = {"Mens E-Mail": 0.07, "No E-Mail": 0.0, "Womens E-Mail": 0.012 + women * X["womens"]}
    chance = base + np.select([arm == name for name in effect], list(effect.values()))
    return X, arm, pd.Series((rng.random(customers) < chance).astype(int)), effect["Womens E-Mail"]


@pytest.fixture(scope="module")
def lesson():
    X, arm, visit, _ = _mailing(64_000)
    return learn_from_campaign(X, arm, visit, control="No E-Mail")


def test_an_arm_that_moves_some_more_orders_its_holdout_better_than_chance(lesson):
    assert lesson.arms.loc["Womens E-Mail", "qini_lower"] > 0
    assert lesson.arms.loc["Womens E-Mail", "p_chance"] < 0.05


def test_the_area_under_the_kept_points_of_the_curve_is_the_coefficient(lesson):
    curve = lesson.curves[lesson.curves["arm"] == "Womens E-Mail"]
    assert len(curve) <= 201
    # Half of two arms: about half of each half was treated.
    area = np.trapezoid(curve["incremental"] - curve["random"], curve["share"]) / (
        curve["customers"].max() / 2
    )
    assert area == pytest.approx(lesson.arms.loc["Womens E-Mail", "qini"], rel=0.05)


def test_an_arm_that_moves_all_alike_promises_everybody_the_mean(lesson):
    X, *_ = _mailing(500, seed=1)
    assert lesson.arms.loc["Mens E-Mail", "qini_lower"] < 0
    assert lesson.predict(X)["Mens E-Mail"].unique() == pytest.approx(
        [lesson.arms.loc["Mens E-Mail", "uplift"]]
    )


def test_the_uplift_foreseen_is_the_simulated_one(lesson):
    X, _, _, truth = _mailing(20_000, seed=2)
    predicted = lesson.predict(X)["Womens E-Mail"]
    assert np.corrcoef(predicted, truth)[0, 1] > 0.7
    assert predicted.mean() == pytest.approx(truth.mean(), abs=0.008)


def test_the_mean_uplift_is_within_its_interval(lesson):
    arms = lesson.arms
    assert arms["uplift_lower"].lt(0.07).loc["Mens E-Mail"]
    assert arms["uplift_upper"].gt(0.07).loc["Mens E-Mail"]


def test_an_outcome_of_one_in_a_hundred_is_learned_from():
    X, arm, visit, _ = _mailing(20_000, seed=3)
    bought = visit * (np.random.default_rng(0).random(len(visit)) < 0.06)
    arms = learn_from_campaign(X, arm, bought, control="No E-Mail").arms
    assert arms["rate_untreated"].iloc[0] < 0.01
    assert arms["qini"].notna().all()


def test_an_effect_that_may_be_chance_promises_nothing():
    X, arm, _, _ = _mailing(2_000, seed=4)
    lesson = learn_from_campaign(X, arm, arm.index.to_series() % 7 == 0, control="No E-Mail")
    assert (lesson.predict(X) == 0).all(axis=None)
    assert lesson.arms["verdict"].str.contains("no effect").all()


def test_a_control_that_is_not_there_is_named():
    X, arm, visit, _ = _mailing(500)
    with pytest.raises(ValueError, match=r"control 'none' .* found \['Mens E-Mail', 'No E-Mail'"):
        learn_from_campaign(X, arm, visit, control="none")


def _judged(seed, customers=3_000):
    """Policies by the estimates, with what each would truly have earned: a visit earns 2, a mailing costs 0.1."""
    X, arm, visit, _ = _mailing(customers, seed, women=0.2)
    chances = _chances(X, women=0.2)
    lesson = learn_from_campaign(X, arm, visit, control="No E-Mail")
    profit = 2 * visit - 0.1 * (arm != "No E-Mail")
    table = judge_policies(lesson, X, arm, profit, worth=2, cost=0.1).set_index("policy")
    gain = 2 * lesson.held - 0.1
    best = gain.idxmax(axis=1).where(gain.max(axis=1) > 0, "No E-Mail")
    earned = 2 * chances.loc[lesson.held.index] - [0.1, 0.0, 0.1]
    truth = earned.mean().rename(lambda name: f"{name} for everyone")
    rows = np.arange(len(best))
    truth["each customer's best"] = earned.to_numpy()[rows, earned.columns.get_indexer(best)].mean()
    return table, truth


def _chances(X, women):
    """The true chance of a visit in each arm."""
    base = 0.10 * np.exp(0.06 * (6 - X["recency"]) + 0.15 * (np.log(X["history"]) - 5))
    effects = {"Mens E-Mail": 0.07, "No E-Mail": 0.0, "Womens E-Mail": 0.012 + women * X["womens"]}
    return pd.DataFrame({name: base + effect for name, effect in effects.items()})


def test_the_estimates_of_each_policy_cover_what_it_would_have_earned():
    covered = []
    for seed in range(10):
        table, truth = _judged(seed)
        estimates = table.drop(index="as it was")
        true = truth[estimates.index].to_numpy()
        covered += list((estimates["lower"] <= true) & (true <= estimates["upper"]))
    assert len(covered) == 120
    assert np.mean(covered) > 0.85


def test_choosing_for_each_customer_earns_more_than_what_was_sent_at_random():
    table, _ = _judged(9, 20_000)
    best = table[table["estimator"] == "doubly_robust"]["lower"]["each customer's best"]
    assert best > table.loc["as it was", "value"]
