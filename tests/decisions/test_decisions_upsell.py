import pandas as pd
import pytest

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
