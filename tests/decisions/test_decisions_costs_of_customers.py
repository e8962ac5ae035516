"""What winning customers cost, by table, and logs whose lines do not all have a cost."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions import (
    cohort_members,
    compute_audit,
    compute_cohorts,
    compute_margins,
    cost_of_winning,
    describe_stated_rate,
    fill_cost_gaps,
    fill_every_gap,
)
from cltv_ml.decisions.acquisition_costs import UNATTRIBUTED
from cltv_ml.decisions.customers_won import read_won
from cltv_ml.errors import InputError
from cltv_ml.log import Log

LOG = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "c"],
        "timestamp": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-01-15", "2024-02-20"]),
        "amount": [100.0, 60.0, 40.0, 20.0],
        "cost": [60.0, np.nan, 30.0, np.nan],
        "channel": ["ads", "shop", "shop", "ads"],
    }
)


def test_one_figure_is_what_everybody_cost():
    assert cost_of_winning(LOG, 5.0)[0].tolist() == [5, 5, 5]


def test_a_table_by_channel_goes_by_the_first_orders_channel():
    table = pd.DataFrame({"channel": ["ads", "shop"], "acquisition_cost": [8.0, 2.0]})
    assert cost_of_winning(LOG, table)[0].to_dict() == {"a": 8, "b": 2, "c": 8}


def test_a_channel_of_the_table_of_customers_wins_over_the_logs():
    table = pd.DataFrame({"channel": ["tv"], "acquisition_cost": [8.0]})
    paid, notes = cost_of_winning(LOG, table, pd.Series({"a": "tv", "b": None, "c": "tv"}))
    assert paid.to_dict() == {"a": 8, "b": 0, "c": 8}
    assert "1 of 3 customers" in notes[0]


def test_money_spent_in_all_is_divided_among_the_customers_won():
    table = pd.DataFrame({"month": ["2024-01", "2024-02", "2024-03"], "cost": [30.0, 7.0, 5.0]})
    paid, notes = cost_of_winning(LOG, table)
    assert paid.to_dict() == {"a": 15, "b": 15, "c": 7}
    assert "5 fall where nobody was won" in notes[0]


def test_costs_without_a_channel_are_in_no_customers_profit_and_told():
    table = pd.DataFrame({"channel": ["ads", None, " "], "cost": [16.0, 7.0, 2.0]})
    paid, notes = cost_of_winning(LOG, table)
    assert paid.to_dict() == {"a": 8, "b": 0, "c": 8}
    assert notes[-1].startswith("2 rows name no channel (9 in all)")


def test_a_first_order_without_a_channel_does_not_take_a_later_ones():
    log = LOG.assign(channel=[None, "shop", "shop", "ads"])
    table = pd.DataFrame({"channel": ["ads", "shop"], "acquisition_cost": [8.0, 2.0]})
    assert cost_of_winning(log, table)[0].to_dict() == {"a": 0, "b": 2, "c": 8}
    won = read_won(log.drop(columns="cost")).customers.groupby("channel")["customers"].sum()
    assert won.to_dict() == {"ads": 1, "shop": 1, UNATTRIBUTED: 1}
    assert cohort_members(log, "first_channel")["cohort"].tolist() == ["unknown", "shop", "ads"]


def test_tables_that_cannot_be_used_are_one_sentence():
    wrong = {
        "no customer was won through the channel 'tv'": {"channel": ["tv"], "acquisition_cost": [8.0]},
        "needs channel or month": {"place": ["x"], "cost": [1.0]},
        "either acquisition_cost": {"channel": ["ads"], "cost": [1.0], "acquisition_cost": [1.0]},
        "numbers of 0 or more, but row 1": {"channel": ["ads"], "cost": [-1.0]},
        "ads twice": {"channel": ["ads", "ads"], "acquisition_cost": [1.0, 2.0]},
        "the month 'May'": {"month": ["May"], "cost": [1.0]},
    }
    for told, table in wrong.items():
        with pytest.raises(InputError, match=told):
            cost_of_winning(LOG, pd.DataFrame(table))
    with pytest.raises(InputError, match="must be 0 or more, got -3"):
        cost_of_winning(LOG, -3.0)
    table = pd.DataFrame({"channel": ["ads"], "acquisition_cost": [1.0]})
    with pytest.raises(InputError, match="need each customer's acquisition channel"):
        cost_of_winning(LOG.drop(columns="channel"), table)


def test_lines_without_a_cost_take_the_customers_own_rate():
    filled, notes = fill_cost_gaps(Log(LOG), stated=False)
    margins = compute_margins(filled, "customer_id")
    assert margins.loc["a", "contribution_margin"] == pytest.approx(64)
    assert "c" not in margins.index
    assert "50.0% of the lines (36.4% of the revenue)" in notes[0]
    assert "1 customers without any cost have no profit" in notes[0]


def test_every_gap_is_filled_where_tables_add_up_to_all_revenue():
    table = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "c"],
            "timestamp": pd.date_range("2024-01-01", periods=4),
            "amount": [10.0, 20.0, 40.0, 30.0],
            "cost": [5.0, np.nan, 32.0, np.nan],
        }
    )
    table.attrs["observed_until"] = "2024-01-09"
    filled, [note] = fill_every_gap(Log(table), stated=False)
    # Customer a spends half on goods; the lines with a cost, 37 of 50, which is what c gets.
    assert filled.frame.sort_values("timestamp")["cost"].tolist() == pytest.approx([5.0, 10.0, 32.0, 22.2])
    assert filled.last == pd.Timestamp("2024-01-09")
    assert note.startswith(
        "50.0% of the lines (50.0% of the revenue) have no cost: they get the margin of the"
    )
    assert "of all other lines, 26.0%; state" in note
    stated, [note] = fill_every_gap(Log(table), stated=True)
    assert stated.frame["cost"].isna().sum() == 2
    assert "the stated margin rate is used" in note
    with pytest.raises(InputError, match="the cost column is empty"):
        fill_every_gap(Log(table.assign(cost=np.nan)), stated=False)


def test_a_stated_rate_counts_for_lines_without_a_cost():
    filled, notes = fill_cost_gaps(Log(LOG), stated=True)
    assert len(filled) == 4
    assert (
        "50.0% of the lines (36.4% of the revenue) have no cost: the stated margin rate is used" in notes[0]
    )


def test_a_stated_rate_that_no_line_needs_is_told():
    full = Log(LOG.assign(cost=LOG["amount"] / 2))
    told = ["Every line has its own cost, so the stated margin rate is not used."]
    assert fill_cost_gaps(full, stated=True)[1] == told
    assert fill_cost_gaps(full, stated=False)[1] == []
    assert describe_stated_rate(LOG.drop(columns="cost"), stated=True) == []


def test_costs_in_another_unit_are_asked_about():
    with pytest.raises(InputError, match="a margin below -100%"):
        fill_cost_gaps(Log(LOG.assign(cost=LOG["amount"] * 100)), stated=False)
    with pytest.raises(InputError, match="the cost column is empty"):
        fill_cost_gaps(Log(LOG.assign(cost=np.nan)), stated=False)
    for compute in (compute_cohorts, compute_audit, read_won):
        with pytest.raises(InputError, match="a margin below -100%"):
            compute(LOG.assign(cost=LOG["amount"] * 100))
        with pytest.raises(InputError, match=r"add up to -110.00, less than 0.*reverse their sign"):
            compute(LOG.assign(cost=-LOG["amount"] / 2))
