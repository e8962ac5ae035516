"""Platforms, marketplaces and business systems: customers and money were worked out before each export was read."""

import json

import pytest

from cltv_ml.data import QuestionsError
from tests.data.test_data_by_hand import answered, found


def test_goods_that_wait_are_sold_where_a_status_of_payments_says_paid(tmp_path):
    text = """
Order ID,Email,Financial Status,Fulfillment Status,Created at,Total
1,ann@x.example,PAID,FULFILLED,2025-01-05,40.00
2,bob@x.example,PAID,PENDING,2025-02-06,25.00
3,cara@x.example,PENDING,CANCELED,2025-02-07,15.00
"""
    assert found(tmp_path, text)[:2] == (2, 65.0)


def test_lines_that_a_column_of_labels_calls_totals_are_set_aside(tmp_path):
    text = """
order_id,customer_id,date_added,code,value
1,11,2025-01-05,sub_total,40.00
1,11,2025-01-05,shipping,5.00
1,11,2025-01-05,coupon,-5.00
1,11,2025-01-05,total,40.00
2,12,2025-02-06,sub_total,30.00
2,12,2025-02-06,shipping,5.00
2,12,2025-02-06,total,35.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 75.0)
    assert "2 lines with a total of 75.00 are labelled as totals in column 'code'" in told


def test_money_in_one_currency_is_taken_next_to_that_of_each_order(tmp_path):
    text = """
Order number,Date,Email,Currency,Total,Total (USD)
1,2025-01-05,ann@x.example,EUR,50.00,55.00
2,2025-01-06,bob@x.example,USD,30.00,30.00
3,2025-02-07,bob@x.example,EUR,20.00,22.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 107.0)
    assert "'Total (USD)' contains money in a single currency" in told
    one = text.replace("USD,30.00,30", "EUR,30.00,33")
    assert answered(tmp_path, one) == (2, 100.0, ["amount=Total"])


def test_a_price_in_one_currency_is_taken_next_to_that_of_each_order(tmp_path):
    text = """
Ref,Date,Buyer,Qty,Currency,UnitPriceLocal,UnitPriceGBP
1,2025-01-05,b1,2,EUR,11.70,10.00
2,2025-01-06,b2,1,GBP,30.00,30.00
3,2025-02-07,b2,3,USD,12.70,10.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 80.0)
    assert "'UnitPriceGBP' contains money in a single currency" in told


def test_sales_after_returns_on_lines_of_their_own_are_the_amount(tmp_path):
    text = """
Day,Order,Customer email,Gross sales,Discounts,Returns,Net sales,Shipping,Taxes,Total sales
2025-01-05,1,ann@x.example,50.00,-5.00,0.00,45.00,0.00,9.00,54.00
2025-01-05,1,ann@x.example,0.00,0.00,0.00,0.00,5.00,1.00,6.00
2025-01-06,2,bob@x.example,30.00,0.00,0.00,30.00,0.00,6.00,36.00
2025-01-09,2,bob@x.example,0.00,0.00,-30.00,-30.00,0.00,-6.00,-36.00
2025-02-06,3,bob@x.example,20.00,0.00,0.00,20.00,0.00,4.00,24.00
"""
    assert found(tmp_path, text)[:2] == (2, 65.0)


def test_a_price_next_to_quantities_is_offered_as_that_of_one_item(tmp_path):
    text = """
Order Number,Order Date,Customer,SKU,Quantity,Wholesale Price,Retail Price
1,2025-01-05,Ann,A,6,5.00,10.00
1,2025-01-05,Ann,B,4,10.00,20.00
2,2025-02-06,Bob,A,6,5.00,10.00
"""
    assert answered(tmp_path, text) == (2, 100.0, ["unit_price=Wholesale Price"])


def test_a_price_without_quantities_is_offered_before_what_the_seller_got(tmp_path):
    text = """
