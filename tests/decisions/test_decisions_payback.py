import pandas as pd
import pytest

from cltv_ml.decisions.payback import compute_payback, payback_month


@pytest.fixture
def log():
    """Won in January: margins 4 in January, 0 in February, 8 in March; won in March: margin 4."""
    return pd.DataFrame(
        {
            "customer_id": ["a", "b", "a", "c"],
            "timestamp": pd.to_datetime(["2023-01-10", "2023-01-20", "2023-03-05", "2023-03-31"]),
            "amount": [4.0, 12.0, 16.0, 8.0],
            "cost": [2.0, 6.0, 8.0, 4.0],
        }
    )


def test_margin_accumulates_over_months_without_purchases(log):
    table = compute_payback(log, 5.0)
    january = table[table["cohort"] == "2023-01-01"]
    assert january["cumulative_margin"].tolist() == [4.0, 4.0, 8.0]


def test_the_payback_month_is_the_first_that_covers_the_cost(log):
    months = payback_month(compute_payback(log, 5.0))
    assert months.loc[pd.Timestamp("2023-01-01"), "payback_month"] == 3
    assert pd.isna(months.loc[pd.Timestamp("2023-03-01"), "payback_month"])


def test_a_month_the_log_does_not_hold_whole_is_left_out(log):
    log.loc[3, "timestamp"] = pd.Timestamp("2023-03-30")
    assert compute_payback(log, 5.0)["month"].max() == 2


def test_a_margin_rate_stands_in_for_a_missing_cost(log):
    table = compute_payback(log.drop(columns="cost"), 5.0, margin_rate=0.5)
    pd.testing.assert_frame_equal(table, compute_payback(log, 5.0))


def test_no_cost_and_no_rate_says_what_is_needed(log):
    with pytest.raises(ValueError, match="payback month needs the column 'cost'"):
        compute_payback(log.drop(columns="cost"), 5.0)


def test_an_acquisition_cost_of_zero_is_refused(log):
    with pytest.raises(ValueError, match="must be positive"):
        compute_payback(log, 0.0)


def test_each_cohort_pays_back_its_own_cost(log):
    owed = pd.Series({pd.Timestamp("2023-01-01"): 9.0, pd.Timestamp("2023-03-01"): 3.0})
    months = payback_month(compute_payback(log, owed))
    assert months["payback_month"].isna().tolist() == [True, False]


def test_a_margin_that_equals_the_cost_has_paid_it_back(log):
    months = payback_month(compute_payback(log, 4.0))
    assert months["payback_month"].tolist() == [1, 1]


def test_a_cost_below_one_is_a_cost(log):
    assert payback_month(compute_payback(log, 0.5))["payback_month"].tolist() == [1, 1]


def test_cohorts_are_followed_for_two_years_by_default(log):
    log.loc[3, "timestamp"] = pd.Timestamp("2025-12-31")
    assert compute_payback(log, 5.0)["month"].max() == 24


def test_lines_without_a_cost_take_a_rate_and_are_refused_without_one(log):
    log["category"] = "tea"
    gaps = log.assign(cost=log["cost"].where(log["amount"] != 12))
    with pytest.raises(ValueError, match="the cost of 1 of 4 lines is unknown"):
        compute_payback(gaps, 5.0)
    for rate in (0.5, {"tea": 0.5}):
        pd.testing.assert_frame_equal(compute_payback(gaps, 5.0, margin_rate=rate), compute_payback(log, 5.0))
