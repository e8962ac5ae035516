"""Exports of tills, marketplaces and books: layouts, states and numbers whose truth was written before reading."""

import json

import pytest

from cltv_ml.columns.levels import read_levels
from cltv_ml.data import QuestionsError, clean, read, write_mapping
from tests.data.test_data_by_hand import answered, found


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
    assert clean(read(path, dict(read(path).mapping))).log["order_id"].nunique() == 28 * 2 * 2
    one_till = [line for line in lines if line.split(",")[1] == "1"]
    path.write_text("\n".join(["Date,Till,Receipt no,Email,Product,Amount", *one_till]), encoding="utf-8")
    assert clean(read(path)).log["order_id"].nunique() == 28 * 2


def test_payments_in_a_ledger_are_known_by_the_word_before_the_number_in_its_text(tmp_path):
    text = """
Fecha;Asiento;Cliente;Concepto;Debe;Haber;Saldo
25/01/2025;1;43001;FACTURA 101;100,00;;100,00
26/01/2025;2;43002;FACTURA 102;200,00;;300,00
27/01/2025;3;43001;COBRO 101;;100,00;200,00
28/01/2025;4;43002;ABONO 102;;50,00;150,00
29/01/2025;5;43002;COBRO 102;;150,00;0,00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 250.0)
    assert "which were quarantined" not in told


def test_invoices_that_collect_delivery_notes_are_asked_about(tmp_path):
    text = "DDT n.;Data DDT;Cod. cliente;Articolo;Importo;Fattura n.;Data fattura\n" + "\n".join(
        f"{note};{day}/{month:02}/2025;C{customer};{good};{note}0,00;{month}{customer};28/{month:02}/2025"
        for month in (1, 2, 3)
        for customer in (1, 2)
        for note, day in ((f"{month}{customer}1", 14), (f"{month}{customer}2", 21))
        for good in ("A", "B")
    )
    with pytest.raises(
        QuestionsError, match=r"several 'DDT n\.' with a 'Data DDT' of their own are in one"
    ) as asked:
        found(tmp_path, text)
    [question] = asked.value.questions
    assert question.answers[0] == "order_id=DDT n.,timestamp=Data DDT"
    path = tmp_path / "export.csv"
    log = clean(read(path, {"order_id": "DDT n.", "timestamp": "Data DDT"})).log
    assert (log["order_id"].nunique(), sorted(set(log["timestamp"].dt.day))) == (12, [14, 21])
    assert (
        clean(read(path, {"order_id": "Fattura n.", "timestamp": "Data fattura"})).log["order_id"].nunique()
        == 6
    )


def test_lines_repeated_by_a_join_count_once_where_the_user_says_so(tmp_path):
    lines = [
        f"{order},2025-01-{order:02},C{order % 4},{order}{line},S{line},{line},{order * line}.50,{code}"
        for order in range(1, 13)
        for line in (1, 2)
        for code in (["SPRING", "LOYAL"] if order % 2 else ["SPRING"])
    ]
    text = "\n".join(["order_id,order_date,customer_id,order_line_id,sku,qty,line_total,promo_code", *lines])
    money = sum({line.rsplit(",", 1)[0]: float(line.split(",")[6]) for line in lines}.values())
    with pytest.raises(QuestionsError, match="have its 'order_line_id'"):
        found(tmp_path, text)
    assert found(tmp_path, text, changes={"on": "repeated_line"})[1] == money
    assert found(tmp_path, text, changes={"off": "repeated_line"})[1] > money


def test_a_document_that_cancels_an_invoice_left_out_by_its_status_takes_no_other_back(tmp_path):
    lines = [
        f"{kind},{prefix}{number},{day:02}.0{month}.2025,{number % 3},{sign}{100 + 10 * (number % 3)}.00,{state}"
        for month in (1, 2, 3, 4)
        for number in range(10 * month, 10 * month + 4)
        for kind, prefix, day, sign, state in (
            ("Rechnung", "R", 20 if number % 2 else 13, "", "storniert" if number % 4 == 1 else "bezahlt"),
            *([("Storno", "S", 25, "-", "erledigt")] if number % 4 == 1 else []),
        )
    ]
    text = "\n".join(["Belegart,Belegnummer,Datum,Kundennummer,Betrag,Status", *lines])
    path = tmp_path / "export.csv"
    path.write_text(text, encoding="utf-8")
    log = clean(read(path)).log
    standing = [line.split(",")[1] for line in lines if line.endswith("bezahlt")]
    assert sorted(log["order_id"]) == sorted(standing)


def test_money_of_the_shop_goes_before_that_shown_to_the_customer(tmp_path):
    def money(amount, shown, code):
        shop, presentment = {"amount": amount, "currencyCode": "EUR"}, {"amount": shown, "currencyCode": code}
        return {"shopMoney": shop, "presentmentMoney": presentment}

    orders = [
        {
            "createdAt": f"2025-01-{day:02}T10:00:00Z",
            "customer": {"id": f"gid://shopify/Customer/{day % 4}"},
            "totalPriceSet": money(f"{day}.50", f"{day * 2}.10", ("USD", "GBP", "EUR")[day % 3]),
        }
        for day in range(1, 13)
    ]
    path = tmp_path / "orders.json"
    path.write_text(json.dumps({"data": {"orders": {"nodes": orders}}}), encoding="utf-8")
    assert clean(read(path)).report.money_kept == sum(day + 0.5 for day in range(1, 13))


def test_payments_under_headings_that_differ_in_the_means_are_summed(tmp_path):
    text = """