Sold Date,Item Title,Buyer Name,Item Price,Selling Fee,Net Seller Proceeds
01/05/2025,Bag,Ann,$40.00,$4.00,$36.00
01/17/2025,Lamp,Bob,$30.00,$3.00,$27.00
02/17/2025,Cup,Ann,$18.00,$1.80,$16.20
"""
    assert answered(tmp_path, text) == (2, 88.0, ["amount=Item Price"])


def test_fields_of_nested_records_are_known_without_the_name_of_the_record(tmp_path):
    text = """
orderNumber,orderDateTime,orderCustomer.email,lineItems.label,lineItems.quantity,lineItems.unitPrice,lineItems.totalPrice
1,2025-01-05,ann@x.example,Tee,2,20.00,40.00
1,2025-01-05,ann@x.example,OFF10,1,-4.00,-4.00
2,2025-02-06,bob@x.example,Bag,1,30.00,30.00
"""
    assert found(tmp_path, text)[:2] == (2, 66.0)


def test_numbers_of_items_that_came_back_are_known_in_other_languages(tmp_path):
    text = """
Bestelnummer;Besteldatum;E-mailadres koper;Titel;Aantal;Stuksprijs;Geannuleerd;Aantal geretourneerd
1;2025-01-05;ann@x.example;Mok;2;10,00;nee;0
2;2025-01-06;bob@x.example;Lamp;1;30,00;ja;0
3;2025-02-07;bob@x.example;Sok;3;5,00;nee;1
"""
    assert found(tmp_path, text)[:2] == (2, 30.0)


def test_payments_and_payouts_of_an_account_are_known_in_polish(tmp_path):
    text = """
Data;Nazwa operacji;Kupujący;Identyfikator zamówienia;Kwota
05.01.2025;Wpłata;anna;Z1;50,00
06.01.2025;Wpłata;bolek;Z2;30,00
07.01.2025;Zwrot;bolek;Z2;-10,00
28.01.2025;Wypłata środków;;;-60,00
"""
    assert found(tmp_path, text)[:2] == (2, 70.0)


def test_an_order_closed_next_to_finished_ones_is_asked_about(tmp_path):
    text = """
Order No.,Order Status,Buyer Name,Order Date,Total amount
1,Finished,Ann,2025-01-05,US $20.00
2,Closed,Bob,2025-01-07,US $40.00
3,Finished,Bob,2025-02-07,US $17.00
"""
    assert answered(tmp_path, text) == (2, 37.0, ["status=Closed:refund"])


def test_a_purchase_that_a_browser_sends_again_counts_once(tmp_path):
    events = [
        ("purchase", "u1", "T1", 55.0, 0),
        ("purchase", "u2", "T2", 20.0, 1),
        ("purchase", "u2", "T3", 15.0, 2),
        ("purchase", "u2", "T3", 15.0, 3),
    ]
    lines = [
        {
            "event_timestamp": str(1736071200000000 + day * 300_000_000),
            "event_name": name,
            "user_pseudo_id": user,
            "ecommerce": {"transaction_id": number, "purchase_revenue": money},
        }
        for name, user, number, money, day in events
    ]
    text = "\n".join(map(json.dumps, lines))
    assert found(tmp_path, text, "events.jsonl")[:2] == (2, 90.0)


def test_merged_and_dropped_orders_are_no_sales(tmp_path):
    text = """
order_num,buyer,order_date,status,total
1,ann,2025-01-05,Shipped,25.00
2,bob,2025-01-06,Payment Received,18.00
3,ann,2025-02-05,Merged,12.00
4,bob,2025-02-06,Dropped,30.00
"""
    assert found(tmp_path, text)[:2] == (2, 43.0)


def test_a_document_that_cancels_with_an_amount_below_0_takes_its_sale_back(tmp_path):
    text = """
N° pièce;Date;Client;État;Total TTC
F1;05/01/2025;Ann;Validée;20,00
F2;16/01/2025;Bob;Validée;35,00
F3;17/01/2025;Bob;Annulation;-35,00
F4;17/02/2025;Bob;Validée;45,00
"""
    assert found(tmp_path, text)[:2] == (2, 65.0)
    assert found(tmp_path, text.replace("-35", "35"))[:2] == (2, 100.0)


def test_sap_orders_are_read_by_their_type_without_rejected_items(tmp_path):
    text = """
