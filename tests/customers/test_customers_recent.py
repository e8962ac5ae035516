"""Attributes worked out from customers' latest purchases, and rows that no cutoff can see."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.customers import CustomerSources, read_customers
from cltv_ml.customers.attributes import Attributes, read_attributes
from cltv_ml.log import Log

N, DAYS = 600, 600
START = pd.Timestamp("2023-01-01")


@pytest.fixture(scope="module")
def shop() -> tuple[Log, pd.DataFrame]:
    """Six hundred customers, whose channel changes their rate eightfold, and a table of them."""
    rng = np.random.default_rng(3)
    channel = rng.choice(["referral", "ads"], N)
    rate = rng.gamma(1.5, 1 / 1.5, N) * np.where(channel == "referral", 1 / 25, 1 / 200)
    ids = [f"{number:04d}" for number in range(N)]
    rows = [
        (ids[number], START + pd.Timedelta(days=int(day)), float(rng.integers(5, 90)))
        for number in range(N)
        for day in [number % 150, *rng.uniform(number % 150, DAYS, rng.poisson(rate[number] * 400))]
    ]
    log = pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"]).astype({"customer_id": "str"})
    late = log[log["timestamp"] > log["timestamp"].max() - pd.Timedelta(days=91)]
    spend = late.groupby("customer_id")["amount"].sum().reindex(ids, fill_value=0.0)
    segment = pd.qcut(spend.rank(method="first"), 4, labels=["d", "c", "b", "a"]).astype(str).to_numpy()
    noisy = np.where(rng.random(N) < 0.2, rng.permutation(segment), segment)
    table = pd.DataFrame({"customer_id": ids, "channel": channel, "segment": segment, "group": noisy})
    return Log(log), table


def read(log: Log, table: pd.DataFrame) -> Attributes:
    tables = read_customers(log, CustomerSources(customers=table), earliest=START + pd.Timedelta(days=200))
    assert tables.attributes is not None
    return tables.attributes


def test_a_segment_of_the_last_quarter_is_left_out_and_one_with_noise_is_told(shop):
    found = read(*shop)
    assert [one.column for one in found.used] == ["channel", "group"]
    (segment,) = (one.reason for one in found.account if one.column == "segment")
    assert "it follows each customer's spend in the last 91 days in the log (100% of the order in" in segment
    (note,) = found.notes
    assert note.startswith("Column 'group': it follows what customers spent in the last 91 days")
    assert "leave it out with --attribute group=none" in note


def test_facts_of_the_whole_log_are_left_out_under_any_heading_and_cohorts_are_not(shop):
    log, table = shop
    lines = log.frame.assign(day=log.frame["timestamp"].dt.normalize(), year=log.frame["timestamp"].dt.year)
    days = lines.groupby(["customer_id", "day"], as_index=False)["amount"].sum()
    by_customer = days.groupby("customer_id")
    span = (by_customer["day"].max() - by_customer["day"].min()).dt.days
    facts = {
        "kpi_1": by_customer["amount"].last(),
        "kpi_2": by_customer["amount"].max(),
        "kpi_3": span,
        "kpi_4": (span / (by_customer.size() - 1)).where(span > 0, 999),
        "kpi_5": lines[lines["year"] == 2023].groupby("customer_id")["amount"].sum(),
        "kpi_6": by_customer["amount"].mean() * np.random.default_rng(1).uniform(0.8, 1.25, N),
    }
    spent = table[["customer_id"]].set_index("customer_id").assign(**facts).fillna({"kpi_5": 0.0})
    first = by_customer["day"].min()
    found = read(log, spent.assign(signup=first, cohort=first.dt.strftime("M%m")).reset_index())
    assert [one.column for one in found.used] == ["kpi_6", "signup", "cohort"]
    (note,) = found.notes
    assert note.startswith("Column 'kpi_6': it follows each customer's mean spend per purchase in the log (8")


def test_deals_and_next_purchases_of_a_crm_are_known_by_their_headings(shop):
    log, table = shop
    names = ["Recent Deal Amount", "Number of Associated Deals", "Days to next order", "Next Activity Date"]
    values = dict.fromkeys(names, np.random.default_rng(2).integers(1, 99, N))
    found = read(log, table[["customer_id", "channel"]].assign(**values))
    assert [one.column for one in found.used] == ["channel"]


def test_a_table_valid_only_after_the_log_is_left_out(shop):
    log, table = shop
    found = read(log, table.assign(valid_from="2031-01-01"))
    assert not found.used
    assert all("only from after the last purchase of the log" in one.reason for one in found.account)


def test_a_dated_row_that_was_updated_later_is_left_out(shop):
    log, table = shop
    spent = log.frame.groupby("customer_id")["amount"].sum()
    first = log.frame.groupby("customer_id")["timestamp"].min()
    dated = table[["customer_id", "channel"]].assign(
        kpi=table["customer_id"].map(spent), valid_from=table["customer_id"].map(first)
    )
    found = read(log, dated)
    assert [one.column for one in found.used] == ["channel"]
    (kpi,) = (one.reason for one in found.account if one.column == "kpi")
    assert kpi.startswith(
        "it follows each customer's spend in the log (100% of the order in common), though its rows"
    )
    lines = log.frame.sort_values("timestamp")
    history = lines.assign(kpi=lines.groupby("customer_id")["amount"].cumsum(), valid_from=lines["timestamp"])
    updated = history.drop(columns=["timestamp", "amount"]).merge(dated[["customer_id", "channel"]])
    assert sorted(one.column for one in read(log, updated).used) == ["channel", "kpi"]


def test_current_rows_without_their_history_are_told(shop):
    log, table = shop
    moved = np.where(np.arange(N) % 5 == 0, "2024-03-01", "2022-12-31")
    (note,) = read(log, table[["customer_id", "channel"]].assign(valid_from=moved)).notes
    assert "of 600 customers is valid only from more than 30 days" in note
    assert "No customer has several rows" in note


def test_of_rows_valid_from_the_same_moment_the_last_counts():
    rows = pd.DataFrame(
        {
            "customer_id": ["1", "1", "1", "2", "2"],
            "tier": ["a", "b", "a", "a", "b"],
            "valid_from": ["2023-01-01"] * 5,
        }
    )
    found = read_attributes(rows)
    assert found.table.select(["customer_id", "text_tier"]).to_pylist() == [
        {"customer_id": "1", "text_tier": "a"},
        {"customer_id": "2", "text_tier": "b"},
    ]
    assert found.quarantine["rule"].tolist() == ["same_moment", "exact_duplicate", "same_moment"]
