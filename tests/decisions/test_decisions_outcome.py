import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cltv_ml.decisions.outcome import evaluate_campaign
from cltv_ml.windows import Window

WINDOW = Window("2024-01-01", 30)


def _campaign(seed, customers=3000, lift=0.05):
    """A campaign that adds `lift` to the chance of one purchase of 40, stratified by two tiers."""
    rng = np.random.default_rng(seed)
    ids = [f"c{number:04d}" for number in range(customers)]
    tier = np.where(np.arange(customers) % 4 == 0, "high", "low")
    control = np.arange(customers) // 4 % 3 == 0
    actions = pd.DataFrame(
        {
            "customer_id": ids,
            "control": control,
            "tier": tier,
            "cost": 0.5,
            "expected_profit": 1.0,
            "action": "mail",
        }
    )
    buys = rng.random(customers) < np.where(tier == "high", 0.3, 0.1) + lift * ~control
    log = pd.DataFrame(
        {"customer_id": np.array(ids)[buys], "timestamp": pd.Timestamp("2024-01-10"), "amount": 40.0}
    )
    end = pd.DataFrame({"customer_id": ["other"], "timestamp": pd.Timestamp("2024-01-31"), "amount": 1.0})
    return actions, pd.concat([log, end], ignore_index=True)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_promised():
    rows = [
        evaluate_campaign(*_campaign(seed), WINDOW, margin_rate=0.5, confidence=0.9).loc["all"]
        for seed in range(150)
    ]
    table = pd.DataFrame(rows)
    for name, truth in {
        "uplift": 0.05,
        "spend_uplift": 2.0,
        "realised_profit": 2000 * (0.05 * 20 - 0.5),
    }.items():
        covered = (table[f"{name}_lower"] <= truth) & (truth <= table[f"{name}_upper"])
        assert 0.83 <= covered.mean() <= 0.96
        assert abs(table[name].astype(float).mean() - truth) < 0.2 * abs(truth)


def test_the_figures_equal_a_slow_count():
    actions, log = _campaign(4)
    row = evaluate_campaign(actions.drop(columns="tier"), log, WINDOW, margin_rate=0.5).loc["all"]
    bought = actions["customer_id"].isin(log["customer_id"])
    control = actions["control"]
    difference = bought[~control].mean() - bought[control].mean()
    assert row["uplift"] == pytest.approx(difference)
    assert row["realised_profit"] == pytest.approx((~control).sum() * (difference * 40 * 0.5 - 0.5))
    assert row["expected_profit"] == (~control).sum()


def _few(buyers, treated, of_treated, of_control):
    """A campaign of `of_treated` and `of_control` customers of whom the first `treated` and `buyers` bought for 40."""
    control = np.arange(of_treated + of_control) >= of_treated
    ids = np.array([f"c{number:03d}" for number in range(len(control))])
    bought = np.r_[ids[:treated], ids[of_treated : of_treated + buyers]]
    actions = pd.DataFrame({"customer_id": ids, "control": control, "cost": 0.3, "expected_profit": 1.0})
    log = pd.DataFrame(
        {"customer_id": [*bought, "other"], "timestamp": pd.Timestamp("2024-01-31"), "amount": 40.0}
    )
    return actions, log.assign(timestamp=log["timestamp"].where(log["customer_id"] == "other", WINDOW.cutoff))


def test_a_control_group_without_a_buyer_may_have_had_some():
    """5 of 118 and 0 of 30 is chance: Fisher's exact test has a p of 0.58. The interval had lain above zero."""
    row = evaluate_campaign(*_few(0, 5, 118, 30), WINDOW, margin_rate=0.5).loc["all"]
    p1, wilson = stats.binomtest(5, 118), stats.binomtest(0, 30)
    low, high = p1.proportion_ci(method="wilson"), wilson.proportion_ci(method="wilson")
    below = np.hypot(5 / 118 - low.low, high.high)
    assert row["uplift_lower"] == pytest.approx(5 / 118 - below)
    assert row["uplift_upper"] == pytest.approx(5 / 118 + low.high - 5 / 118)
    assert row["uplift_lower"] < 0


def test_a_campaign_in_which_nobody_bought_is_not_judged():
    """Its interval of the profit has no width, and "lost money" was the verdict."""
    row = evaluate_campaign(*_few(0, 0, 96, 24), WINDOW, margin_rate=0.5).loc["all"]
    assert row["uplift_lower"] < 0 < row["uplift_upper"]
    assert row["verdict"].startswith("undecided: fewer than 5 customers of an arm bought")


def test_each_tier_has_its_row():
    table = evaluate_campaign(*_campaign(1), WINDOW, margin_rate=0.5)
    assert table.index.tolist() == ["all", "high", "low"]
    assert table.loc[["high", "low"], "treated"].sum() == table.loc["all", "treated"]


def test_a_campaign_that_does_nothing_is_not_called_a_success():
    actions, log = _campaign(2, lift=0.0)
    actions["cost"] = 5.0
    assert (
        evaluate_campaign(actions, log, WINDOW, margin_rate=0.5)
        .loc["all", "verdict"]
        .startswith("lost money")
    )


def test_a_campaign_without_control_is_refused():
    actions, log = _campaign(1)
    with pytest.raises(ValueError, match="the control group has 0 of 3000 customers"):
        evaluate_campaign(actions.assign(control=False), log, WINDOW, margin_rate=0.5)


def test_a_log_that_ends_too_early_is_refused():
    actions, log = _campaign(1)
    with pytest.raises(ValueError, match="the log ends on"):
        evaluate_campaign(actions, log, Window("2024-01-01", 60), margin_rate=0.5)


def test_a_discount_counts_once_in_what_a_personal_offer_earned():
    """Goods that cost 50 are sold at 100, to the treated at 80: each of them brings in 20 less."""
    ids = [f"c{number}" for number in range(40)]
    control = np.arange(40) % 2 == 0
    actions = pd.DataFrame({"customer_id": ids, "control": control, "cost": 20.0, "expected_profit": -20.0})
    log = pd.DataFrame(
        {"customer_id": ids, "timestamp": WINDOW.cutoff, "amount": np.where(control, 100.0, 80.0)}
    )
    log.loc[0, "timestamp"] = WINDOW.end - pd.Timedelta(days=1)
    offered = actions.assign(action="personal discount")
    row = evaluate_campaign(offered, log, WINDOW, margin_rate=0.5).loc["all"]
    assert row["realised_profit"] == row["expected_profit"] == -400.0
    assert evaluate_campaign(actions, log, WINDOW, margin_rate=0.5).loc["all", "realised_profit"] == -600.0
