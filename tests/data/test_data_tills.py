"""Tills, payment services and marketplaces: customers and money were worked out before each export was read."""

import json

import pytest

from cltv_ml.data import QuestionsError, read
from tests.data.test_data_by_hand import found


def test_checks_of_a_training_are_left_out(tmp_path):
    text = """
check_no,opened,mode,guest_id,check_total
1,2025-01-05 12:00,LIVE,7,20.00
2,2025-01-06 12:00,TRAINING,8,99.00
3,2025-02-06 12:00,LIVE,8,30.00
"""
    assert found(tmp_path, text)[:2] == (2, 50.0)


def test_purchases_in_a_sandbox_are_left_out(tmp_path):
    text = """
user_id,purchase_date,is_sandbox,price_in_usd
a,2025-01-05,false,9.99
b,2025-01-06,true,9.99
a,2025-02-05,false,9.99
"""
    assert found(tmp_path, text, mapping={"amount": "price_in_usd"})[:2] == (1, 19.98)


def test_an_exchange_gives_the_earlier_purchase_back_and_not_what_was_bought_instead(tmp_path):
    text = """
order,placed_at,customer,sku,qty,line_total
1,2025-01-05 10:00,ann,LAMP,1,64.00
2,2025-01-05 11:00,bob,MUG,2,15.00
1-E,2025-01-14 10:00,ann,LAMP,-1,-64.00
1-E,2025-01-14 10:00,ann,CUP,1,20.00
2-C,2025-01-20 10:00,bob,MUG,1,7.50
2-C,2025-01-20 10:00,bob,COUPON,-1,-2.50
"""
    assert found(tmp_path, text)[:2] == (2, 40.0)


def test_lines_that_pay_the_receipt_are_asked_about(tmp_path):
    text = """
Receipt,Date,Customer No,Line Type,Description,Qty,Amount
1,05/01/2025 10:00,7,ITEM,Mug,2,15.00
1,05/01/2025 10:00,7,TENDER,CASH,1,5.00
1,05/01/2025 10:00,7,TENDER,VISA,1,10.00
2,16/02/2025 10:00,8,ITEM,Lamp,1,64.00
2,16/02/2025 10:00,8,TENDER,VISA,1,64.00
"""
    with pytest.raises(QuestionsError, match='"type=Line Type"'):
        found(tmp_path, text)
    told = {"mapping": {"type": "Line Type"}, "changes": {"type": ["ITEM:counts"]}}
    assert found(tmp_path, text, **told)[:2] == (2, 79.0)


def test_lines_that_pay_a_part_of_the_receipt_are_told_by_their_text(tmp_path):
    text = """
Receipt,Date,Customer No,Description,Qty,Amount
1,05/01/2025 10:00,7,Mug,2,15.00
1,05/01/2025 10:00,7,GIFT CARD PAYMENT,1,-5.00
2,16/02/2025 10:00,8,Lamp,1,64.00
3,17/02/2025 10:00,8,Mug,1,7.50
"""
    assert (
        "'Description' contains 'GIFT CARD PAYMENT' or similar texts on 1 of 4 lines"
        in found(tmp_path, text)[2]
    )


def test_payments_of_accounts_are_asked_about_next_to_sales(tmp_path):
    text = """
Trans Date,Trans #,Trans Type,Customer ID,Amount
01/05/2025,1,Sale,7,20.00
01/16/2025,2,Sale,8,30.00
02/17/2025,3,Payment on Account,7,20.00
"""
    with pytest.raises(
        QuestionsError,
        match=r'If these lines are payments of the other lines, use .*Payment on Account:ignore"',
    ):
        found(tmp_path, text)


def test_the_first_state_of_a_check_that_was_opened_again_is_no_sale(tmp_path):
    text = """
Check Number,Check Closed,Check State,Customer,Check Total
1,2025-01-05 12:00,Reopened,7,30.00
1,2025-01-05 12:09,Closed,7,20.00
2,2025-02-05 12:00,Closed,8,40.00
"""
    assert found(tmp_path, text)[:2] == (2, 60.0)


def test_equal_tickets_of_refunded_orders_are_asked_about(tmp_path):
    text = """
Order #,Order Date,Email,Order Type,Total Paid
1,2025-01-05,ann@x.example,Completed,25.00
2,2025-01-16,ann@x.example,Refunded,25.00
3,2025-01-17,bob@x.example,Completed,25.00
"""
    with pytest.raises(QuestionsError, match="if the marked orders were cancelled") as asked:
        found(tmp_path, text)
    assert asked.value.questions[0].answers == ("type=Refunded:ignore", "type=Refunded:refund")
    assert found(tmp_path, text, changes={"type": ["Refunded:ignore"]})[:2] == (2, 50.0)
    assert found(tmp_path, text, changes={"type": ["Refunded:refund"]})[:2] == (1, 25.0)