ticket_no,sold_at,member_id,pay_cash_amt,pay_card_amt,pay_online_amt,cash_tip
1,2025-01-05,7,10.00,0,0,1.00
2,2025-01-06,8,0,20.00,0,0
3,2025-01-07,7,5.00,0,40.00,0
"""
    assert found(tmp_path, text)[:2] == (2, 75.0)


def test_numbers_of_instalments_are_no_kinds_of_lines(tmp_path):
    lines = [
        f"{contract % 5},2025-03-{contract:02},{contract * 10 + 15}.00,{part}/3"
        for contract in range(14, 28)
        for part in (1, 2, 3)
    ]
    text = "\n".join(["Customer,Date,Amount,Instalment", *lines])
    assert found(tmp_path, text)[1] == sum(3 * (contract * 10 + 15) for contract in range(14, 28))


def test_a_discount_of_an_order_next_to_what_is_left_of_its_lines_is_asked_about(tmp_path):
    lines = [
        f"HD{order},2025-01-{order:02},KH{order % 4},S{line},{order * line * 1000},{order * 100},{order * 2900}"
        for order in range(11, 22)
        for line in (1, 2)
    ]
    text = "\n".join(
        ["Mã hóa đơn,Thời gian,Mã khách hàng,Mã hàng,Thành tiền,Giảm giá hóa đơn,Khách cần trả", *lines]
    )
    with pytest.raises(
        QuestionsError, match="is the sum of 'Thành tiền' on the lines of an order minus"
    ) as asked:
        found(tmp_path, text)
    assert asked.value.questions[0].answers[0] == "amount=Khách cần trả"
    kept = found(tmp_path, text, mapping={"amount": "Khách cần trả"})[1]
    assert kept == sum(order * 2900 for order in range(11, 22))


def test_a_statement_of_charges_and_payments_offers_the_column_that_tells_them_apart(tmp_path):
    text = """
Customer,Date,Document,Description,Charges,Payments
C1,,,Opening balance,,
C1,2025-01-05,INV-1,Invoice,100.00,
C2,2025-01-06,INV-2,Invoice,200.00,
C1,2025-01-07,PMT-1,Payment,,100.00
C2,2025-01-08,CN-2,Credit note,,50.00
C2,2025-01-09,PMT-2,Payment,,150.00
"""
    customers, money, asked = answered(tmp_path, text)
    assert (customers, money, asked[:1]) == (2, 250.0, ["credit=Payments,type=Description"])


def test_won_disputes_undo_nothing_and_awaited_payments_are_no_sales(tmp_path):
    text = """
Payment ID,Created,Amount,Email,Status,Dispute Status
p1,2025-01-05,10.00,ann@example.org,Paid,
p2,2025-01-06,20.00,bob@example.org,Paid,lost
p3,2025-01-07,40.00,cem@example.org,Paid,won
p4,2025-01-08,80.00,ann@example.org,Paid,warning_closed
"""
    assert found(tmp_path, text, mapping={"cancelled_at": "Dispute Status"})[:2] == (2, 130.0)
    goods = read_levels("status", ["Delivered", "Awaiting payment", "Awaiting pickup"], None, "goods")
    assert goods == ["counts", "ignore", "counts"]


def test_hindi_states_are_read(tmp_path):
    text = """
बिल संख्या,दिनांक,ग्राहक आईडी,राशि,भुगतान स्थिति
B1,25-01-2025,G1,₹१,२५,०००.००,भुगतान हो गया
B2,26-01-2025,G2,₹२,०००.००,रद्द
B3,27-01-2025,G1,₹३,०००.००,लंबित
B4,28-01-2025,G3,₹४,०००.००,वापस किया गया
""".replace("₹१,२५,०००.००", '"₹१,२५,०००.००"').replace("₹२,०००.००", '"₹२,०००.००"')
    text = text.replace("₹३,०००.००", '"₹३,०००.००"').replace("₹४,०००.००", '"₹४,०००.००"')
    assert found(tmp_path, text)[:2] == (1, 125_000.0)


def test_the_customer_of_a_crm_goes_before_a_loyalty_card(tmp_path):
    text = """
