"""Platforms, marketplaces and business systems: customers and money were worked out before each export was read."""

import json

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
