"""The value of the latest customers next to that of those before, in shops whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.customers_won import read_won
from cltv_ml.decisions.latest_customers import compare_latest, describe_latest

FIRST = pd.Timestamp("2022-01-01")


def shop(worth, days=730, seed=0):
    """Return a log of four customers a day who spend around `worth(day)` on their first day and a month later."""
    rng = np.random.default_rng(seed)
    joined = np.repeat(np.arange(days), 4)
    who, day = np.tile(np.arange(len(joined)), 2), np.concatenate([joined, joined + 30])
    log = pd.DataFrame(
        {
            "customer_id": "c" + pd.Series(who).astype("str"),
            "timestamp": FIRST + pd.to_timedelta(day, unit="D"),
            "amount": (worth(joined)[who] * rng.gamma(4.0, 0.25, len(who))).round(2),
            "channel": np.where(who % 2 == 0, "ads", "mail"),
        }
    )
    return log[day < days]


def test_customers_who_are_worth_less_than_those_before_are_told_with_both_values():
    log = shop(lambda day: 20.0 * np.exp(-day / 730))
    found = compare_latest(read_won(log))
    joined = log.groupby("customer_id")["timestamp"].transform("min")
    early = log[log["timestamp"] < joined + pd.Timedelta(days=90)]
    since, until = (FIRST + pd.Timedelta(days=730 - ago) for ago in (180, 90))
    assert (found.since, found.until) == (since, until)
    values = early.groupby("customer_id")["amount"].sum()
    first = joined.groupby(log["customer_id"]).first()
    assert found.value == pytest.approx(values[first.between(since, until)].mean())
    a_year = pd.Timedelta(days=364)
    compared = first.between(since - a_year, until - a_year) if found.year_ago else first < since
    assert found.before == pytest.approx(values[compared].mean())
    assert found.change == pytest.approx(np.exp(-0.4) - 1, abs=0.06)


def test_customers_who_are_alike_and_those_of_one_season_are_not_told():
    assert compare_latest(read_won(shop(lambda day: np.full(len(day), 20.0)))) is None
    season = shop(lambda day: 20.0 + 10.0 * np.cos(2 * np.pi * (day - 595) / 364))
    assert compare_latest(read_won(season)) is None


def test_the_channel_in_which_customers_change_is_named():
    log = shop(lambda day: np.where((np.arange(len(day)) % 2 == 0) & (day > 500), 8.0, 20.0))
    [sentence] = describe_latest(read_won(log), 0, "EUR")
    assert "less than those won" in sentence
    assert " By channel: ads -" in sentence
    assert "mail" not in sentence
