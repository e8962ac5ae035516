"""Variety in recommendations: who leads, what is given up, and what segments buy more often."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions import favourites_by_segment, vary_leaders
from cltv_ml.windows import Window


@pytest.fixture
def table():
    """Fuel leads everywhere; for nine in ten customers something else is worth at least nine tenths of it."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(200):
        near = 0.5 if number % 10 == 0 else rng.uniform(0.9, 1.0)
        other = "abcde"[rng.integers(5)]
        rows += [
            (f"c{number:03}", 1, "fuel", 1.0),
            (f"c{number:03}", 2, other, near),
            (f"c{number:03}", 3, "z", 0.3),
        ]
    return pd.DataFrame(rows, columns=["customer_id", "rank", "item", "expected_margin"])


def leaders(table):
    return table[table["rank"] == 1].set_index("customer_id")["item"]


def test_no_item_leads_more_lists_than_allowed_where_others_are_nearly_as_good(table):
    assert (leaders(table) == "fuel").all()
    assert (leaders(vary_leaders(table)) == "fuel").mean() == pytest.approx(0.25)


def test_customers_who_would_give_up_much_keep_their_item(table):
    varied = leaders(vary_leaders(table, most=0.0))
    assert (varied[varied.index.str.endswith("0")] == "fuel").all()
    assert (varied[~varied.index.str.endswith("0")] != "fuel").all()


def test_those_who_give_up_least_change_first(table):
    second = table[table["rank"] == 2].set_index("customer_id")["expected_margin"]
    changed = leaders(vary_leaders(table)) != "fuel"
    assert second[changed].min() >= second[~changed].max()


def test_each_customer_keeps_the_same_items_in_ranks_without_gaps(table):
    varied = vary_leaders(table)
    assert (
        varied.groupby("customer_id")["item"].agg(set).equals(table.groupby("customer_id")["item"].agg(set))
    )
    assert varied.groupby("customer_id")["rank"].agg(list).map(tuple).unique().tolist() == [(1, 2, 3)]
    assert varied["customer_id"].tolist() == table["customer_id"].tolist()


def test_lists_of_one_item_stay_as_they_are():
    single = pd.DataFrame({"customer_id": ["a", "b"], "rank": 1, "item": "tea", "probability": 0.5})
    pd.testing.assert_frame_equal(vary_leaders(single), single)


def test_favourites_are_what_a_segment_buys_more_often_than_all():
    ids = [f"c{number:03}" for number in range(100)]
    loyal = pd.Series(np.where(np.arange(100) < 40, "loyal", "new"), index=ids)
    lines = [(name, "milk") for name in ids]
    lines += [(name, "wine") for name in ids[:30]]
    lines += [(name, "rare") for name in ids[:3]]
    log = pd.DataFrame(lines, columns=["customer_id", "product_id"]).assign(
        timestamp=pd.Timestamp("2026-01-15"), amount=1.0
    )
    found = favourites_by_segment(log, loyal, Window("2026-02-01", 30))
    assert found[["segment", "item", "buyers"]].to_numpy().tolist() == [
        ["loyal", "wine", 30],
        ["new", "milk", 60],
    ]
    assert found["share"].tolist() == pytest.approx([0.75, 1.0])
    assert found["lift"].tolist() == pytest.approx([(30 / 73) / (30 / 133), 1 / (100 / 133)])


def test_a_segment_that_buys_more_of_everything_has_no_favourites():
    """Everyone draws from the same ten items, popular and rare; champions only draw ten times as often."""
    rng = np.random.default_rng(4)
    chances = np.arange(10, 0, -1) / 55
    lines = [
        (f"c{number}", f"item{item}", pd.Timestamp("2026-01-02") + pd.Timedelta(days=day))
        for number in range(600)
        for day in range(20 if number < 200 else 2)
        for item in rng.choice(10, 1, p=chances)
    ]
    log = pd.DataFrame(lines, columns=["customer_id", "product_id", "timestamp"]).assign(amount=1.0)
    segments = pd.Series({f"c{n}": "champions" if n < 200 else "new" for n in range(600)})
    assert favourites_by_segment(log, segments, Window("2026-02-01", 60)).empty
    log.loc[log["customer_id"].isin([f"c{n}" for n in range(150)]), "product_id"] = "tea"
    found = favourites_by_segment(log, segments, Window("2026-02-01", 60)).query("segment == 'champions'")
    assert found[["item", "buyers"]].to_numpy().tolist() == [["tea", 150]]
    part = (log["product_id"].eq("tea")[log["customer_id"].map(segments).eq("champions")]).mean()
    assert found["lift"].item() == pytest.approx(part / log["product_id"].eq("tea").mean())