def test_what_closed_means_next_to_complete_is_asked(tmp_path):
    text = """
order_id,order_date,customer,status,total
1,2025-01-05,ann,complete,25.00
2,2025-01-16,bob,closed,30.00
3,2025-01-17,bob,processing,10.00
"""
    with pytest.raises(QuestionsError, match='"status=closed:refund"'):
        found(tmp_path, text)
    assert found(tmp_path, text.replace("complete", "completed"))[1] == 65.0


def test_a_bank_statement_of_which_no_line_would_be_a_sale_is_asked_about(tmp_path):
    text = """
Buchungstag;Umsatzart;Kunde;Betrag
05.01.2025;Gutschrift;Ann;20,00
16.01.2025;Gutschrift;Bob;30,00
17.02.2025;Lastschrift;Strom;-80,00
"""
    told = {"type": ["Lastschrift:ignore"]}
    with pytest.raises(QuestionsError, match="then no line is a sale: 'Gutschrift'"):
        found(tmp_path, text, changes=told)
    assert found(tmp_path, text, changes={"type": [*told["type"], "Gutschrift:counts"]})[:2] == (2, 50.0)


def test_pro_forma_invoices_and_corrections_are_known_in_czech(tmp_path):
    text = """
Číslo;Typ dokladu;Odběratel;Vystaveno;Celkem
1;Faktura;Ann;05.01.2025;20,00
2;Zálohová faktura;Bob;16.01.2025;99,00
3;Faktura;Bob;17.01.2025;30,00
4;Opravný daňový doklad;Bob;18.02.2025;-10,00
"""
    assert found(tmp_path, text)[:2] == (2, 40.0)


def test_a_message_that_was_sent_twice_counts_once(tmp_path):
    orders = [("m1", "ann", 20.0), ("m2", "bob", 30.0), ("m2", "bob", 30.0), ("m3", "ann", 20.0)]
    lines = [
        {
            "messageId": number,
            "event": "Order Completed",
            "userId": user,
            "timestamp": f"2025-01-{5 + place // 3:02}T10:00:00Z",
            "properties": {"order_id": number[1:], "total": total, "sku": "A"},
        }
        for place, (number, user, total) in enumerate(orders)
    ]
    assert found(tmp_path, "\n".join(map(json.dumps, lines)), "export.jsonl")[:2] == (2, 70.0)


def test_a_price_next_to_a_text_of_the_goods_is_the_lines_where_it_grows_with_the_quantity(tmp_path):
    lines = [f"{n},2025-01-{n + 4:02},c{n % 3},{1 + n % 3},Mug,{7.5 * (1 + n % 3):.2f}" for n in range(1, 13)]
    text = "\n".join(["Transaction ID,Date,Customer,Quantity,Description,Price", *lines])
    assert found(tmp_path, text)[:2] == (3, 180.0)


def test_the_lines_of_a_day_may_be_followed_by_a_dash_and_the_time(tmp_path):
    text = """
order,customer,date,total
1,ann,15/01/2025 - 18:27:00,20.00
2,bob,16/01/2025 - 08:05:00,30.00
"""
    assert found(tmp_path, text)[:2] == (2, 50.0)


def test_fields_in_single_quotes_are_read_and_told(tmp_path):
    text = """
'order_id','customer','order_date','total'
'1','O''Neil','2025-01-05','20.00'
'2','Bell, Ann','2025-01-16','30.00'
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 50.0)
    assert "Single quotes around the fields of 'export.csv' were removed" in told


def test_money_in_one_currency_is_offered_where_orders_have_several(tmp_path):
    text = """
increment_id,created_at,customer_id,order_currency_code,grand_total,base_grand_total
1,2025-01-05,7,EUR,20.00,20.00
2,2025-01-16,8,USD,33.00,30.00
"""
    with pytest.raises(QuestionsError, match="If 'base_grand_total' is the same money") as asked:
        found(tmp_path, text)
    assert asked.value.questions[0].answers == ("amount=base_grand_total,currency=",)
    assert found(tmp_path, text, mapping={"amount": "base_grand_total", "currency": ""})[:2] == (2, 50.0)


def test_a_cost_is_offered_as_the_price_where_no_other_money_stands(tmp_path):
    text = """
