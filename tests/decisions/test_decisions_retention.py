import itertools

import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.retention import (
    break_even,
    choose_customers,
    compute_treatment,
    profit_curve,
    value_at_risk,
)


@pytest.fixture
def predictions():
    rng = np.random.default_rng(2)
    value = rng.gamma(1, 100, 500)
    ids = pd.Index([f"c{number:03d}" for number in range(500)], name="customer_id")
    table = {
        "expected_value": value,
        "p_alive": rng.random(500),
        "value_lower": value * 0.4,
        "value_upper": value * 2,
    }
    return pd.DataFrame(table, index=ids)


@pytest.fixture
def treatment(predictions):
    return compute_treatment(predictions, uplift=0.1, margin_rate=0.4, cost=1.0)


def test_expected_profit_is_uplift_times_value_at_risk_times_margin_less_cost():
    one = pd.DataFrame({"expected_value": [200.0], "p_alive": [0.25]}, index=["a"])
    assert compute_treatment(one, uplift=0.1, margin_rate=0.4, cost=2.0)["expected_profit"].tolist() == [4.0]


def test_without_p_alive_the_chance_of_no_purchase_stands_in():
    table = pd.DataFrame({"expected_value": [10.0], "expected_purchases": [np.log(2)]})
    assert value_at_risk(table).tolist() == pytest.approx([5.0])


def test_where_a_model_finds_nobody_left_the_chance_of_no_purchase_stands_in():
    table = pd.DataFrame(
        {"expected_value": [10.0, 10.0], "p_alive": [1.0, 1.0], "expected_purchases": [np.log(2), 20.0]}
    )
    assert value_at_risk(table).round(6).tolist() == [5.0, 0.0]


def test_value_at_risk_without_either_says_what_it_needs():
    with pytest.raises(ValueError, match="p_alive or expected_purchases, found neither"):
        value_at_risk(pd.DataFrame({"expected_value": [1.0]}))


def test_a_cost_below_one_is_taken_off_and_one_below_zero_refused():
    one = pd.DataFrame({"expected_value": [200.0], "p_alive": [0.25]}, index=["a"])
    table = compute_treatment(one, uplift=0.1, margin_rate=0.4, cost=0.5)
    assert table["expected_profit"].tolist() == [5.5]
    with pytest.raises(ValueError, match=r"cost must not be negative, got -0\.5"):
        compute_treatment(one, uplift=0.1, margin_rate=0.4, cost=-0.5)


def test_values_of_customers_expected_to_spend_less_than_one_keep_their_bounds():
    one = {"expected_value": [0.5], "p_alive": [0.0], "value_lower": [0.25], "value_upper": [1.0]}
    table = compute_treatment(pd.DataFrame(one, index=["a"]), uplift=0.2, margin_rate=1.0, cost=0.0)
    profit, lower, upper = table.loc["a", ["expected_profit", "profit_lower", "profit_upper"]]
    assert (lower, upper) == pytest.approx((profit / 2, profit * 2))


def test_an_uplift_is_never_invented(predictions):
    with pytest.raises(ValueError, match="state an assumption"):
        compute_treatment(predictions, uplift=None, margin_rate=0.4, cost=1.0)


def test_an_uplift_that_misses_a_customer_is_refused(predictions):
    with pytest.raises(ValueError, match="uplift is missing or not finite for 499 of 500 customers"):
        compute_treatment(predictions, uplift=pd.Series({"c000": 0.1}), margin_rate=0.4, cost=1.0)


@pytest.mark.parametrize("seed", range(8))
def test_the_list_misses_the_best_possible_by_less_than_one_customer(seed):
    rng = np.random.default_rng(seed)
    treatment = pd.DataFrame({"cost": rng.uniform(0.5, 5, 11), "expected_profit": rng.uniform(-2, 6, 11)})
    chosen = choose_customers(treatment, budget=9.0)
    subsets = np.array(list(itertools.product([0, 1], repeat=11)))
    affordable = subsets[subsets @ treatment["cost"].to_numpy() <= 9.0]
    best = (affordable @ treatment["expected_profit"].to_numpy()).max()
    assert chosen["cost"].sum() <= 9.0
    assert best - chosen["expected_profit"].sum() < treatment["expected_profit"].max()