VBELN,AUART,ERDAT,KUNNR,WAERK,POSNR,MATNR,KWMENG,NETPR,NETWR,ABGRU
1001,TA,20250105,K1,EUR,10,A,3,100.00,300.00,
1001,TA,20250105,K1,EUR,20,B,1,80.00,80.00,Z1
1002,AG,20250116,K2,EUR,10,A,5,100.00,500.00,
1003,TA,20250117,K2,EUR,10,A,2,100.00,200.00,
1004,RE,20250209,K1,EUR,10,A,1,100.00,100.00,
"""
    assert found(tmp_path, text)[:2] == (2, 400.0)


def test_an_account_of_the_books_is_no_customer(tmp_path):
    text = """
Date,Document Number,Name,Account,Amount
2025-01-05,INV1,Ann,Sales,100.00
2025-01-05,INV1,Ann,Tax,20.00
2025-02-16,INV2,Bob,Sales,50.00
2025-02-16,INV2,Bob,Tax,10.00
"""
    assert answered(tmp_path, text) == (2, 150.0, ["customer_id=Name"])  # without the tax


def test_a_subtotal_that_is_less_by_its_discount_already_raises_no_question(tmp_path):
    text = """
Order Ref,Order/Date,Order/Customer,Product,Quantity,Unit Price,Discount (%),Subtotal
1,2025-01-05,Ann,Mug,2,10.00,10.0,18.00
1,2025-01-05,Ann,Cup,1,5.00,0.0,5.00
2,2025-02-16,Bob,Lamp,1,30.00,0.0,30.00
"""
    assert found(tmp_path, text)[:2] == (2, 53.0)
    assert answered(tmp_path, text.replace("18.00", "20.00"))[2] == ["price_discounted=false"]


def test_revenue_with_modifiers_and_without_tax_is_the_amount(tmp_path):
    text = """
Order Date,Order ID,Customer Name,Item Revenue,Modifiers Revenue,Total Revenue,Tax Amount,Item Total with Tax
2025-01-05,O1,Ann,5.00,1.00,6.00,0.50,6.50
2025-01-05,O1,Ann,7.00,0.00,7.00,0.50,7.50
2025-02-17,O3,Bob,30.00,0.00,30.00,1.00,31.00
"""
    assert found(tmp_path, text)[:2] == (2, 43.0)


def test_the_quantity_that_is_left_of_a_changed_order_is_offered(tmp_path):
    text = """
order_name,created_at,customer_email,title,quantity,current_quantity,price
1,2025-01-05,ann@x.example,Mug,3,2,10.00
1,2025-01-05,ann@x.example,Cup,1,1,15.00
3,2025-02-16,bob@x.example,Lamp,1,1,30.00
"""
    assert answered(tmp_path, text) == (2, 65.0, ["quantity=current_quantity"])


def test_visits_paid_by_a_package_and_money_comped_are_told(tmp_path):
    text = """
Sale Date,Client,Item,Total,Payment Method
2025-01-05,Ann,10 visits,100.00,Card
2025-01-09,Ann,Massage,20.00,Package
2025-02-06,Bob,Massage,30.00,Cash
"""
    assert (
        "'Payment Method' is not used, so lines such as 'Package' (1 line, 20.00)" in found(tmp_path, text)[2]
    )
    text = """
Opened,Guest,Item,Gross Amount,Comp Amount,Void Amount
2025-01-05,ann,Pizza,20.00,0.00,0.00
2025-01-16,bob,Cake,12.00,12.00,0.00
2025-02-16,bob,Steak,30.00,0.00,0.00
2025-02-16,bob,Soup,9.00,0.00,9.00
"""
    assert "'Comp Amount' has a number on 1 of 4 lines" in found(tmp_path, text)[2]


def test_account_credit_next_to_a_total_is_no_ledger(tmp_path):
    text = """
Invoice #,Client ID,Invoice Date,Sub Total,Credit,Tax,Total,Status
1,11,2025-01-05,50.00,0.00,0.00,50.00,Paid
3,11,2025-02-05,40.00,20.00,0.00,20.00,Paid
4,12,2025-02-16,20.00,0.00,0.00,20.00,Paid
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 90.0)
    assert "'Credit' has a number on 1 of 3 lines" in told


