"""The start of a log: old customers who look new are told from a shop that begins with its log."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation.log_start import LogStart, find_log_start, first_seen

START = pd.Timestamp("2023-01-02")


def shop(days, before, seed=0):
    """Return the days on which a shop's customers are first seen, in days since the log's start, and who is old.

    Eight customers a day arrive from `before` days before the log on; each buys every 30 days on average, for 150.
    """
    rng = np.random.default_rng(seed)
    joined = rng.integers(-before, days, 8 * (before + days))
    leaves = joined + rng.exponential(150, len(joined))
    back = np.maximum(0, joined) + rng.exponential(30, len(joined))
    seen = np.where(joined < 0, back, joined)
    kept = (seen < days) & ((joined >= 0) | (seen < leaves))
    return seen[kept].astype(int), joined[kept] < 0


@pytest.mark.parametrize("days", [120, 365, 700])
def test_the_share_of_old_customers_among_the_first_seen_is_at_most_what_is_stated(days):
    seen, old = shop(days, before=500)
    guard = min(91, days // 4)
    start = find_log_start(np.bincount(seen, minlength=days), START)
    assert (start.days, start.customers) == (guard, (seen < guard).sum())
    true = old[seen < guard].mean()
    assert true - 0.05 < start.share < true + 0.2


@pytest.mark.parametrize("days", [120, 365, 700])
def test_a_shop_that_begins_with_its_log_has_no_old_customers(days):
    seen, _ = shop(days, before=0)
    assert find_log_start(np.bincount(seen, minlength=days), START) == LogStart(0)


def test_a_panel_is_told_from_a_shop_that_wins_customers():
    seen, old = shop(365, before=500)
    few_new = np.r_[seen[old], seen[~old][::25]]
    assert not find_log_start(np.bincount(seen, minlength=365), START).is_panel
    panel = find_log_start(np.bincount(few_new, minlength=365), START)
    assert panel.is_panel
    assert f"Only {panel.later} customers came later, as in a panel" in panel.sentence("")


def test_a_shop_that_has_stopped_winning_customers_or_a_short_log_shows_none():
    assert find_log_start(np.r_[np.full(60, 9.0), np.zeros(200)], START) == LogStart(0)
    assert find_log_start(np.full(50, 9.0), START) == LogStart(0)
    assert find_log_start(np.zeros(0), START) == LogStart(0)


def test_months_count_from_the_first_one_that_lies_mostly_after_the_first_days():
    assert LogStart(0).first_month(pd.Timestamp("2023-01-31")) == pd.Timestamp("2023-01-01")
    assert LogStart(91).first_month(pd.Timestamp("2023-01-02")) == pd.Timestamp("2023-04-01")
    assert LogStart(91).first_month(pd.Timestamp("2023-01-25")) == pd.Timestamp("2023-05-01")


def test_every_customer_is_first_seen_on_one_day():
    days = pd.to_datetime(["2023-01-02", "2023-01-04", "2023-01-04", "2023-01-05", "2023-01-06"])
    log = pd.DataFrame({"customer_id": [*"abacc"], "timestamp": days, "amount": 5.0})
    assert first_seen(log).tolist() == [1, 0, 1, 1, 0]