def test_with_equal_costs_the_list_is_the_best_possible(treatment):
    chosen = choose_customers(treatment, budget=37.0)
    assert chosen.index.tolist() == treatment["expected_profit"].nlargest(37).index.tolist()


def test_nobody_who_loses_money_is_on_an_unlimited_list(treatment):
    chosen = choose_customers(treatment)
    assert len(chosen) == (treatment["expected_profit"] > 0).sum()


def test_a_customer_dearer_than_the_budget_does_not_block_the_others():
    treatment = pd.DataFrame({"cost": [100.0, 1.0], "expected_profit": [900.0, 1.0]}, index=["dear", "cheap"])
    assert choose_customers(treatment, budget=5.0).index.tolist() == ["cheap"]
    alike = pd.DataFrame({"cost": [0.7] * 3_000, "expected_profit": 1.0})
    assert len(choose_customers(alike, budget=2_100.0)) == 3_000


@pytest.mark.parametrize("budget", [0, -5.0])
def test_a_budget_of_zero_is_one_sentence(treatment, budget):
    with pytest.raises(ValueError, match="treats nobody"):
        choose_customers(treatment, budget=budget)


def test_the_curve_ends_at_the_whole_list_and_peaks_where_profit_ends(treatment):
    curve, point = profit_curve(treatment, points=50), break_even(treatment)
    assert curve["expected_profit"].iloc[-1] == pytest.approx(treatment["expected_profit"].sum())
    best = curve.loc[curve["expected_profit"].idxmax()]
    assert best["customers"] == point["best_customers"] == (treatment["expected_profit"] > 0).sum()
    assert best["expected_profit"] == pytest.approx(point["best_profit"])


def test_the_curve_of_a_short_list_among_many_customers_has_points_where_the_list_ends():
    profit = np.r_[np.full(20, 2.0), np.full(9980, -1.0)]
    curve = profit_curve(pd.DataFrame({"cost": 1.0, "expected_profit": profit}), points=100)
    assert (curve["customers"] <= 60).sum() > 30
    assert len(curve) <= 101
    assert curve["customers"].iloc[-1] == 10_000


def test_the_interval_of_the_curve_holds_the_curve_and_lies_within_the_extremes(treatment):
    curve = profit_curve(treatment)
    inside = curve[["worst_case", "profit_lower", "expected_profit", "profit_upper", "best_case"]].to_numpy()
    assert (np.diff(inside, axis=1) >= -1e-9).all()


def test_an_error_of_the_total_is_common_to_all_and_does_not_cancel(treatment):
    curve = profit_curve(treatment, total=(0.8, 1.3))
    gain = curve["expected_profit"] + curve["cost"]
    assert (curve["profit_lower"] <= curve["expected_profit"] - 0.2 * gain).all()
    assert (curve["profit_upper"] >= curve["expected_profit"] + 0.3 * gain).all()


def test_customers_who_are_all_alike_are_ranked_without_error():
    same = pd.DataFrame({"expected_value": [50.0] * 6, "p_alive": 0.5}, index=list("fedcba"))
    treatment = compute_treatment(same, uplift=0.5, margin_rate=1.0, cost=1.0)
    assert choose_customers(treatment, budget=3.0).index.tolist() == ["a", "b", "c"]


def test_a_treatment_that_costs_nothing_goes_first():
    treatment = pd.DataFrame({"cost": [1.0, 0.0], "expected_profit": [50.0, 1.0]}, index=["paid", "free"])
    assert choose_customers(treatment).index.tolist() == ["free", "paid"]