def test_cents_of_an_interface_are_asked_about_from_three_orders_on(tmp_path):
    orders = [
        {
            "id": f"order_01HV8WPTQ8987QEEP44C{number}",
            "email": f"{who}@x.example",
            "status": status,
            "payment_status": "captured",
            "created_at": f"2025-0{number}-05T10:00:00Z",
            "total": total,
        }
        for number, who, status, total in [
            (1, "ann", "completed", 4500),
            (2, "bob", "pending", 1999),
            (3, "bob", "completed", 2550),
        ]
    ]
    text = json.dumps({"orders": orders})
    assert answered(tmp_path, text, "orders.json") == (2, 90.49, ["money_unit=0.01"])


def test_lines_joined_to_payments_are_told_also_without_quantities(tmp_path):
    text = """
order_id,order_date,customer_email,sku,line_total,payment_id,payment_method
1,2025-01-05,ann@x.example,A,30.00,p1,card
1,2025-01-05,ann@x.example,A,30.00,p2,gift card
1,2025-01-05,ann@x.example,B,20.00,p1,card
1,2025-01-05,ann@x.example,B,20.00,p2,gift card
2,2025-02-06,bob@x.example,A,30.00,p3,card
"""
    assert "joined to another table, such as shipments or payments" in found(tmp_path, text)[2]


def test_delivery_notes_next_to_invoices_are_offered_as_no_sales(tmp_path):
    text = """
Belegtyp;Belegnummer;Belegdatum;Kunde;Betrag
Rechnung;RE-1;05.01.2025;Ann;100,00
Lieferschein;LS-1;05.01.2025;Ann;100,00
Rechnung;RE-2;16.02.2025;Bob;200,00
"""
    assert answered(tmp_path, text) == (2, 300.0, ["type=Lieferschein:ignore"])


def test_a_word_that_denies_what_follows_turns_a_status(tmp_path):
    text = """
order,date,email,total,status
1,2025-01-05,ann@x.example,40.00,OK
2,2025-01-06,bob@x.example,30.00,NOT_FINISHED
3,2025-02-06,bob@x.example,20.00,OK
4,2025-02-07,ann@x.example,10.00,Not refunded
"""
    assert found(tmp_path, text)[:2] == (2, 70.0)


def test_refunds_written_with_the_sign_of_a_currency_are_subtracted(tmp_path):
    text = """
Date of sale,Buyer,Description,Total,Refunded to buyer amount
01/05/2025,@ann,Bag,$40.00,$0.00
01/17/2025,@bob,Lamp,$30.00,$30.00
02/17/2025,@ann,Cup,$18.00,$0.00
"""
    assert found(tmp_path, text)[:2] == (1, 58.0)


def test_codes_of_countries_are_no_currencies(tmp_path):
    text = """
order,date,customer,total,origin
1,2025-01-05,7,40.00,fr
2,2025-01-06,8,30.00,fr
3,2025-02-06,7,20.00,fr
"""
    assert "currenc" not in found(tmp_path, text)[2]


def test_columns_with_few_values_are_offered_last_as_the_customer(tmp_path):
    lines = [
        f"2025-01-{day + 1:02d};{('iDEAL', 'Card', 'Cash')[day % 3]};{day}.50;{'abcdefghijkl'[day % 12]} e"
        for day in range(30)
    ]
    text = "Datum;Weg;Bedrag;Wie\n" + "\n".join(lines * 3)
    with pytest.raises(QuestionsError) as error:
        found(tmp_path, text)
    assert error.value.questions[0].answers == ("customer_id=Wie", "customer_id=Weg")


