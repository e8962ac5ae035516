import os
from pathlib import Path

import pandas as pd
import pytest

from cltv_ml.data import clean, read
from cltv_ml.tables import TRANSACTIONS


def lines(*rows, columns=("customer_id", "timestamp", "amount")):
    return pd.DataFrame(list(rows), columns=list(columns))


def rules_of(cleaned):
    return dict(zip(cleaned.quarantine["source_row"], cleaned.quarantine["rule"], strict=True))


def shared(name):
    folder = os.environ.get("CLTV_DATA_DIR")
    if folder is None or not Path(folder, name).exists():
        pytest.skip(f"CLTV_DATA_DIR does not hold {name}")
    return Path(folder, name)


def test_the_log_is_a_valid_transactions_table():
    log = clean(lines((1, "2024-01-31 10:00", "9.50"))).log
    assert TRANSACTIONS.check(log).to_dict("records") == [
        {"customer_id": "1", "timestamp": pd.Timestamp("2024-01-31 10:00"), "amount": 9.5}
    ]


def test_the_published_cdnow_counts_hold():
    cleaned = clean(read("cdnow"))
    assert (len(cleaned.log), cleaned.log["customer_id"].nunique()) == (69_659, 23_570)
    assert cleaned.report.money_kept == 2_500_315.63
    assert len(cleaned.quarantine) == 0


def test_each_bad_line_is_quarantined_with_the_rule_it_breaks():
    cleaned = clean(
        lines(
            ("a", "2024-01-31 10:00", "1"),
            (None, "2024-01-31", "1"),
            ("b", "soon", "1"),
            ("c", "2124-01-31", "1"),
            ("d", "2024-01-31", "inf"),
            ("e", "2024-01-31", "?"),
            ("a", "2024-01-31 10:00", "1"),
            ("f", "2024-01-31", "-1"),
        )
    )
    assert rules_of(cleaned) == {
        2: "missing_customer",
        3: "bad_date",
        4: "future_date",
        5: "bad_amount",
        6: "bad_amount",
        7: "exact_duplicate",
        8: "return_without_order",
    }
    assert cleaned.log["customer_id"].tolist() == ["a"]


def test_a_quarantined_line_keeps_its_values_and_a_reason():
    row = clean(lines(("a", "2024-01-31", "1"), ("b", "2024-01-31", "ten"))).quarantine.iloc[0]
    assert (row["amount"], row["reason"]) == (
        "ten",
        "The amount is missing, not a finite number, or at least a trillion.",
    )


def test_zero_is_a_valid_amount():
    assert clean(lines(("a", "2024-01-31", 0.0))).log["amount"].tolist() == [0.0]


@pytest.mark.parametrize("column", ["customer_id", "timestamp", "amount"])
def test_a_column_where_nothing_can_be_read_is_refused(column):
    frame = lines(("a", "2024-01-31", "1"), ("b", "2024-01-31", "2"))
    frame[column] = ["", ""] if column == "customer_id" else ["tomato", "pear"]
    with pytest.raises(ValueError, match=f"column '{column}' was read as {column}, but none"):
        clean(read(frame, {name: name for name in frame.columns}))


def test_the_two_giant_cancelled_orders_of_online_retail_leave_nothing():
    cleaned = clean(read(shared("online_retail/online_retail.parquet")))
    assert cleaned.report.rows_in == 541_909
    assert not cleaned.log["order_id"].isin(["541431", "C541433", "581483", "C581484"]).any()
    assert "12346" in set(cleaned.quarantine["customer_id"])


@pytest.mark.parametrize("rates", [[0.1, 0.0, 0.25], ["10%", "0%", "25%"]])
def test_a_discount_rate_becomes_money(rates):
    frame = pd.DataFrame(
        {"customer": list("abc"), "date": "2024-01-31", "total": [9.0, 10.0, 7.5], "discount": rates}
    )
    assert clean(frame).log["discount"].tolist() == [1.0, 0.0, 2.5]


def test_a_discount_rate_is_taken_off_the_unit_price():
    frame = pd.DataFrame(
        {
            "customer": list("ab"),
            "date": "2024-01-31",
            "qty": [2, 1],
            "unit_price": [5.0, 4.0],
            "discount": [0.1, 0.5],
        }
    )
    cleaned = clean(frame)
    assert cleaned.log[["amount", "discount"]].to_numpy().tolist() == [[9.0, 1.0], [2.0, 2.0]]
    assert any("minus the discount" in note for note in cleaned.report.notes)


def test_a_source_can_be_cleaned_again_and_keeps_no_table_of_it():
    raw = read(lines(("a", "2024-01-31", "9"), ("a", "2024-02-01", "-9"), ("b", "2024-02-01", "1")))
    before = raw.con.sql("show tables").fetchall()
    once, again = clean(raw), clean(raw)
    assert raw.con.sql("show tables").fetchall() == before
    pd.testing.assert_frame_equal(once.log, again.log)
    pd.testing.assert_frame_equal(once.quarantine, again.quarantine)
