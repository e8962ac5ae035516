"""Cohorts follow customers by their own clock, and lose no cent."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import simulate
from cltv_ml.decisions import Costs, cohort_members, compute_cohorts
from cltv_ml.decisions.associations import find_associations
from cltv_ml.decisions.audit import compute_audit
from cltv_ml.decisions.cohorts import GROUPS, PERIODS
from cltv_ml.decisions.margins import compute_margins
from cltv_ml.decisions.profile import profile_segments
from cltv_ml.errors import InputError
from cltv_ml.evaluation.shop_tables import compute_actuals


@pytest.fixture(scope="module")
def log():
    return simulate(300, days=500, seed=2).log


@pytest.fixture
def two_customers():
    """A buys on three days, B once; A's first order has two lines."""
    return pd.DataFrame(
        {
            "customer_id": ["A", "A", "A", "A", "B"],
            "timestamp": pd.to_datetime(
                ["2024-01-30", "2024-01-30", "2024-02-05", "2024-04-01", "2024-02-10"]
            ),
            "amount": [8.0, 2.0, 5.0, 7.0, 20.0],
            "order_id": ["1", "1", "2", "3", "4"],
            "product_id": ["tea", "cup", "tea", "tea", "pot"],
            "discount": [0.0, 1.0, 0.0, 0.0, 0.0],
            "cost": [4.0, 1.0, 2.0, 3.0, 10.0],
        }
    )


def test_every_grouping_and_period_keeps_the_logs_money_to_the_cent(log):
    wrong = []
    for by in [*GROUPS, log.groupby("customer_id")["channel"].first()]:
        for per in PERIODS:
            table = compute_cohorts(log, by, per)
            sums = {name: round(table[name].sum(), 2) for name in ("revenue", "discount", "margin")}
            truth = {
                "revenue": round(log["amount"].sum(), 2),
                "discount": round(log["discount"].sum(), 2),
                "margin": round((log["amount"] - log["cost"]).sum(), 2),
            }
            counted = table[table["period"] == 0]["customers"].sum() == log["customer_id"].nunique()
            if sums != truth or not counted:
                wrong.append((by, per, sums))
    assert not wrong


@pytest.mark.parametrize("blank", [[0, 1], [0, 1, 2, 3, 4]])
def test_a_line_without_an_order_id_is_an_order_of_the_customers_day(two_customers, blank):
    two_customers["order_id"] = two_customers["order_id"].mask(two_customers.index.isin(blank))
    by_day, period = two_customers.drop(columns="order_id"), two_customers["timestamp"].agg(["min", "max"])
    spans = pd.DataFrame({"start": [period["min"]], "until": [period["max"] + pd.Timedelta(days=1)]})
    per_order, one = Costs(per_order=1.0), pd.Series("all", index=["A", "B"])
    for compute in (
        compute_cohorts,
        lambda log: compute_audit(log, "month").periods,
        lambda log: compute_margins(log, "customer_id", costs=per_order),
        lambda log: profile_segments(log, one),
        lambda log: find_associations(log, "product_id", min_orders=1),
        lambda log: compute_actuals(log, spans, period["min"]),
    ):
        pd.testing.assert_frame_equal(compute(two_customers), compute(by_day))


def test_the_clock_of_a_customer_starts_with_the_first_purchase(two_customers):
    table = compute_cohorts(two_customers, "first_month")
    a = table[table["cohort"] == "2024-01"].set_index("period")
    assert a["revenue"].to_dict() == {0: 15.0, 1: 0.0, 2: 7.0}
    assert a["orders"].to_dict() == {0: 2, 1: 0, 2: 1}
    assert a["cumulative_revenue_per_customer"].tolist() == pytest.approx([15.0, 15.0, np.nan], nan_ok=True)


def test_first_product_is_that_of_the_most_expensive_line(two_customers):
    assert set(compute_cohorts(two_customers, "first_product")["cohort"]) == {"tea", "pot"}


def test_first_discount_looks_at_the_first_order_alone(two_customers):
    table = compute_cohorts(two_customers, "first_discount").groupby("cohort")["revenue"].sum()
    assert table.to_dict() == {"with discount": 22.0, "without discount": 20.0}


def test_equal_first_orders_share_a_fifth():
    days = pd.to_datetime("2024-01-01") + pd.to_timedelta(np.arange(10), unit="D")
    equal = pd.DataFrame({"customer_id": list("abcdefghij"), "timestamp": days, "amount": 5.0})
    assert set(compute_cohorts(equal, "first_order_fifth")["cohort"]) == {"1"}


