"""Files, sheets and tables read as one: refunds beside sales, currencies in names, cents, repeated headers."""

import pandas as pd
import pytest
from openpyxl import Workbook

from cltv_ml.data import clean, read
from cltv_ml.errors import InputError

HEADER = "order_id,date,customer_id,amount"
LINES = [f"{number},2024-0{1 + number % 3}-1{number},C{number % 3},{10 + number}.50" for number in range(9)]


def folder(tmp_path, **files):
    """Write files with the header."""
    for name, lines in files.items():
        (tmp_path / f"{name}.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    return tmp_path


def test_a_file_called_refunds_is_taken_off_the_sales(tmp_path):
    source = folder(tmp_path, sales=LINES, refunds=["4,2024-03-01,C1,14.50"])
    cleaned = clean(read(source))
    assert cleaned.report.money_kept == sum(10.5 + number for number in range(9) if number != 4)
    assert any("'file' was read as type" in note for note in cleaned.report.notes)


def test_a_sheet_called_refunds_is_taken_off_the_sales(tmp_path):
    book = Workbook()
    book.active.title = "Sales"
    refunds = book.create_sheet("Refunds")
    for sheet, lines in ((book.active, LINES), (refunds, ["4,2024-03-01,C1,14.50"])):
        for line in [HEADER, *lines]:
            sheet.append(line.split(","))
    book.save(tmp_path / "book.xlsx")
    cleaned = clean(read(tmp_path / "book.xlsx"))
    assert cleaned.report.money_kept == sum(10.5 + number for number in range(9) if number != 4)


def test_sheets_read_as_one_are_named(tmp_path):
    book = Workbook()
    book.active.title = "January"
    for sheet, lines in ((book.active, LINES[:4]), (book.create_sheet("February"), LINES[4:])):
        for line in [HEADER, *lines]:
            sheet.append(line.split(","))
    book.save(tmp_path / "book.xlsx")
    told = "2 sheets were read as one table: January (from row 1), February (from row 5)."
    assert told in read(tmp_path / "book.xlsx").notes


def test_currencies_in_the_names_of_files_ask_for_rates(tmp_path):
    with pytest.raises(InputError, match="'EUR', 'USD'"):
        clean(read(folder(tmp_path, orders_EUR=LINES[:4], orders_USD=LINES[4:])))


def test_a_file_that_counts_cents_beside_one_that_does_not_is_asked_about(tmp_path):
    cents = [line.replace(".50", "50") for line in LINES[4:]]
    source = folder(tmp_path, january=LINES[:4], february=cents)
    with pytest.raises(InputError, match=r"'february.csv' are integers.*may be cents"):
        read(source)
    assert read(source, changes={"money_unit": "1"}).mapping["amount"] == "amount"


def test_a_header_repeated_on_the_next_page_is_left_out(tmp_path):
    source = tmp_path / "a.csv"
    source.write_text("\n".join([HEADER, *LINES[:5], "", "Page 2 of 2", HEADER, *LINES[5:]]))
    cleaned = clean(read(source))
    assert cleaned.report.rows_kept == 9
    assert any("1 line of 'a.csv' repeats the header" in note for note in cleaned.report.notes)


def test_refunds_below_the_sales_under_the_same_header_are_subtracted(tmp_path):
    source = tmp_path / "a.csv"
    source.write_text(
        "\n".join([HEADER, *LINES, "", "Refunds", HEADER, LINES[3].replace("2024-01", "2024-03")])
    )
    refunded = float(LINES[3].rpartition(",")[2])
    money = sum(float(line.rpartition(",")[2]) for line in LINES)
    assert clean(read(source)).report.money_kept == pytest.approx(money - refunded)


def test_a_quote_left_open_is_told_with_the_lines_behind_it(tmp_path):
    source = tmp_path / "a.csv"
    source.write_text("\n".join([HEADER, *LINES[:4], '4,2024-01-02,"C1,9.50', *LINES[5:]]))
    assert any("span 5 lines, the first starting at row 5" in note for note in read(source).notes)


def test_files_of_different_columns_are_refused_with_the_columns_that_differ(tmp_path):
    (tmp_path / "a.csv").write_text("order_id,amount\n1,2\n")
    (tmp_path / "b.csv").write_text("order_id,note\n1,x\n")
    with pytest.raises(InputError, match=r"only one of them has \['amount', 'note'\]"):
        read(tmp_path)


EACH = [n for n in range(9) for _ in "ab"]


def orders(**columns):
    """Return nine orders of two lines each, whose amount is the order's."""
    lines = pd.DataFrame(
        {
            "date": [f"2024-0{1 + n % 3}-1{n}" for n in range(9) for _ in "ab"],
            "client": [f"C{n % 3}" for n in range(9) for _ in "ab"],
            "item": [f"P{n % 4}{k}" for n in range(9) for k in "ab"],
            "total": [10.0 + n for n in range(9) for _ in "ab"],
        }
    )
    return lines.assign(**columns)


def test_of_two_columns_that_number_orders_alike_one_is_taken():
    frame = orders(
        **{
            "Invoice ID": EACH,
            "Invoice Number": [f"I{n}" for n in EACH],
        }
    )
    raw = read(frame)
    assert raw.mapping["order_id"] == "Invoice ID"
    assert clean(raw).report.money_kept == sum(10.0 + n for n in range(9))


def test_orders_are_found_by_their_values_where_totals_repeat():
    raw = read(orders(zzz=[f"Z{n}" for n in EACH]))
    assert raw.mapping["order_id"] == "zzz"
    assert clean(raw).report.money_kept == sum(10.0 + n for n in range(9))


def test_an_id_that_each_order_has_for_itself_is_no_customer():
    frame = orders(Id=EACH).rename(columns={"client": "Kunden Email"})
    assert read(frame).mapping["customer_id"] == "Kunden Email"


def test_staff_are_not_taken_for_customers_in_silence():
    frame = orders(user_id=[1] * 18).rename(columns={"client": "buyer_email"})
    with pytest.raises(InputError, match="if that column does not identify employees"):
        read(frame)


def test_a_row_for_each_customer_is_asked_about():
    frame = pd.DataFrame({"customer": list("abcd"), "date": "2024-01-05", "total_spent": [1.0, 2, 3, 4]})
    with pytest.raises(InputError, match="each of the 4 rows has a different customer"):
        read(frame)
    members = pd.DataFrame(
        {
            "email": list("abcd"),
            "since": "2024-01-05",
            "Pledge Amount": 5.5,
            "Lifetime Amount": [66.0, 5.5, 11, 22],
        }
    )
    with pytest.raises(InputError, match="'Lifetime Amount' may be a customer's total spending"):
        read(members)


def test_blank_customers_that_another_column_names_are_told():
    frame = orders(
        order_id=EACH,
        email=[f"c{n % 3}@x.org" for n in EACH],
    )
    frame["customer_id"] = frame.pop("client").where(frame.index > 3)
    assert any(
        "blank on 4 of the first lines" in note and "customer_id=email" in note for note in read(frame).notes
    )


def test_gross_is_taken_where_net_is_what_a_payment_service_leaves():
    days = ["2024-01-05", "2024-02-05"] * 2
    frame = pd.DataFrame({"date": days, "customer": list("aabb"), "Gross": 10.0, "Fee": -1.0, "Net": 9.0})
    raw = read(frame)
    assert raw.mapping["amount"] == "Gross"
    assert any("before the fees in 'Fee'" in note for note in raw.notes)


def test_whole_amounts_of_a_payment_service_are_asked_about():
    cents = pd.DataFrame(
        {
            "merchant_reference": range(8),
            "email": list("abcdabcd"),
            "date": pd.date_range("2025-01-05", periods=8, freq="9D"),
            "amount": [4990, 1250, 3995, 8000, 12050, 4990, 2575, 6999],
            "currency": "eur",
        }
    )
    with pytest.raises(InputError, match=r"payment services export cents. Use --rule money_unit=0.01"):
        read(cents)
    kept = {unit: clean(read(cents, changes={"money_unit": unit})).report.money_kept for unit in (0.01, 1)}
    assert kept == {0.01: pytest.approx(448.49), 1: 44849}
    named = cents.drop(columns="merchant_reference").assign(
        id=[f"txn_01hv8wptq8987qeep{n}" for n in range(8)]
    )
    with pytest.raises(InputError, match=r"payment services export cents"):
        read(named)
    assert clean(read(named.assign(id=range(8)))).report.money_kept == 44849
    nested = cents.drop(columns="merchant_reference").rename(columns={"amount": "total_money.amount"})
    with pytest.raises(InputError, match=r"payment services export cents"):
        read(nested)
    yen = cents.assign(currency="JPY")
    assert clean(read(yen)).report.money_kept == 44849
    fractions = cents.assign(amount=cents["amount"] / 100)
    assert clean(read(fractions)).report.money_kept == pytest.approx(448.49)


def test_files_without_a_shared_column_are_not_offered_to_be_joined(tmp_path):
    (tmp_path / "customers.csv").write_text("customer_id,city\n1,Rome\n2,Oslo\n")
    (tmp_path / "order_items.csv").write_text("order_id,sku,qty,unit_price\n1,A,2,4.00\n2,B,1,5.00\n")
    (tmp_path / "orders.csv").write_text("order_id,customer_id,date\n1,1,2025-01-05\n2,2,2025-01-06\n")
    with pytest.raises(
        InputError, match=r"join tables that share a column, such as .*from FIRST join SECOND"
    ):
        read(tmp_path)
    joined = read(tmp_path, table="select * from orders join order_items using (order_id)")
    assert clean(joined).log["amount"].tolist() == [8.0, 5.0]
