import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.line_costs import Costs
from cltv_ml.decisions.margins import compute_margins
from cltv_ml.decisions.profile import profile_segments


@pytest.fixture
def halves(shop):
    ids = pd.Index(sorted(shop["customer_id"].unique()), name="customer_id")
    return pd.Series(["first" if number < 60 else "second" for number in range(len(ids))], index=ids)


def test_revenue_of_segments_adds_up_to_the_log_to_the_cent(shop, halves):
    table = profile_segments(shop, halves)
    assert round(table["revenue"].sum(), 2) == round(shop["amount"].sum(), 2)
    assert table["customers"].sum() == len(halves)


def test_customers_outside_every_segment_get_their_own_row(shop, halves):
    table = profile_segments(shop, halves.iloc[:10])
    assert "not segmented" in table.index
    assert round(table["revenue"].sum(), 2) == round(shop["amount"].sum(), 2)


def test_the_figures_of_a_segment_equal_a_slow_count(shop, halves):
    row = profile_segments(shop, halves).loc["first"]
    mine = shop[shop["customer_id"].map(halves).eq("first")]
    assert row["orders"] == mine["order_id"].nunique()
    assert row["average_order_value"] == pytest.approx(mine["amount"].sum() / mine["order_id"].nunique())
    assert row["margin"] == pytest.approx((mine["amount"] - mine["cost"]).sum())
    assert row["discount_share"] == pytest.approx(
        mine["discount"].sum() / (mine["amount"] + mine["discount"]).sum()
    )
    last = (pd.Timestamp("2024-01-01") - mine.groupby("customer_id")["timestamp"].max()).dt.days
    assert row["days_since_last"] == last.median()
    assert row["top_products"].split(", ")[0] == mine.groupby("product_id")["amount"].sum().idxmax()


def test_a_bare_log_gives_the_columns_it_can_answer(shop, halves):
    table = profile_segments(shop[["customer_id", "timestamp", "amount"]], halves)
    assert not {"margin", "discount_share", "top_products"} & set(table.columns)
    assert table["revenue"].sum() > 0


def test_a_segment_without_purchases_before_the_cutoff_is_still_listed(shop, halves):
    halves = pd.concat([halves, pd.Series({"nobody": "third"})])
    table = profile_segments(shop, halves)
    assert table.loc["third", ["customers", "orders", "revenue"]].tolist() == [1, 0, 0.0]


def test_predicted_value_comes_with_its_interval(shop, halves):
    predictions = pd.DataFrame(
        {"expected_value": 10.0, "value_lower": 4.0, "value_upper": 30.0}, index=halves.index
    )
    table = profile_segments(shop, halves, predictions=predictions)
    assert table.loc[
        "first", ["expected_value", "value_per_customer", "value_lower", "value_upper"]
    ].tolist() == [
        600.0,
        10.0,
        4.0,
        30.0,
    ]


def test_a_parquet_file_gives_the_same_profile(shop, halves, tmp_path):
    shop.to_parquet(tmp_path / "log.parquet")
    pd.testing.assert_frame_equal(
        profile_segments(tmp_path / "log.parquet", halves), profile_segments(shop, halves)
    )


def test_the_margin_of_a_segment_with_a_line_without_a_cost_is_unknown_until_a_rate_is_stated(shop, halves):
    gap = shop["customer_id"].map(halves).eq("first") & (np.arange(len(shop)) % 5 == 0)
    gaps = shop.assign(cost=shop["cost"].where(~gap))
    table = profile_segments(gaps, halves)
    assert table.loc["first", ["margin", "margin_rate"]].isna().all()
    assert table.loc["second", "margin"] == profile_segments(shop, halves).loc["second", "margin"]
    stated = profile_segments(gaps, halves, costs=Costs(margin_rate=0.4))
    margins = compute_margins(gaps, "segment", costs=Costs(margin_rate=0.4), segments=halves)
    assert stated["margin"].to_dict() == pytest.approx(margins["contribution_margin"].to_dict())