def test_a_period_that_the_youngest_has_not_finished_is_not_complete(two_customers):
    table = compute_cohorts(two_customers, pd.Series({"A": "x", "B": "x"}))
    assert table["complete"].tolist() == [True, False, False]
    assert table["small"].all()


def test_rates_rest_on_the_customers_observed_to_the_end_of_a_period():
    rows = [("a", "2024-01-01", 10), ("a", "2024-01-10", 4), ("b", "2024-01-02", 20), ("c", "2024-01-12", 90)]
    log = pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"])
    log["timestamp"] = pd.to_datetime(
        log["timestamp"]
    )  # the log ends on 2024-01-12; c has a day of their own
    table = compute_cohorts(log, pd.Series("all", index=list("abc")), "week")
    assert table["revenue"].tolist() == [120.0, 4.0]
    assert table["active"].tolist() == [3, 1]
    assert table["observed"].tolist() == [2, 0]
    assert table["retention"].tolist() == pytest.approx([1.0, np.nan], nan_ok=True)
    assert table["cumulative_revenue_per_customer"].tolist() == pytest.approx([15.0, np.nan], nan_ok=True)


def test_rates_of_a_shop_that_still_wins_customers_equal_a_slow_count(log):
    by = log.groupby("customer_id")["channel"].first().rename("channel")
    days, end = 365.25 / 12, log["timestamp"].max().normalize() + pd.Timedelta(days=1)
    lines = log.assign(
        first=log.groupby("customer_id")["timestamp"].transform("min"), cohort=log["customer_id"].map(by)
    )
    lines["period"] = (lines["timestamp"] - lines["first"]).dt.total_seconds() // (86400 * days)
    lines["whole"] = (end - lines["first"]).dt.total_seconds() // (86400 * days)
    wrong = []
    for cohort, rows in compute_cohorts(log, by).groupby("cohort"):
        of_cohort, so_far = lines[lines["cohort"] == cohort], np.zeros(4)
        for row in rows[rows["observed"] > 0].itertuples():
            seen = of_cohort[of_cohort["whole"] > row.period]
            own = seen[seen["period"] == row.period]
            sums = [own["order_id"].nunique(), own["amount"].sum(), own["discount"].sum(), own["cost"].sum()]
            so_far += np.array(sums) / seen["customer_id"].nunique()
            share = own["customer_id"].nunique() / seen["customer_id"].nunique()
            means = [
                getattr(row, f"cumulative_{name}_per_customer") for name in ("orders", "revenue", "discount")
            ]
            found = (row.observed, row.retention, *means, row.cumulative_margin_per_customer)
            right = (seen["customer_id"].nunique(), share, *so_far[:3], so_far[1] - so_far[3])
            if found != pytest.approx(right):
                wrong.append((cohort, row.period, found))
    assert not wrong


def test_margin_follows_the_stated_rate_where_the_log_has_no_cost(two_customers):
    log = two_customers.drop(columns="cost")
    assert "margin" not in compute_cohorts(log)
    assert compute_cohorts(log, costs=Costs(margin_rate=0.5))["margin"].sum() == 21.0


def test_members_are_the_customers_of_their_cohorts(log):
    members, table = cohort_members(log, "first_quarter"), compute_cohorts(log, "first_quarter")
    sizes = table.drop_duplicates("cohort").set_index("cohort")["customers"]
    assert members["cohort"].value_counts().to_dict() == sizes.to_dict()
    assert members["spent"].sum() == pytest.approx(log["amount"].sum())


def test_a_line_without_a_cost_is_asked_about(two_customers):
    with pytest.raises(InputError, match="cost of 1 of 5 lines is unknown"):
        compute_cohorts(two_customers.assign(cost=[4.0, 1.0, 2.0, 3.0, np.nan]))


def test_a_grouping_of_thousands_of_levels_is_one_sentence():
    ids = pd.Series([f"c{number}" for number in range(1001)])
    log = pd.DataFrame({"customer_id": ids, "timestamp": pd.Timestamp("2024-01-05"), "amount": 5.0})
    with pytest.raises(InputError, match="name splits the customers into 1,001 cohorts"):
        compute_cohorts(log, pd.Series(ids.to_numpy(), index=ids, name="name"))


def test_unknown_groupings_periods_and_columns_are_one_sentence(two_customers):
    with pytest.raises(InputError, match=r"Unknown grouping 'colour'.*first_month.*--customers people.csv"):
        compute_cohorts(two_customers, "colour")
    with pytest.raises(InputError, match="Unknown period 'decade'"):
        compute_cohorts(two_customers, per="decade")
    with pytest.raises(InputError, match="needs the column 'channel'"):
        compute_cohorts(two_customers, "first_channel")
