"""The audit's tables agree with the log and with each other, to the cent."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import simulate
from cltv_ml.decisions import Costs, compute_audit, lines
from cltv_ml.decisions.audit_periods import MONTHS_IN, make_spans
from cltv_ml.decisions.revenue_tree import share_change
from cltv_ml.errors import InputError


@pytest.fixture(scope="module")
def log():
    """A simulated shop in which every fiftieth line was paid back later, some in a period without a purchase."""
    sold = simulate(300, days=500, seed=2).log
    back = sold.iloc[::50].assign(
        timestamp=lambda one: one["timestamp"] + pd.Timedelta(days=40),
        amount=lambda one: -one["amount"],
        cost=0.0,
    )
    return pd.concat([sold, back[back["timestamp"] <= sold["timestamp"].max()]], ignore_index=True)


@pytest.fixture
def four_months():
    """A buys in every month but March, B in January alone, C from March on and less each time."""
    rows = [
        ("A", "2024-01-03", 10.0),
        ("A", "2024-02-03", 30.0),
        ("A", "2024-04-03", 5.0),
        ("B", "2024-01-20", 20.0),
        ("C", "2024-03-02", 8.0),
        ("C", "2024-04-30", 6.0),
    ]
    return pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"]).assign(
        timestamp=lambda one: pd.to_datetime(one["timestamp"])
    )


def test_every_table_sums_to_the_log_whatever_the_periods(log):
    truth = {
        "revenue": round(log["amount"].sum(), 4),
        "margin": round((log["amount"] - log["cost"]).sum(), 4),
    }
    wrong = []
    for per in [None, *MONTHS_IN]:
        for calendar in (False, True):
            audit = compute_audit(log, per, calendar=calendar)
            tables = (audit.periods, audit.cohorts, audit.deciles[audit.deciles["span"] == "all"])
            for table in tables:
                sums = {name: round(table[name].sum(), 4) for name in truth}
                if sums != truth or table["orders"].sum() != audit.periods["orders"].sum():
                    wrong.append((per, calendar, sums))
    assert not wrong


def test_customers_taken_by_turns_give_the_same_tables(log, monkeypatch):
    whole = compute_audit(log, "month").tables
    monkeypatch.setattr(lines, "LINES_AT_ONCE", len(log) // 3)
    for name, table in compute_audit(log, "month").tables.items():
        pd.testing.assert_frame_equal(table, whole[name])


def test_changes_and_branches_sum_to_the_change_of_revenue_to_the_cent(log):
    for per in MONTHS_IN:
        audit = compute_audit(log, per)
        truth = audit.periods["revenue"].diff().dropna().round(4).tolist()
        parts = audit.changes[audit.changes["part"] != "total"].groupby("period")["change"].sum()
        told = audit.changes.set_index("part").loc[["total"], "change"]
        tree = audit.tree[audit.tree["of"] == "revenue"]
        branches = tree[["customers", "orders_per_customer", "revenue_per_order"]].sum(axis=1)
        for found in (parts, told, tree["change"], branches):
            assert found.round(4).tolist() == pytest.approx(truth, abs=1e-4)


def test_customers_of_a_period_are_new_kept_or_returned(log):
    periods = compute_audit(log, "month").periods
    assert (periods["customers"] == periods[["new", "kept", "returned"]].sum(axis=1)).all()
    gone = periods["customers"].shift(1) - periods["kept"]
    assert (periods["lost"].iloc[1:] == gone.iloc[1:]).all()
    assert periods["new"].sum() == log["customer_id"].nunique()
    assert periods["refunds_only"].sum() > 0


def test_cohorts_are_won_once_and_fill_the_periods(log):
    audit = compute_audit(log, "quarter")
    won = audit.periods.set_index("period")["new"]
    first = audit.cohorts[audit.cohorts["age"] == 0].set_index("period")
    assert first["customers"].to_dict() == won[won > 0].to_dict()
    active = audit.cohorts.groupby("period")["active"].sum()
    assert active.tolist() == audit.periods["customers"].tolist()


def test_who_is_new_kept_returned_and_lost_is_told_by_hand(four_months):
    audit = compute_audit(four_months, "month", calendar=True)
    assert audit.periods[["new", "kept", "returned", "lost"]].to_numpy().tolist() == [
        [2, 0, 0, 0],
        [0, 1, 0, 1],
        [1, 0, 0, 1],
        [0, 1, 1, 0],
    ]
    april = audit.changes[audit.changes["name"] == "2024-04"].set_index("part")["change"]
    assert april[april != 0].to_dict() == {"returned": 5.0, "kept, spent less": -2.0, "total": 3.0}


def test_the_share_of_the_best_customers_is_that_of_the_tenths_and_of_the_curve(log):
    some = log[
        ~log["customer_id"].isin(sorted(log["customer_id"].unique())[:7])
    ]  # 293: no fifth is a whole number
    audit = compute_audit(some, "quarter")
    curve = audit.curve.set_index(["span", "customers_share"])["revenue_share"]
    tenths = audit.deciles.set_index(["span", "decile"])["cumulative_share"]
    for row in audit.concentration.itertuples():
        assert (row.top_5, row.top_20) == (curve[row.span, 0.05], curve[row.span, 0.2])
        assert row.top_20 == pytest.approx(tenths[row.span, 2])


def test_concentration_is_told_by_hand():
    log = pd.DataFrame(
        {
            "customer_id": list("abcd"),
            "timestamp": pd.Timestamp("2024-01-05"),
            "amount": [70.0, 10.0, 10.0, 10.0],
        }
    )
    (row,) = compute_audit(log).concentration.to_dict("records")
    assert (row["top_1"], row["top_20"], row["bring_80"]) == (0.7, 0.7, 0.5)
    assert row["gini"] == pytest.approx(0.45)  # mean difference 2 x 3 x 60 over 2 x 16 x 25


def test_equal_customers_have_a_gini_of_zero():
    log = pd.DataFrame({"customer_id": list("abc"), "timestamp": pd.Timestamp("2024-01-05"), "amount": 5.0})
    assert compute_audit(log).concentration["gini"].tolist() == pytest.approx([0.0])


def test_periods_that_the_log_does_not_fill_are_marked():
    spans = make_spans(pd.Timestamp("2023-03-05"), pd.Timestamp("2024-02-20"), "quarter", calendar=True)
    assert spans["complete"].tolist() == [False, True, True, True, False]
    anchored = make_spans(pd.Timestamp("2023-03-05"), pd.Timestamp("2024-02-20"), "quarter")
    assert anchored["complete"].tolist() == [False, True, True, True]


def test_the_order_of_the_factors_does_not_matter():
    one = share_change([2.0, 3.0, 5.0], [4.0, 1.0, 6.0], -6.0)
    other = share_change([5.0, 2.0, 3.0], [6.0, 4.0, 1.0], -6.0)
    assert sorted(one) == pytest.approx(sorted(other))
    assert sum(one) == pytest.approx(-6.0)


def test_a_month_without_a_purchase_has_no_branches():
    days = pd.to_datetime(["2024-01-05", "2024-03-30"])
    audit = compute_audit(
        pd.DataFrame({"customer_id": "a", "timestamp": days, "amount": 5.0}), "month", calendar=True
    )
    assert audit.periods["customers"].tolist() == [1, 0, 1]
    assert audit.tree["customers"].isna().all()
    assert audit.tree["change"].tolist() == [-5.0, 5.0]


def test_margin_follows_the_stated_rate_and_is_left_out_where_none_is_known(four_months):
    assert "margin" not in compute_audit(four_months).periods
    assert compute_audit(four_months, costs=Costs(margin_rate=0.5)).periods["margin"].sum() == 39.5


def test_what_cannot_be_audited_is_one_sentence(four_months):
    with pytest.raises(InputError, match="Unknown period 'week'"):
        compute_audit(four_months, "week")
    with pytest.raises(InputError, match="cost of 1 of 6 lines is unknown"):
        compute_audit(four_months.assign(cost=[1.0, 1, 1, 1, 1, np.nan]))
    long = four_months.assign(timestamp=pd.to_datetime(["2001-01-01", *["2024-01-01"] * 5]))
    with pytest.raises(InputError, match="a table can show at most 130"):
        compute_audit(long, "month")


def test_calendar_periods_begin_where_those_of_pandas_do():
    for first, (per, code) in product(
        ("2023-01-01", "2023-02-28", "2023-03-31", "2023-04-01", "2023-12-15"),
        (("month", "M"), ("quarter", "Q"), ("year", "Y")),
    ):
        spans = make_spans(pd.Timestamp(first), pd.Timestamp("2025-05-03"), per, calendar=True)
        expected = pd.period_range(first, "2025-05-03", freq=code)
        assert spans["since"].tolist() == expected.start_time.tolist()
        assert spans["until"].tolist() == [period.start_time for period in expected + 1]
