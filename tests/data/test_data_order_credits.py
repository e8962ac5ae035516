import pandas as pd
import pytest

from cltv_ml.data import clean, read


def left(*rows, columns=("customer", "date", "order_id", "product", "quantity", "amount")):
    cleaned = clean(pd.DataFrame(list(rows), columns=list(columns)))
    return cleaned.log["amount"].round(2).tolist(), cleaned


DAY = ("a", "2025-01-05")  # customer and day of most lines


@pytest.mark.parametrize("code", ["COUPON10", "GUTSCHEIN", "GIFTCARD", "discount", "REMISE"])
def test_a_negative_line_of_an_order_is_taken_off_that_order(code):
    kept, cleaned = left(
        ("a", "2025-01-05", "1", "SHIRT", 1, 100.0), ("a", "2025-01-05", "1", code, 1, -10.0)
    )
    assert kept == [90.0]
    assert cleaned.log["quantity"].tolist() == [1]
    assert cleaned.report.money_quarantined == 0


def test_a_coupon_is_shared_by_the_lines_of_its_order_to_the_cent():
    first = [(*DAY, "1", "A", 1, 10.0), (*DAY, "1", "B", 2, 20.0), (*DAY, "1", "CODE", 1, -10.0)]
    kept, _ = left(*first, (*DAY, "2", "A", 1, 10.0))
    assert kept == [6.67, 13.33, 10.0]


def test_a_coupon_above_its_order_leaves_nothing_and_the_rest_is_told():
    kept, cleaned = left(
        ("a", "2025-01-05", "1", "A", 1, 10.0),
        ("a", "2025-01-05", "1", "CODE", 1, -15.0),
        ("a", "2025-02-05", "2", "A", 1, 30.0),
    )
    assert kept == [30.0]
    assert cleaned.report.money_quarantined == -5.0


def test_a_refund_of_the_whole_order_under_a_code_of_its_own_undoes_it():
    kept, cleaned = left(
        ("a", "2025-01-05", "1", "A", 1, 100.0),
        ("a", "2025-01-05", "1", "B", 1, 30.0),
        ("a", "2025-01-15", "1", "REFUND", 1, -130.0),
        ("a", "2025-02-05", "2", "A", 2, 200.0),
    )
    assert kept == [200.0]
    assert cleaned.quarantine["rule"].tolist() == ["cancellation"] * 3


@pytest.mark.parametrize("when", ["2025-01-05 00:00:00", "2025-01-05 11:59:59", "2025-01-04 10:00:00"])
def test_an_order_id_that_agrees_outranks_the_time(when):
    kept, _ = left(
        ("a", "2025-01-05 12:00:00", "1", 30.0),
        ("a", when, "1", -10.0),
        columns=["customer", "date", "order_id", "amount"],
    )
    assert kept == [20.0]


def test_a_return_at_midnight_of_the_sale_s_day_is_no_return_before_the_sale():
    rows = (
        ("a", "2025-01-05 12:00:00", 30.0),
        ("a", "2025-01-05 00:00:00", -10.0),
        ("a", "2025-01-07 09:00:00", 5.0),
    )
    assert left(*rows, columns=["customer", "date", "amount"])[0] == [20.0, 5.0]


def test_a_refund_without_a_customer_is_taken_off_its_order():
    rows = ("a", "2025-01-05", "1", 30.0), (None, "2025-01-09", "1", -10.0), ("b", "2025-01-05", "2", 4.0)
    kept, cleaned = left(*rows, columns=["customer", "date", "order_id", "amount"])
    assert kept == [20.0, 4.0]
    assert cleaned.quarantine["rule"].tolist() == ["cancellation"]


def test_a_refund_without_a_customer_of_an_order_that_is_not_here_stays_aside():
    rows = ("a", "2025-01-05", "1", 30.0), (None, "2025-01-09", "7", -10.0)
    kept, cleaned = left(*rows, columns=["customer", "date", "order_id", "amount"])
    assert kept == [30.0]
    assert cleaned.quarantine["rule"].tolist() == ["missing_customer"]


def test_a_refund_of_nobody_is_taken_off_its_order_and_one_of_nobody_s_order_is_not():
    rows = (
        ("a", "2025-01-05", "1", 30.0),
        ("guest", "2025-01-09", "1", -10.0),
        ("guest", "2025-01-05", "2", 4.0),
        ("guest", "2025-01-09", "2", -1.0),
    )
    kept, cleaned = left(*rows, columns=["customer", "date", "order_id", "amount"])
    assert kept == [20.0]
    assert sorted(cleaned.quarantine["rule"]) == [
        "cancellation",
        "placeholder_customer",
        "placeholder_customer",
    ]
    assert any("returns that name a customer's order" in note for note in cleaned.report.notes)


STATED = ["customer", "date", "order_id", "status", "amount"]


