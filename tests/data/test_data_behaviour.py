"""Cohorts, spend and gaps between purchases, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data.quality import compute_cohort_activity, compute_gap_histogram, compute_spend_histogram

LOG = pd.DataFrame(
    {
        "customer_id": ["a", "a", "a", "b", "b", "c"],
        "timestamp": pd.to_datetime(
            ["2024-01-05", "2024-01-20", "2024-03-02", "2024-01-31", "2024-02-01", "2024-02-29"]
        ),
        "amount": [10.0, 5.0, 20.0, 4.0, 6.0, 30.0],
    }
)


@pytest.fixture
def cohorts():
    to_april = pd.DataFrame(
        {"customer_id": ["a"], "timestamp": [pd.Timestamp("2024-04-03")], "amount": [1.0]}
    )
    return compute_cohort_activity(pd.concat([LOG, to_april]))


def test_money_of_cohorts_is_summed_exactly():
    """Floating-point sums of many amounts differ in their last digit with the order of rows."""
    rng = np.random.default_rng(0)
    cents = rng.integers(1, 100_000, 5_000)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 121, 5_000), unit="D")
    who = rng.integers(0, 400, 5_000).astype(str)
    log = pd.DataFrame({"customer_id": who, "timestamp": days, "amount": cents / 100})
    exact = log.assign(cents=cents, month=days.to_period("M"))
    exact["cohort"] = exact.groupby("customer_id")["month"].transform("min")
    summed = exact.groupby(["cohort", "month"])["cents"].sum() / 100
    assert compute_cohort_activity(log)["revenue"].tolist() == summed.tolist()


def test_cohort_is_the_month_of_the_first_purchase(cohorts):
    assert cohorts.groupby("cohort")["customers"].first().tolist() == [2, 1]


def test_retention_counts_customers_once_per_month(cohorts):
    january = cohorts[cohorts["cohort"] == "2024-01-01"]
    assert january["active"].tolist() == [2, 1, 1]
    assert january["retention"].tolist() == [1.0, 0.5, 0.5]


def test_months_in_which_nobody_bought_are_zeros(cohorts):
    february = cohorts[cohorts["cohort"] == "2024-02-01"]
    assert february["active"].tolist() == [1, 0]


def test_month_that_the_log_breaks_off_is_left_out(cohorts):
    assert cohorts.groupby("cohort")["month"].max().tolist() == [2, 1]


def test_revenue_of_all_cohorts_is_that_of_the_whole_months(cohorts):
    assert cohorts["revenue"].sum() == pytest.approx(LOG["amount"].sum())


def test_spend_histogram_counts_orders_and_customers():
    spend = compute_spend_histogram(LOG)
    assert spend.groupby("of")["count"].sum().to_dict() == {"customer": 3, "order": 6}
    order = spend[spend["of"] == "order"]
    assert order.loc[(order["lower"] <= 20) & (order["upper"] > 20), "count"].tolist() == [1]


def test_lines_of_one_order_are_one_value():
    lines = LOG.assign(order_id=["1", "1", "2", "3", "4", "5"], timestamp=pd.Timestamp("2024-01-01"))
    spend = compute_spend_histogram(lines)
    assert spend.loc[spend["of"] == "order", "count"].sum() == 5


def test_gaps_are_days_between_purchase_days():
    gaps = compute_gap_histogram(LOG)
    assert gaps.set_index("days")["gaps"].to_dict() == {1: 1, 15: 1, 42: 1}
    assert gaps["cumulative_share"].iloc[-1] == 1


def test_a_log_without_repeat_purchases_has_no_gaps():
    once = LOG.drop_duplicates("customer_id")
    assert compute_gap_histogram(once).empty


def test_very_long_gaps_are_gathered_in_the_last_bin():
    days = np.cumsum(np.r_[0, np.repeat(2, 200), 900])
    log = pd.DataFrame(
        {
            "customer_id": "a",
            "timestamp": pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D"),
            "amount": 1.0,
        }
    )
    assert compute_gap_histogram(log)["days"].max() == 2
