"""Exports of tills, marketplaces and books: layouts, states and numbers whose truth was written before reading."""

from cltv_ml.data import clean, read
from tests.data.test_data_by_hand import found


def test_months_as_columns_are_found_below_a_title(tmp_path):
    months = ",".join(f"2024-{month:02}" for month in range(1, 9))
    text = f"""
Net sales by customer and month,,,,,,,,,
Filters: posted,,,,,,,,,
Customer No.,Segment,{months}
C1,A,10.50,,,5.25,,,,2.00
C2,B,,20.00,,,,,,
C3,A,,,7.75,,,,1.00,
"""
    assert found(tmp_path, text)[:2] == (3, 46.5)


def test_a_chargeback_that_the_shop_won_is_a_sale(tmp_path):
    text = """
Order Code,Date,Status,Amount,Shopper Email
a1,2025-01-05,SETTLED,10.00,ann@example.org
a2,2025-01-06,CHARGED_BACK,20.00,bob@example.org
a3,2025-01-07,CHARGEBACK_REVERSED,40.00,cem@example.org
a4,2025-01-08,Dispute won,80.00,dan@example.org
a5,2025-01-09,Dispute lost,160.00,eva@example.org
"""
    assert found(tmp_path, text)[:2] == (3, 130.0)


def test_a_status_is_not_filled_down_into_the_next_order(tmp_path):
    text = """
Bon,Datum,Klant,Artikel,Bedrag,Status
1,2025-01-05,Ann,Zeep,4.00,geannuleerd
,,,Mok,5.00,
2,2025-01-06,Bob,Zeep,10.00,
,,,Mok,20.00,
3,2025-01-07,Cem,Mok,40.00,betaald
,,,Kaars,80.00,
"""
    assert found(tmp_path, text)[:2] == (2, 150.0)


def test_the_arabic_sign_of_thousands_needs_no_answer(tmp_path):
    text = """
شماره فاکتور,تاریخ,کد مشتری,نام مشتری,مبلغ کل
۱,۱۴۰۳/۰۱/۰۵,۱۱,آنا,۱۰٬۹۰۰
۲,۱۴۰۳/۰۱/۰۶,۱۲,آنا,۲۰٬۱۰۰
۳,۱۴۰۳/۰۱/۰۷,۱۳,باران,۱٬۰۰۰٬۵۰۰
"""
    assert found(tmp_path, text)[:2] == (3, 1_031_500.0)


def test_a_loyalty_card_and_the_number_of_an_invoice_are_known_in_other_languages(tmp_path):
    text = """
Heure,Date,Carte fidélité,Total
09:10,2025-01-05,F00012,10.00
09:12,2025-01-05,F00013,20.00
10:15,2025-01-06,F00012,40.00
"""
    assert found(tmp_path, text)[:2] == (2, 70.0)
    text = """
Mã hóa đơn,Thời gian,Mã khách hàng,Mã hàng,Thành tiền
HD1,05/01/2025 10:00,KH1,A,10000
HD1,05/01/2025 10:00,KH1,B,20000
HD2,25/01/2025 11:00,KH1,A,10000
"""
    path = tmp_path / "export.csv"
    path.write_text(text.strip("\n"), encoding="utf-8")
    assert clean(read(path)).log["order_id"].nunique() == 2


def test_receipt_numbers_that_restart_are_told_apart_by_their_day_and_till(tmp_path):
    lines = [
        f"2025-01-{day:02},{till},{number},who{(day * 3 + till * 2 + number) % 8}@example.org,{good},{money}.00"
        for day in range(1, 29)
        for till in (1, 2)
        for number in (1, 2)
        for good, money in (("Soap", day), ("Mug", till), ("Mug", 40 + number))
    ]
    path = tmp_path / "export.csv"
    path.write_text("\n".join(["Date,Till,Receipt no,Email,Product,Amount", *lines]), encoding="utf-8")
    cleaned = clean(read(path))
    orders = cleaned.log.groupby("order_id")["amount"].sum()
    assert len(orders) == 28 * 2 * 2
    assert orders.sum() == sum(float(line.rsplit(",", 1)[1]) for line in lines)
    assert "restart, so the day and 'Till' and the number" in " ".join(cleaned.report.notes)
    assert clean(read(path, {"order_id": "Receipt no"})).log["order_id"].nunique() == 2
    one_till = [line for line in lines if line.split(",")[1] == "1"]
    path.write_text("\n".join(["Date,Till,Receipt no,Email,Product,Amount", *one_till]), encoding="utf-8")
    assert clean(read(path)).log["order_id"].nunique() == 28 * 2


def test_payments_in_a_ledger_are_known_by_the_word_before_the_number_in_its_text(tmp_path):
    text = """
Fecha;Asiento;Cliente;Concepto;Debe;Haber
25/01/2025;1;43001;FACTURA 101;100,00;
26/01/2025;2;43002;FACTURA 102;200,00;
27/01/2025;3;43001;COBRO 101;;100,00
28/01/2025;4;43002;ABONO 102;;50,00
29/01/2025;5;43002;COBRO 102;;150,00
"""
    assert found(tmp_path, text)[:2] == (2, 250.0)
