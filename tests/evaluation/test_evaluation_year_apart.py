"""Windows a year apart: read as by hand, and what they tell of simulated shops whose future is known."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation.year_apart import windows_year_apart
from cltv_ml.features import build_features
from cltv_ml.models.future_value import expected_spend, fit_purchases, missed_by
from cltv_ml.models.spend_falls import sharpest_fall
from cltv_ml.tables import SUMMARY
from experiments import worlds
from experiments.worlds import START

DAYS, AHEAD = 760, 1460


def _shop(monkeypatch, name):
    """Return a world's log of 760 days and of the four years after them, in which nobody joins."""
    world = worlds.WORLDS[name]

    def arrivals(day):
        return np.where(day < DAYS, world.arrivals(day), 0.0)

    longer = dataclasses.replace(world, days=DAYS + AHEAD, arrivals=arrivals)
    monkeypatch.setitem(worlds.WORLDS, name, longer)
    log = worlds.simulate_world(name, seed=31)
    end = START + pd.Timedelta(days=DAYS)
    return log[log["timestamp"] < end], log[log["timestamp"] >= end]


def _fit(log):
    X = build_features(log, START + pd.Timedelta(days=DAYS), names=SUMMARY)
    return X, *fit_purchases(X, 365), windows_year_apart(log, START + pd.Timedelta(days=DAYS))


def test_windows_are_those_of_a_slow_loop(monkeypatch):
    log, _ = _shop(monkeypatch, "decline")
    [window] = windows_year_apart(log, START + pd.Timedelta(days=DAYS))
    day = (log["timestamp"] - START).dt.days
    assert window.width == (DAYS - 365) // 2 == 197
    known = sorted(set(log["customer_id"][day < 198]))
    assert window.X.index.tolist() == known
    spans = [(198, 296), (296, 395), (563, 661), (661, 760)]
    wanted = [
        log[(day >= since) & (day < until)]
        .groupby("customer_id")["amount"]
        .sum()
        .reindex(known, fill_value=0)
        for since, until in spans
    ]
    np.testing.assert_allclose(window.spent, np.column_stack(wanted))
    cutoff = START + pd.Timedelta(days=DAYS)
    months = [cutoff - pd.DateOffset(months=back) for back in range(18, -1, -1)]
    assert window.ends == [(month - START).days - 198 for month in months]
    month = np.searchsorted(pd.DatetimeIndex(months), log["timestamp"], side="right")
    by_month = log["amount"].groupby([log["customer_id"], month]).sum().unstack().reindex(known)[range(1, 19)]
    np.testing.assert_allclose(window.monthly, by_month.fillna(0.0))
    later = log["timestamp"] > log.groupby("customer_id")["timestamp"].transform("min")
    months = [cutoff - pd.DateOffset(months=back) for back in range(24, -1, -1)]
    month = np.searchsorted(pd.DatetimeIndex(months), log["timestamp"][later], side="right")
    np.testing.assert_allclose(
        window.shop, log["amount"][later].groupby(month).sum().reindex(range(1, 25), fill_value=0)
    )


def test_lines_after_the_cutoff_change_nothing(monkeypatch):
    log, later = _shop(monkeypatch, "decline")
    cutoff = START + pd.Timedelta(days=DAYS)
    [window], [same] = windows_year_apart(log, cutoff), windows_year_apart(pd.concat([log, later]), cutoff)
    pd.testing.assert_frame_equal(window.X, same.X)
    np.testing.assert_array_equal(window.spent, same.spent)


def test_a_log_shorter_than_a_year_and_a_half_has_none_and_a_long_one_has_a_pair_a_year():
    days = pd.date_range("2015-01-01", periods=2400, freq="D")
    log = pd.DataFrame({"customer_id": np.arange(2400) % 80, "timestamp": days, "amount": 1.0})
    assert [window.width for window in windows_year_apart(log, days[0] + pd.Timedelta(days=546))] == []
    assert [window.width for window in windows_year_apart(log, days[0] + pd.Timedelta(days=547))] == [91]
    assert [window.width for window in windows_year_apart(log, days[-1])] == [365] * 5
    assert windows_year_apart(log, days[0] + pd.Timedelta(days=1096))[0].spent.sum() == pytest.approx(730)


def test_the_end_of_a_boom_is_not_read_as_customers_who_leave(monkeypatch):
    boom = dataclasses.replace(worlds.WORLDS["no_season"], pace=lambda day: np.where(day < 450, 1.6, 1.0))
    monkeypatch.setitem(worlds.WORLDS, "no_season", boom)
    _, curve, spend, windows = _fit(_shop(monkeypatch, "no_season")[0])
    missed = missed_by(curve, spend, windows)
    assert missed.kept < 0.8 * missed.expected
    assert missed.rate < 0.2 * np.log(missed.expected / missed.kept)


def test_newcomers_after_a_season_do_not_make_its_end_a_fall():
    months = pd.date_range("2020-01-15", periods=32, freq="MS") + pd.Timedelta(days=14)
    regulars = pd.DataFrame({"customer_id": np.repeat(np.arange(60), 32), "timestamp": np.tile(months, 60)})
    regulars["amount"] = np.where(regulars["timestamp"].dt.month == 12, 3.0, 1.0)
    newcomers = pd.DataFrame(
        {"customer_id": 100 + np.arange(32 * 60), "timestamp": np.repeat(months, 60), "amount": 5.0}
    )
    log = pd.concat([regulars, newcomers], ignore_index=True)
    [window] = windows_year_apart(log, pd.Timestamp("2022-09-01"))
    assert sharpest_fall(window.monthly, np.ones(window.monthly.shape[1]), window.shop, 0.0) == pytest.approx(
        0.0
    )


@pytest.mark.parametrize(("name", "faster"), [("decline", True), ("no_season", False), ("shock", False)])
def test_a_shop_that_loses_more_than_its_customers_is_told_from_one_that_does_not(monkeypatch, name, faster):
    log, later = _shop(monkeypatch, name)
    X, curve, spend, windows = _fit(log)
    missed = missed_by(curve, spend, windows)
    year = (later["timestamp"] - START - pd.Timedelta(days=DAYS)).dt.days // 365
    spent = later["amount"].groupby(year).sum()
    expected = np.diff(expected_spend(curve.purchases_, spend, X, [1, 365, 730, 1095, 1460]).sum(axis=0))
    growth = [expected[1:].sum() / expected[0]]
    growth.append((expected * np.exp(-missed.rate * np.arange(4)))[1:].sum() / expected[0])
    plain, faded = (abs(np.log(each / (spent[1:].sum() / spent[0]))) for each in growth)
    if faster:
        assert missed.kept < missed.expected
        assert faded < 0.7 * plain
    else:
        assert missed.rate < 0.1
        assert faded < plain + 0.15


def test_of_a_large_log_some_customers_are_read_with_all_of_their_lines(monkeypatch):
    log, _ = _shop(monkeypatch, "decline")
    [everybody] = windows_year_apart(log, START + pd.Timedelta(days=DAYS))
    monkeypatch.setattr("cltv_ml.evaluation.year_apart._MOST_CUSTOMERS", 400)
    [some] = windows_year_apart(log, START + pd.Timedelta(days=DAYS))
    assert 50 < len(some.X) < 400
    place = everybody.X.index.get_indexer(some.X.index)
    pd.testing.assert_frame_equal(some.X, everybody.X.iloc[place])
    np.testing.assert_array_equal(some.spent, everybody.spent[place])