def test_lines_with_money_but_no_order_number_are_asked_about_where_codes_tell_them_apart(tmp_path):
    orders = [
        f"{number},7f{number % 4},2025-01-{number:02d},0,N{number},{number}.50" for number in range(1, 13)
    ]
    carts = [f"{number},7f{number % 4},2025-02-{number:02d},-1,,{number}.25" for number in range(1, 7)]
    text = "\n".join(["idvisit,user_id,server_time,idgoal,idorder,revenue", *orders, *carts])
    money = sum(number + 0.5 for number in range(1, 13))
    assert answered(tmp_path, text) == (4, money, ["type=idgoal,type=-1:ignore,type=0:counts"])


def test_the_records_of_one_payment_count_once(tmp_path):
    text = """
Merchant Reference,Booking Date,Shopper Reference,Main Amount,Record Type
A1,2025-01-05 10:00:00,S1,10.00,Received
A1,2025-01-05 10:00:05,S1,10.00,Authorised
A1,2025-01-06 09:00:00,S1,10.00,SentForSettle
A1,2025-01-08 09:00:00,S1,10.00,Settled
A2,2025-01-06 11:00:00,S2,20.00,Received
A2,2025-01-06 11:00:05,S2,20.00,Refused
A3,2025-01-07 12:00:00,S2,30.00,Received
A3,2025-01-07 12:00:05,S2,30.00,Authorised
A3,2025-01-08 09:00:00,S2,30.00,SentForSettle
A3,2025-01-10 09:00:00,S2,30.00,Settled
A3,2025-01-20 09:00:00,S2,30.00,Refunded
A4,2025-02-07 12:00:00,S1,40.00,Received
A4,2025-02-07 12:00:05,S1,40.00,Authorised
A4,2025-02-08 09:00:00,S1,40.00,SentForSettle
A4,2025-02-10 09:00:00,S1,40.00,Settled
"""
    assert answered(tmp_path, text) == (1, 50.0, ["type=Settled:counts"])


def test_whole_thousands_in_a_note_are_read_by_the_sign_of_other_columns(tmp_path):
    text = """
order;date;customer;total;stage;weight
1;2025-01-05;7;40.000;a;1,25
2;2025-01-06;8;30.000;b;2,50
3;2025-02-06;7;20.000;a;0,75
4;2025-02-07;8;10.000;a;1,50
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 100_000.0)
    assert "a (3 lines, 70,000.00), b (1 line, 30,000.00)" in told


def test_a_cancelled_product_of_an_order_with_one_total_is_asked_about(tmp_path):
    text = """
Order code,Status,E-mail,Order date,Product,Price,Order total,Canceled
A,paid,ann@x.example,2025-01-05,Seat,40.00,55.00,No
A,paid,ann@x.example,2025-01-05,Dinner,15.00,55.00,Yes
B,paid,bob@x.example,2025-01-06,Seat,40.00,50.00,No
B,paid,bob@x.example,2025-01-06,Tour,10.00,50.00,No
C,paid,bob@x.example,2025-02-06,Seat,40.00,50.00,No
C,paid,bob@x.example,2025-02-06,Tour,10.00,50.00,No
D,paid,ann@x.example,2025-02-07,Tour,10.00,10.00,No
"""
    assert answered(tmp_path, text) == (2, 150.0, ["amount=Price"])


def test_an_event_sent_twice_counts_once_where_only_other_events_name_a_product(tmp_path):
    views = [f"v{number},{number},c{number % 5},2025-01-{number:02d},Viewed,,,S1" for number in range(1, 13)]
    sales = [
        f"o{number},{20 + number},c{number % 5},2025-01-{number:02d},Order Completed,{number},{number}.50,"
        for number in range(1, 13)
    ]
    again = [line.replace(f",{20 + number},", f",{40 + number},") for number, line in enumerate(sales[:3], 1)]
    heading = "insert_id,event_id,user_id,event_time,event_type,properties.order_id,properties.revenue,properties.sku"
    customers, money, told = found(tmp_path, "\n".join([heading, *views, *sales, *again]))
    assert (customers, money) == (5, sum(number + 0.5 for number in range(1, 13)))
    assert "left out 3 lines with a total of 7.50" in told


def test_refunds_on_lines_that_repeat_an_orders_total_are_told(tmp_path):
    text = """
