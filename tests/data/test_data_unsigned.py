"""Returns whose amount bears no sign, and lines on which nothing was bought."""

import pandas as pd
import pytest

from cltv_ml.columns.questions import QuestionsError
from cltv_ml.data import Rules, clean

COLUMNS = ["customer_id", "timestamp", "order_id", "product_id", "quantity", "amount"]

SALES = [
    ("a", "2025-01-05", "1", "x", 2, 99.80),
    ("b", "2025-01-06", "2", "y", 1, 20.0),
    ("c", "2025-01-07", "3", "x", 1, 49.90),
]
RETURN = ("a", "2025-01-20", "1", "x", -1, 49.90)


def lines(*rows):
    return pd.DataFrame([*SALES, *rows], columns=COLUMNS).astype({"timestamp": "datetime64[ns]"})


def test_returns_without_a_sign_are_netted_and_told():
    cleaned = clean(lines(RETURN))
    assert cleaned.log["amount"].tolist() == [49.90, 20.0, 49.90]
    assert cleaned.log["quantity"].tolist() == [1.0, 1.0, 1.0]
    assert any(
        "1 line with a total of 49.90 has a negative quantity" in note for note in cleaned.report.notes
    )
    assert cleaned.report.money_in == pytest.approx(119.80)


def test_returns_written_as_text_are_netted_too():
    cleaned = clean(lines(RETURN).astype(str))
    assert cleaned.log["amount"].sum() == pytest.approx(119.80)


def test_a_negative_price_does_not_make_a_return_a_sale():
    frame = lines(RETURN).rename(columns={"amount": "unit_price"})
    frame["unit_price"] = [49.90, 20.0, 49.90, -49.90]
    assert clean(frame).log["amount"].sum() == pytest.approx(119.80)


def test_returns_next_to_signed_amounts_are_taken_by_the_price_of_their_product():
    signed = ("b", "2025-01-21", "2", "y", -1, -20.0)
    assert clean(lines(RETURN, signed)).log["amount"].tolist() == [49.90, 49.90]


def test_positive_amounts_of_negative_quantities_are_asked_about_where_others_are_signed():
    rows = [("b", "2025-01-21", "2", "y", -1, -20.0), ("a", "2025-01-20", "1", "z", -1, 7.0)]
    with pytest.raises(QuestionsError, match="while 1 other amount") as asked:
        clean(lines(*rows))
    assert asked.value.questions[0].answers == ("unsigned_returns=true", "unsigned_returns=false")
    assert "contradictory_signs" in set(clean(lines(*rows), Rules(unsigned_returns=False)).quarantine["rule"])


def test_a_ledger_of_stock_is_asked_about():
    sold = lines().assign(quantity=lambda f: -f["quantity"])
    with pytest.raises(QuestionsError, match="a stock movement"):
        clean(sold)


def test_orders_of_a_quantity_of_zero_are_no_purchases():
    cleaned = clean(lines(("d", "2025-01-20", "9", "x", 0, 0.0)))
    assert "d" not in set(cleaned.log["customer_id"])
    assert any("1 line with quantity 0 and no money is not purch" in note for note in cleaned.report.notes)
    assert not any("quantity 0" in note for note in clean(lines()).report.notes)