PO#,Order#,Order Date,Customer Name,Qty,SKU,Item Cost
101,1,2025-01-05,Ann,2,A,10.00
102,2,2025-01-16,Bob,1,B,30.00
"""
    with pytest.raises(
        QuestionsError, match=r"If 'Item Cost' is the price .* use --mapping \"unit_price=Item Cost\""
    ):
        found(tmp_path, text)
    assert found(tmp_path, text, mapping={"unit_price": "Item Cost"})[:2] == (2, 50.0)


def test_a_column_that_says_credit_invoice_takes_the_invoice_off_that_it_credits(tmp_path):
    text = """
Fakturanr;Kundnr;Fakturadatum;Förfallodatum;Total;Kreditfaktura
1;7;2025-01-05;2025-02-04;20,00;Nej
2;8;2025-01-16;2025-02-15;30,00;Nej
3;8;2025-01-20;2025-02-19;30,00;Ja
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (1, 20.0)
    assert (
        "'Kreditfaktura' was read as type: counts: Nej (2 lines, 50.00); netted: Ja (1 line, 30.00)" in told
    )
    assert read(tmp_path / "export.csv").mapping["timestamp"] == "Fakturadatum"


def test_what_was_given_for_free_or_is_a_sum_of_other_lines_is_told_by_its_level(tmp_path):
    text = """
Order,Date,Customer,Payment,Total
1,2025-01-05,7,Card,20.00
2,2025-01-16,8,Comp,30.00
3,2025-01-17,8,Card,10.00
"""
    assert "lines such as 'Comp' (1 line, 30.00) count as sales of goods" in found(tmp_path, text)[2]
    components = text.replace("Payment", "Component").replace("Comp,", "Net,")
    assert "lines such as 'Net' (1 line, 30.00) count as sales of goods" in found(tmp_path, components)[2]


def test_other_processes_of_a_german_till_are_no_receipts(tmp_path):
    text = """
BON_ID;BON_TYP;BON_START;UMS_BRUTTO;KUNDE_ID
1;Beleg;2025-01-05T12:00:00;20,00;7
2;AVTraining;2025-01-16T12:00:00;99,00;8
3;AVBestellung;2025-01-17T12:00:00;30,00;8
4;Beleg;2025-01-17T12:30:00;30,00;8
"""
    assert found(tmp_path, text)[:2] == (2, 50.0)


def test_codes_of_transactions_tell_invoices_payments_and_credits_apart(tmp_path):
    text = """
Date,Type,Document Number,Customer,Amount
01/05/2025,CustInvc,INV1,Ann,20.00
01/16/2025,CashSale,CS2,Bob,30.00
01/17/2025,CustPymt,PYMT3,Ann,20.00
01/18/2025,CustCred,CM4,Ann,-5.00
"""
    assert found(tmp_path, text)[:2] == (2, 45.0)


def test_words_on_each_line_of_which_some_deny_that_it_came_back_are_read(tmp_path):
    text = """
Order,Date,Customer,Return Status,Total
1,2025-01-05,7,Not returned,20.00
2,2025-01-16,8,Returned,30.00
3,2025-01-17,8,Not returned,10.00
"""
    assert found(tmp_path, text)[:2] == (2, 30.0)
    russian = text.replace("Return Status", "Чек удален").replace("Not returned", "Не удален")
    with pytest.raises(QuestionsError, match=r"'Чек удален' contains 'Удален' \(1 of 3 lines\)"):
        found(tmp_path, russian.replace("Returned", "Удален"))


def test_a_receipt_under_an_unknown_heading_is_the_order_where_exchanges_stand_in_it(tmp_path):
    rows = [f"D{1000 + n},{2 + n // 9:02d}-{1 + n % 9:02d},c{n % 5},A,1,40.00" for n in range(27)]
    rows += [f"D{1000 + n},{2 + n // 9:02d}-{1 + n % 9:02d},c{n % 5},B,-1,-15.00" for n in (4, 9, 16, 20)]
    rows = [row.split(",", 2)[0] + ",2025-" + row.split(",", 1)[1] for row in sorted(rows)]
    text = "Dokument X,Date,Customer,SKU,Qty,Amount\n" + "\n".join(rows)
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (5, 27 * 40.0 - 4 * 15.0)
    assert "was read as order_id" in told
