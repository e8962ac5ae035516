import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.line_costs import Costs
from cltv_ml.decisions.upsell import recommend_upsell


@pytest.fixture
def log():
    """Thirty customers drink tea at 2 a unit; twenty-five also know a tea at 3, and one loses money at 3.5."""
    rows = []
    for number in range(30):
        rows += [(f"c{number:02d}", "plain", 2.0, 1.0)] * 3
        if number < 25:
            rows += [(f"c{number:02d}", "fine", 3.0, 1.5), (f"c{number:02d}", "sour", 3.5, 4.0)]
    table = pd.DataFrame(rows, columns=["customer_id", "product_id", "amount", "cost"])
    return table.assign(timestamp=pd.Timestamp("2024-01-01"), category="tea", quantity=1)


def test_who_drinks_plain_tea_is_offered_the_fine_one(log):
    table = recommend_upsell(log, "2024-02-01")
    assert table["customer_id"].tolist() == ["c25", "c26", "c27", "c28", "c29"]
    assert (
        table[["product_id", "usual_price", "price", "price_step", "extra_margin"]].values.tolist()
        == [["fine", 2.0, 3.0, 1.5, 0.5]] * 5
    )


def test_without_costs_the_price_decides(log):
    table = recommend_upsell(log.drop(columns="cost"), "2024-02-01")
    assert set(table["product_id"]) == {"sour"}
    assert "extra_margin" not in table


def test_a_product_too_dear_is_left_out(log):
    assert recommend_upsell(log, "2024-02-01", step=(1.1, 1.4)).empty


def test_nothing_from_the_cutoff_on_is_seen(log):
    assert recommend_upsell(log, "2024-01-01").empty


def test_without_categories_the_message_says_which_column(log):
    with pytest.raises(ValueError, match="upselling needs the column 'category'"):
        recommend_upsell(log.drop(columns="category"), "2024-02-01")


def test_upselling_equals_the_slow_loop():
    rng = np.random.default_rng(2)
    product = rng.integers(0, 24, 3000)
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 60, 3000).astype("str"),
            "product_id": product.astype("str"),
            "category": ((product + (rng.random(3000) < 0.2)) % 3).astype("str"),
            "amount": 1.0 + product,
            "cost": 0.5 + product * rng.choice([0.5, 0.9], 24)[product],
            "quantity": 1,
            "timestamp": pd.Timestamp("2024-01-01"),
        }
    )
    sold = log.groupby(["category", "product_id"]).agg(
        {"amount": "mean", "cost": "mean", "customer_id": "nunique"}
    )
    sold = sold[sold["customer_id"] >= 20].reset_index()
    owned, wanted = log.groupby("customer_id")["product_id"].unique(), {}
    for (customer, category), lines in log.groupby(["customer_id", "category"]):
        usual, before = lines["amount"].mean(), (lines["amount"] - lines["cost"]).mean()
        extra = sold["amount"] - sold["cost"] - before
        fits = (
            (sold["category"] == category) & sold["amount"].between(1.1 * usual, 2 * usual) & (extra > 1e-9)
        )
        fits &= ~sold["product_id"].isin(owned[customer])
        if fits.any() and len(lines) > 1:
            best = sold[fits].assign(extra=extra[fits]).sort_values("extra").iloc[-1]
            wanted[customer, category] = (best["product_id"], pytest.approx(best["extra"]))
    table = recommend_upsell(log, "2024-02-01").set_index(["customer_id", "category"])
    assert len(wanted) == 49
    assert {key: (row["product_id"], row["extra_margin"]) for key, row in table.iterrows()} == wanted


def test_lines_without_a_cost_earn_no_margin_until_a_rate_is_stated(log):
    gaps = log.assign(cost=log["cost"].where(log["product_id"] != "sour"))
    assert set(recommend_upsell(gaps, "2024-02-01")["product_id"]) == {"fine"}
    stated = recommend_upsell(gaps, "2024-02-01", costs=Costs(margin_rate=0.8))
    assert stated[["product_id", "extra_margin"]].values.tolist() == [["sour", pytest.approx(1.8)]] * 5
    usual = log.assign(cost=log["cost"].where((log["product_id"] != "plain") | log.duplicated()))
    assert recommend_upsell(usual, "2024-02-01")["extra_margin"].tolist() == [0.5] * 5
