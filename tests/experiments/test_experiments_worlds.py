"""Simulated shops do what their settings say."""

import pytest

from experiments.worlds import START, WORLDS, simulate_world


def by_day(name):
    """Return a world's log with the day of the world."""
    log = simulate_world(name)
    return log.assign(day=(log["timestamp"] - START).dt.days)


def test_a_closed_shop_sells_nothing():
    log = by_day("closed_month")
    arrivals = log.drop_duplicates("customer_id").index
    assert not log.drop(index=arrivals)["day"].between(601, 630).any()


def test_prices_rise_as_told():
    log = by_day("rising_prices")
    year = log.groupby(log["day"] // 365)["amount"].mean()
    assert year[2] / year[0] == pytest.approx(1.4**2, rel=0.1)


def test_a_log_may_begin_after_its_shop():
    assert by_day("decline_from_the_middle")["day"].min() == WORLDS["decline_from_the_middle"].begins


def test_half_of_the_customers_move_in_on_one_day():
    log = by_day("moved_in")
    first = log.groupby("customer_id")["day"].min()
    earlier = (log["day"] < 400).groupby(log["customer_id"]).any().mean()
    assert (first == 400).mean() == pytest.approx(earlier, abs=0.03)


def test_regular_customers_come_back_after_as_many_days():
    log = by_day("weekly_coffee").drop_duplicates(["customer_id", "day"])
    assert log.groupby("customer_id")["day"].diff().median() == pytest.approx(14, abs=1)


def test_three_whales_bring_a_large_part_of_the_revenue():
    spent = by_day("three_whales").groupby("customer_id")["amount"].sum().sort_values()
    assert spent.iloc[-3:].sum() > 0.25 * spent.sum()