order_id,created_at,email,total_price,sku,refund_id,refund_amount
1,2025-01-05,ann@x.example,50.00,A,R1,10.00
1,2025-01-05,ann@x.example,50.00,A,R2,10.00
1,2025-01-05,ann@x.example,50.00,B,R1,10.00
1,2025-01-05,ann@x.example,50.00,B,R2,10.00
2,2025-01-06,bob@x.example,30.00,A,,
2,2025-01-06,bob@x.example,30.00,B,,
3,2025-02-06,bob@x.example,20.00,A,R3,5.00
3,2025-02-06,bob@x.example,20.00,B,R3,5.00
4,2025-02-07,ann@x.example,45.00,A,,
4,2025-02-07,ann@x.example,45.00,C,,
"""
    customers, money, told = found(tmp_path, text, mapping={"refunded": "refund_amount"})
    assert (customers, money) == (2, 130.0)
    assert "1 order has other refunds, 10.00 in total" in told


def test_a_patient_is_the_customer_where_an_insurer_pays_a_part(tmp_path):
    text = """
Invoice Date,Invoice #,Patient Guid,Patient,Payer,Subtotal
2025-01-05,1,g1,Ann,Ann,20.00
2025-01-05,1,g1,Ann,Sun Life,80.00
2025-01-06,2,g2,Bob,Bob,100.00
2025-02-06,3,g2,Bob,Bob,20.00
2025-02-06,3,g2,Bob,Sun Life,80.00
"""
    assert found(tmp_path, text)[:2] == (2, 300.0)


def test_an_authorisation_alone_is_no_sale(tmp_path):
    text = """
Payment Date,Order ID,Result,Amount,Customer ID
2025-01-05,1,SUCCESS,40.00,C1
2025-01-06,2,AUTH,30.00,C2
2025-02-06,3,SUCCESS,20.00,C2
2025-02-07,4,VOIDED,10.00,C1
"""
    assert found(tmp_path, text)[:2] == (2, 60.0)


def test_commissions_on_sales_and_refunds_are_no_sales(tmp_path):
    text = """
data,typ operacji,nr zamówienia,kupujący,kwota
2025-01-05,sprzedaż,Z1,anna,50.00
2025-01-05,prowizja od sprzedaży,Z1,anna,-5.00
2025-01-06,sprzedaż,Z2,bolek,30.00
2025-01-06,prowizja od sprzedaży,Z2,bolek,-3.00
2025-01-09,zwrot kosztów zakupu,Z2,bolek,-10.00
2025-01-09,zwrot prowizji,Z2,bolek,1.00
2025-02-07,sprzedaż,Z3,anna,20.00
2025-02-07,prowizja od sprzedaży,Z3,anna,-2.00
"""
    assert found(tmp_path, text)[:2] == (2, 90.0)


def test_failed_payments_and_drafts_are_known_in_other_languages(tmp_path):
    text = """
Nr,Date,Client,Total,État
1,2025-01-05,ann,40.00,Livré
2,2025-01-06,bob,30.00,Erreur de paiement
3,2025-02-06,bob,20.00,Livré
4,2025-02-07,ann,10.00,Utkast
5,2025-02-08,ann,5.00,Written off
"""
    assert found(tmp_path, text)[:2] == (2, 60.0)


def test_money_on_few_lines_is_offered_last_as_the_amount(tmp_path):
    lines = [
        f"2025-01-{day:02d},{'abcdef'[day % 6]}@x.example,{day}.50,{'1.25' * (day % 9 == 0)}"
        for day in range(1, 28)
    ]
    text = "\n".join(["When,Email,Paid,Paid back", *lines])
    with pytest.raises(QuestionsError) as error:
        found(tmp_path, text)
    assert error.value.questions[0].answers[0] == "amount=Paid"


def test_money_that_was_paid_back_is_subtracted(tmp_path):
    text = """
When,Email,Paid,Paid back
2025-01-05,ann@x.example,40.00,
2025-01-06,bob@x.example,30.00,30.00
2025-02-06,ann@x.example,20.00,
"""
    assert found(tmp_path, text, mapping={"amount": "Paid"})[:2] == (1, 60.0)