@pytest.mark.parametrize("undone", ["cancelled", "refunded"])
@pytest.mark.parametrize("later_first", [False, True])
def test_an_order_that_another_row_calls_undone_is_undone(undone, later_first):
    earlier = [
        ("a", "2025-01-05", "1", "completed", 30.0),
        ("b", "2025-01-06", "2", "completed", 4.0),
        ("c", "2025-01-07", "3", "pending", 7.0),
    ]
    later = [
        ("a", "2025-01-05", "1", undone, 30.0),
        ("b", "2025-01-06", "2", "completed", 4.0),
        ("c", "2025-01-07", "3", "completed", 7.0),
    ]
    rows = later + earlier if later_first else earlier + later
    kept, cleaned = left(*rows, columns=STATED)
    assert sorted(kept) == [4.0, 7.0]
    assert any("as sold and as cancelled or refunded" in note for note in cleaned.report.notes)


def test_an_order_of_several_lines_may_be_undone_in_part():
    rows = (
        ("a", "2025-01-05", "1", "completed", 30.0),
        ("a", "2025-01-05", "1", "cancelled", 30.0),
        ("b", "2025-01-06", "2", "completed", 4.0),
        ("b", "2025-01-06", "2", "completed", 5.0),
    )
    assert left(*rows, columns=STATED)[0] == [30.0, 4.0, 5.0]


OF_LINES = ["customer", "date", "order_id", "sku", "status", "amount"]


def test_orders_of_several_lines_that_a_later_export_calls_cancelled_are_undone():
    earlier = [
        ("a", "2025-01-05", "1", "P", "completed", 30.0),
        ("a", "2025-01-05", "1", "Q", "completed", 20.0),
        ("b", "2025-01-06", "2", "P", "completed", 30.0),
        ("c", "2025-01-07", "3", "P", "completed", 30.0),
        ("c", "2025-01-07", "3", "R", "completed", 4.0),
    ]
    later = [(*line[:4], "completed" if line[2] == "3" else "cancelled", line[5]) for line in earlier]
    kept, cleaned = left(*earlier, *later, columns=OF_LINES)
    assert sorted(kept) == [4.0, 30.0]
    assert any("as sold and as cancelled or refunded" in note for note in cleaned.report.notes)


def test_a_line_that_stands_as_sold_and_as_cancelled_within_one_export_is_told():
    rows = (
        ("a", "2025-01-05", "1", "P", "completed", 30.0),
        ("a", "2025-01-05", "1", "P", "cancelled", 30.0),
        ("a", "2025-01-05", "1", "Q", "completed", 20.0),
    )
    kept, cleaned = left(*rows, columns=OF_LINES)
    assert sorted(kept) == [20.0, 30.0]
    assert any("1 line occurs as sold and again" in note for note in cleaned.report.notes)


def test_a_return_is_netted_against_the_invoice_that_it_names_under_any_heading(tmp_path):
    for kind, heading in (
        ("Avoir", "Facture source"),
        ("Gutschrift", "Rechnungsbezug"),
        ("Credit note", "Ref 2"),
    ):
        text = f"""
Number,Type,Date,Customer,{heading},Net
F1,Invoice,2025-01-05,ann,,50.00
F2,Invoice,2025-02-06,ann,,40.00
F3,Invoice,2025-02-07,bob,,30.00
G1,{kind},2025-02-09,ann,F1,50.00
"""
        path = tmp_path / "export.csv"
        path.write_text(text.strip("\n"), encoding="utf-8")
        log = clean(read(path)).log
        assert sorted(zip(log["order_id"], log["amount"], strict=True)) == [("F2", 40.0), ("F3", 30.0)]


def test_a_reference_that_sales_use_for_something_else_names_the_invoice_of_a_return(tmp_path):
    text = """
Number,Date,Account,Reference,Net
S1,2025-01-05,ann,PO77,50.00
S2,2025-02-06,ann,PO78,40.00
S3,2025-02-07,bob,PO79,30.00
S4,2025-02-08,bob,PO80,35.00
S5,2025-02-08,cem,PO81,60.00
C1,2025-02-09,ann,S1,-45.00
C2,2025-02-09,bob,S3,-30.00
C3,2025-02-10,cem,S5,-1.00
"""
    path = tmp_path / "export.csv"
    path.write_text(text.strip("\n"), encoding="utf-8")
    cleaned = clean(read(path))
    log = cleaned.log
    assert sorted(zip(log["order_id"], log["amount"], strict=True)) == [
        ("S1", 5.0),
        ("S2", 40.0),
        ("S4", 35.0),
        ("S5", 59.0),
    ]
    assert "returns name in it the 'Number' that they take back" in " ".join(cleaned.report.notes)


def test_a_text_names_the_invoice_of_a_return_also_with_a_saved_mapping(tmp_path):
    text = """
Bill no,Date,Customer,Net,Remark
R1,2025-01-05,ann,50.00,thanks
R2,2025-02-06,ann,50.00,gift for 2 children
R3,2025-02-07,bob,30.00,
G1,2025-02-09,ann,-50.00,Credit for bill R1 of 2025
"""
    path = tmp_path / "export.csv"
    path.write_text(text.strip("\n"), encoding="utf-8")
    raw = read(path)
    for again in (raw, read(path, dict(raw.mapping))):
        assert set(clean(again).log["order_id"]) == {"R2", "R3"}
    assert "Texts of returns in column 'Remark' name the 'Bill no'" in " ".join(raw.notes)
    assert "similar texts" not in " ".join(raw.notes)
    assert set(clean(read(path, {"cancels": ""})).log["order_id"]) == {"R1", "R3"}