txn_ref,day,crm_customer_id,loyalty_card,amount
T1,2025-01-05,crm-1,900011,10.00
T2,2025-01-06,crm-2,900011,20.00
T3,2025-01-07,crm-1,900011,40.00
"""
    assert found(tmp_path, text)[0] == 2


def test_customer_numbers_that_each_branch_gives_out_are_told_apart_by_the_names(tmp_path):
    lines = [
        f"{branch},2024-{month:02}-{day:02},{number},{branch} customer {number},{len(branch) * number + month}.00"
        for branch in ("Praha", "Brno")
        for number, day in ((1, 5), (2, 17), (3, 21), (4, 22))
        for month in (1, 4)
    ]
    path, mapping = tmp_path / "export.csv", tmp_path / "mapping.toml"
    path.write_text("\n".join(["Branch,Date,Customer no,Customer,Net", *lines]), encoding="utf-8")
    cleaned = clean(read(path))
    assert (cleaned.log["customer_id"].nunique(), cleaned.log["amount"].sum()) == (8, 220.0)
    assert "4 of 4 values of 'Customer no' have another 'Customer' in each 'Branch'" in " ".join(
        cleaned.report.notes
    )
    write_mapping(cleaned.report.mapping, mapping)
    assert clean(read(path, mapping)).log["customer_id"].nunique() == 8
    given = clean(read(path, {"customer_id": "Customer no"}))
    assert given.log["customer_id"].nunique() == 4
    assert "may be different customers" in " ".join(given.report.notes)


def test_receipt_numbers_of_each_branch_are_told_apart_though_no_customer_has_one_twice(tmp_path):
    lines = [
        f"{branch},{n},2024-01-{n:02},{branch[0]}{n % 5},{n}.00"
        for branch in ("Oslo", "Bergen")
        for n in range(1, 9)
    ]
    path, mapping = tmp_path / "export.csv", tmp_path / "mapping.toml"
    path.write_text("\n".join(["Branch,Receipt no,Date,Customer,Amount", *lines]), encoding="utf-8")
    cleaned = clean(read(path))
    assert cleaned.log["order_id"].nunique() == 16
    write_mapping(cleaned.report.mapping, mapping)
    assert clean(read(path, mapping)).log["order_id"].nunique() == 16


def test_customer_numbers_without_names_that_each_branch_has_are_told_with_the_way_to_part_them(tmp_path):
    path = tmp_path / "export.csv"
    lines = [f"Oslo,{n},2024-01-{n:02},{n % 5 + 1},{n}.00" for n in range(1, 13)]
    lines += [f"Bergen,{n},2024-02-{n:02},{(n + 2) % 5 + 1},{n}.00" for n in range(1, 13)]
    path.write_text("\n".join(["Branch,Receipt no,Date,Customer no,Amount", *lines]), encoding="utf-8")
    cleaned = clean(read(path))
    assert cleaned.log["customer_id"].nunique() == 5
    told = '--mapping "customer_id=Branch / Customer no"'
    assert f"If each 'Branch' numbers its own customers as well, use {told}" in " ".join(cleaned.report.notes)
    assert clean(read(path, {"customer_id": "Branch / Customer no"})).log["customer_id"].nunique() == 10


def test_customers_as_columns_are_named_as_a_layout(tmp_path):
    path = tmp_path / "export.csv"
    names = ",".join(f"Bakery {letter}" for letter in "ABCDEFG")
    lines = [f"2024-{month:02}," + ",".join(f"{month}{n}.50" for n in range(7)) for month in range(1, 9)]
    path.write_text("\n".join([f"Month,{names}", *lines]), encoding="utf-8")
    with pytest.raises(QuestionsError, match=r"7 columns, such as .* If each of them is a customer"):
        read(path)


def test_states_of_salons_memberships_and_marketplaces_are_known_in_their_languages():
    counted = ["Godkendt", "Выдан", "تم التنفيذ", "Recebida", "正常", "Renewal"]
    ignored = ["Kladde", "Niet verschenen", "Nicht erschienen", "Cobrança removida", "已過期", "支払い待ち"]
    assert set(read_levels("status", counted)) == {"counts"}
    assert set(read_levels("status", ignored)) == {"ignore"}
    assert read_levels("status", ["Ikke godkendt", "Не выдан", "Não recebida"]).count("counts") == 0
