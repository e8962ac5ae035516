import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import simulate
from cltv_ml.decisions.line_costs import Costs
from cltv_ml.decisions.margins import (
    MARGIN_GRAINS,
    add_profit,
    compute_margins,
    customer_margin_rates,
    loss_makers,
    measured_margin,
)


@pytest.fixture
def segments(shop):
    ids = pd.Index(sorted(shop["customer_id"].unique()), name="customer_id")
    return pd.Series(np.where(np.arange(len(ids)) % 3 == 0, "high", "low"), index=ids)


@pytest.mark.parametrize("by", MARGIN_GRAINS)
def test_money_of_every_grain_adds_up_to_the_log_to_the_cent(shop, segments, by):
    table = compute_margins(shop, by, segments=segments, costs=Costs(per_order=2.37))
    assert round(table["revenue"].sum(), 4) == round(shop["amount"].sum(), 4)
    assert round(table["gross_margin"].sum(), 4) == round((shop["amount"] - shop["cost"]).sum(), 4)
    assert round(table["service"].sum(), 4) == round(2.37 * shop["order_id"].nunique(), 4)
    assert (table["contribution_margin"] == (table["gross_margin"] - table["service"]).round(4)).all()


def test_products_that_sell_below_cost_are_named(shop):
    losing = loss_makers(compute_margins(shop, "product_id"))
    assert sorted(losing.index) == ["p00", "p06", "p12", "p18", "p24", "p30"]
    assert losing["contribution_margin"].is_monotonic_increasing


def test_lines_below_cost_are_counted(shop):
    assert (
        compute_margins(shop, "category")["lines_below_cost"].sum() == (shop["cost"] > shop["amount"]).sum()
    )


def test_a_rate_per_category_stands_in_for_a_missing_cost(shop):
    rates = {f"k{number}": 0.1 * number for number in range(6)}
    table = compute_margins(shop.drop(columns="cost"), "category", costs=Costs(margin_rate=rates))
    assert table["gross_margin"]["k3"] == pytest.approx(0.3 * table["revenue"]["k3"], abs=0.5)


def test_a_known_cost_goes_before_the_rate(shop):
    shop.loc[shop.index[:10], "cost"] = np.nan
    table = compute_margins(shop, "channel", costs=Costs(margin_rate=0.5))
    expected = shop["cost"].fillna(shop["amount"] * 0.5).sum()
    assert table["cost"].sum() == pytest.approx(expected, abs=0.01)


def test_returns_reduce_the_margin_of_their_product(shop):
    returns = pd.DataFrame({"customer_id": ["c001"], "amount": [30.0], "cost": [12.0], "product_id": ["p07"]})
    plain, netted = (compute_margins(shop, "product_id", returns=table) for table in (None, returns))
    assert netted.loc["p07", "returned"] == 30.0
    assert netted.loc["p07", "gross_margin"] == round(plain.loc["p07", "gross_margin"] - 18.0, 4)
    assert netted["revenue"].sum() == plain["revenue"].sum()


def test_acquisition_cost_turns_margin_into_profit_per_customer_and_segment(shop, segments):
    costs = Costs(acquisition=pd.Series({"c001": 40.0, "c002": 5.0}))
    customers = compute_margins(shop, "customer_id", costs=costs)
    assert customers.loc["c001", "profit"] == round(customers.loc["c001", "contribution_margin"] - 40.0, 4)
    assert compute_margins(shop, "segment", segments=segments, costs=costs)["acquisition"].sum() == 45.0


def test_no_cost_and_no_rate_is_one_sentence_with_the_way_out(shop):
    with pytest.raises(ValueError, match=r"need the column 'cost' or a margin rate, found neither"):
        compute_margins(shop.drop(columns="cost"), "customer_id")


def test_a_category_without_a_rate_is_named(shop):
    rates = {f"k{number}": 0.3 for number in range(5)}
    with pytest.raises(ValueError, match="for example in category 'k5'"):
        compute_margins(shop.drop(columns="cost"), "category", costs=Costs(margin_rate=rates))


def test_a_missing_product_column_says_how_to_supply_it(shop):
    with pytest.raises(ValueError, match="map the article number to product_id"):
        compute_margins(shop.drop(columns="product_id"), "product_id")


def test_a_rate_written_as_percent_is_refused():
    with pytest.raises(ValueError, match=r"write 0.35 for 35%"):
        Costs(margin_rate=35)


def test_a_share_out_of_range_is_named_with_the_way_to_write_it():
    wrong = {
        r"the margin rate of 'tea' must be a share from -1 to 1, got 12; write 0.12 for 12%": {
            "margin_rate": {"tea": 12}
        },
        r"share_of_amount must be a share from 0 to below 1, got 3; write 0.03 for 3%": {
            "share_of_amount": 3
        },
        r"share_of_amount must be a share from 0 to below 1, got 1;": {"share_of_amount": 1},
        r"per_order must be 0 or more, got -2\.$": {"per_order": -2},
    }
    for told, stated in wrong.items():
        with pytest.raises(ValueError, match=told):
            Costs(**stated)


def test_margin_rates_of_customers_keep_the_total(shop):
    margins = compute_margins(shop, "customer_id")
    rates = customer_margin_rates(margins)
    raw = margins["contribution_margin"] / margins["revenue"]
    everybody = margins["contribution_margin"].sum() / margins["revenue"].sum()
    assert rates.sub(everybody).abs().le(raw.sub(everybody).abs() + 1e-12).all()
    assert ((rates - everybody) * (raw - everybody) >= -1e-12).all()


def test_value_in_profit_stands_next_to_value_in_revenue():
    predictions = pd.DataFrame({"expected_value": [100.0, 50.0]}, index=["a", "b"])
    assert add_profit(predictions, pd.Series({"a": 0.4}))["expected_profit"].tolist() == [40.0, 20.0]


def test_superstore_profit_is_found_to_the_cent(data_dir):
    raw = pd.read_parquet(data_dir / "superstore" / "superstore.parquet")
    log = pd.DataFrame(
        {
            "customer_id": raw["Customer ID"],
            "timestamp": raw["Order Date"],
            "amount": raw["Sales"],
            "product_id": raw["Product ID"],
            "category": raw["Sub-Category"],
            "cost": raw["Sales"] - raw["Profit"],
        }
    )
    table = compute_margins(log, "category")
    assert round(table["gross_margin"].sum(), 2) == round(raw["Profit"].sum(), 2)
    assert set(loss_makers(table).index) == {"Tables", "Bookcases", "Supplies"}
    assert table["lines_below_cost"].sum() == (raw["Profit"] < 0).sum()


def test_lines_sold_below_cost_are_counted_exactly_and_money_adds_up():
    log = simulate(400, seed=5).log
    below = np.random.default_rng(0).random(len(log)) < 0.0765
    log["cost"] = (log["amount"] * np.where(below, 1.2, 0.7) + np.where(below, 0.01, 0.0)).round(2)
    for grain in ("customer_id", "product_id", "category", "channel"):
        margins = compute_margins(log, grain)
        assert margins["lines_below_cost"].sum() == (log["cost"] > log["amount"]).sum()
        assert margins["revenue"].sum() == pytest.approx(log["amount"].sum(), abs=0.005)
        assert margins["cost"].sum() == pytest.approx(log["cost"].sum(), abs=0.005)


def test_a_log_sold_below_cost_has_a_negative_margin():
    log = pd.DataFrame(
        {"customer_id": "a", "timestamp": pd.Timestamp("2024-01-01"), "amount": [10.0], "cost": [12.0]}
    )
    assert measured_margin(log) == -20.0
