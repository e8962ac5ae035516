"""Exports written by hand: customers, orders and money were worked out before each was read."""

import json

import pytest

from cltv_ml.data import QuestionsError, answer, clean, read
from cltv_ml.errors import InputError


def found(folder, text, name="export.csv", **given):
    """Return customers and money of an export, and what was told."""
    path = folder / name
    path.write_text(text.strip("\n") + "\n", encoding="utf-8")
    cleaned = clean(read(path, **given))
    report = cleaned.report
    return cleaned.log["customer_id"].nunique(), round(report.money_kept, 2), " ".join(report.notes)


def test_a_column_called_the_orders_total_is_taken_once_also_where_one_order_only_has_several_lines(tmp_path):
    text = """
Order Number,Order Status,Order Date,Email,Order Refund Amount,Order Total Amount,SKU,Quantity
501,Completed,2025-01-05,ann@x.example,0,45,S1,2
503,Processing,2025-01-07,bob@x.example,0,60,K1,1
505,Completed,2025-02-08,ann@x.example,20,60,K1,1
505,Completed,2025-02-08,ann@x.example,20,60,S1,1
"""
    assert found(tmp_path, text)[:2] == (2, 145.0)


def test_an_order_total_is_known_by_its_heading_in_other_languages(tmp_path):
    text = """
Id zamówienia;Data złożenia;Login kupującego;Nazwa oferty;Wartość zamówienia;Waluta
z1;2025-01-05;anka;Koszulka;64,99;PLN
z1;2025-01-05;anka;Czapka;64,99;PLN
z3;2025-02-07;bolek;Czapka;39,99;PLN
z4;2025-02-08;anka;Czapka;15,00;PLN
"""
    assert found(tmp_path, text)[:2] == (2, 119.98)


def test_equal_amounts_of_few_orders_count_per_line_and_are_told(tmp_path):
    text = """
order,customer,date,sku,amount
1,ann,2025-01-05,A,30.00
1,ann,2025-01-05,B,30.00
2,bob,2025-01-06,A,30.00
3,bob,2025-02-06,B,40.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 130.0)
    assert "--rule amount_per=order counts it once per order" in told


def test_opportunities_joined_to_their_products_count_once(tmp_path):
    text = """
Opportunity ID,Account Name,Stage,Close Date,Amount,Product Name,Quantity,Total Price
0061,Acme,Closed Won,2025-01-05,1000.00,Seat,5,500.00
0061,Acme,Closed Won,2025-01-05,1000.00,Setup,1,500.00
0063,Beta,Closed Won,2025-02-25,300.00,Seat,3,300.00
0064,Beta,Negotiation,2025-02-26,900.00,Seat,9,900.00
"""
    assert found(tmp_path, text)[:2] == (2, 1300.0)


def test_bundles_are_told_from_their_parts_by_a_column_of_types(tmp_path):
    text = """
Order,Date,Customer,SKU,Type,Qty,Line Total
1,2025-01-05,ann,KIT,bundle,1,50.00
1,2025-01-05,ann,A,bundle_item,1,0.00
2,2025-01-06,bob,A,simple,1,30.00
3,2025-02-06,bob,KIT,bundle,1,50.00
3,2025-02-06,bob,A,bundle_item,1,30.00
3,2025-02-06,bob,B,bundle_item,2,20.00
4,2025-02-07,ann,B,simple,1,10.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 140.0)
    assert "2 lines with a total of 50.00 are parts of another line in their order (column 'Type')" in told


def test_a_reference_that_names_other_orders_is_no_product(tmp_path):
    text = """
Date,Transaction ID,Transaction type,Total,Email,Reference
2025-01-05,TA1,Sales,20.00,ann@x.example,
2025-01-06,TA3,Sales,40.00,bob@x.example,
2025-01-09,TA4,Refund,40.00,bob@x.example,TA3
2025-02-10,TA6,Sales,10.00,bob@x.example,
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 30.0)
    assert "'Reference' refers to other orders and was read as cancels" in told


def test_whole_amounts_of_a_currency_with_cents_are_told(tmp_path):
    text = """
id,customer,date,total,currency
1,ann,2025-01-05,2380,USD
2,bob,2025-01-06,5355,USD
3,ann,2025-02-05,1999,USD
"""
    assert "were read unchanged. If they are cents, use --rule money_unit=0.01" in found(tmp_path, text)[2]
    assert "money_unit" not in found(tmp_path, text.replace("USD", "JPY"))[2]


def test_adjustments_of_a_payment_service_are_asked_about(tmp_path):
    text = """
id,Type,Amount,Currency,Created,customer_email
txn_1,charge,50.00,eur,2025-01-05,ann@x.example
txn_2,charge,80.00,eur,2025-01-06,bob@x.example
txn_3,refund,-10.00,eur,2025-01-09,ann@x.example
txn_6,adjustment,-80.00,eur,2025-02-10,bob@x.example
txn_7,charge,30.00,eur,2025-02-12,bob@x.example
"""
    with pytest.raises(InputError, match="'adjustment' \\(1 line"):
        found(tmp_path, text, mapping={"customer_id": "customer_email"})
    assert found(tmp_path, text, changes={"type": ["adjustment:counts"]})[:2] == (2, 70.0)


def test_a_date_of_refunds_whose_money_is_taken_off_raises_no_question(tmp_path):
    text = """
Payment ID,Transaction #,Order ID,Order Date,Result,Amount,Customer ID,Refund Date,Refund Amount
PA1,1,O1,2025-01-05,SUCCESS,21.60,CA,,
PA2,2,O2,2025-01-06,FAIL,32.40,CB,,
PA3,3,O2,2025-01-06,SUCCESS,32.40,CB,2025-01-07,10.80
PA4,4,O3,2025-02-16,SUCCESS,54.00,CB,,
"""
    assert found(tmp_path, text)[:2] == (2, 97.2)


def answered(folder, text, name="export.csv"):
    """Return customers and money of an export whose questions get the first answer that each offers, and these."""
    mapping, rules, asked = {}, {}, []
    while True:
        try:
            customers, money, _ = found(folder, text, name, mapping=mapping, changes=rules)
            return customers, money, asked
        except QuestionsError as error:
            asked += [question.answers[0] for question in error.questions]
            mapping, rules = answer(",".join(asked).split(","), {}, {})


def test_states_under_a_heading_of_names_are_asked_about(tmp_path):
    text = """
id_order;customer;total_paid;osname;date_add
1;A. Ann;45,00;Paiement accepté;2025-01-05
2;B. Bob;30,00;En attente de paiement par chèque;2025-01-06
3;B. Bob;60,00;Livré;2025-01-07
4;A. Ann;20,00;Remboursé;2025-02-07
5;B. Bob;15,00;Annulé;2025-02-08
"""
    assert answered(tmp_path, text) == (2, 105.0, ["status=osname"])


def test_an_amount_that_prices_and_quantities_sum_up_to_is_the_orders(tmp_path):
    text = """
event_date,event_name,user_id,transaction_id,value,item_name,item_price,item_quantity
2025-01-05,purchase,ann,T1,55.00,Shirt,20.00,2
2025-01-05,purchase,ann,T1,55.00,Cap,15.00,1
2025-01-06,purchase,bob,T2,20.00,Shirt,20.00,1
2025-01-08,refund,bob,T2,20.00,Shirt,20.00,1
2025-02-07,purchase,bob,T3,15.00,Cap,15.00,1
"""
    assert found(tmp_path, text)[:2] == (2, 70.0)


def test_lines_joined_to_shipments_are_told_however_few(tmp_path):
    text = """
order_id,shipment_id,customer_id,order_date,sku,qty_ordered,line_amount
S1,P1,ann,2025-01-05,A,10,100.00
S1,P2,ann,2025-01-05,A,10,100.00
S1,P1,ann,2025-01-05,B,1,15.00
S2,P3,bob,2025-01-07,A,5,50.00
"""
    assert "such as shipments or payments, they count more than once" in found(tmp_path, text)[2]


def test_rows_with_the_time_from_which_they_are_valid_count_in_their_newest_state(tmp_path):
    text = """
order_id,customer_id,order_ts,status,total,valid_from
1,ann,2025-01-05 10:00,paid,50.00,2025-01-05 11:00
2,bob,2025-01-06 10:00,paid,20.00,2025-01-06 10:00
2,bob,2025-01-06 10:00,cancelled,20.00,2025-01-07 10:00
3,bob,2025-02-06 10:00,paid,30.00,2025-02-06 10:00
3,bob,2025-02-06 10:00,paid,35.00,2025-02-08 10:00
"""
    assert found(tmp_path, text)[:2] == (2, 85.0)
    flagged = text.replace("valid_from", "is_current").replace("2025-02-06 10:00\n", "N\n")
    flagged = flagged.replace("2025-01-06 10:00\n", "N\n").replace("2025-01-05 11:00\n", "Y\n")
    flagged = flagged.replace("2025-01-07 10:00\n", "Y\n").replace("2025-02-08 10:00\n", "Y\n")
    assert answered(tmp_path, flagged) == (2, 85.0, ["captured=is_current"])


def test_changes_of_a_databases_rows_are_asked_about_with_a_command_that_takes_the_newest(tmp_path):
    text = """
op,ts_ms,id,customer_id,ordered_at,amount
c,1736071200000,1,ann,2025-01-05 10:00:00,50.00
c,1736157600000,2,bob,2025-01-06 10:00:00,20.00
u,1736158600000,2,bob,2025-01-06 10:00:00,25.00
c,1736258600000,3,bob,2025-02-06 10:00:00,30.00
d,1736358600000,3,bob,2025-02-06 10:00:00,30.00
"""
    with pytest.raises(
        InputError, match=r'--mapping status=op --rule "status=d:ignore" .*--mapping version=ts_ms'
    ):
        found(tmp_path, text)
    assert answered(tmp_path, text)[:2] == (2, 75.0)


def test_payments_among_what_is_billed_are_asked_about(tmp_path):
    text = """
Account,Bill Date,Bill No,Charge Type,Amount
A1,2025-01-05,B1,Recurring,30.00
A1,2025-01-05,B1,Usage,12.50
A2,2025-01-06,B2,Recurring,50.00
A2,2025-01-06,B2,Credit,-10.00
A1,2025-02-05,B4,Payment,-37.50
A1,2025-02-05,B4,Recurring,30.00
"""
    customers, money, asked = answered(tmp_path, text)
    assert (customers, money) == (2, 112.5)
    assert asked[0] == "type=Charge Type,type=Payment:ignore"
    assert asked[1] == "type=Recurring:counts,type=Credit:refund,type=Usage:counts"


def test_what_the_shop_bought_is_no_return_and_a_sales_receipt_is_a_sale(tmp_path):
    text = """
Date,Customer,Vch Type,Amount
2025-01-05,Ann,Sales,120.00
2025-01-06,Bob,Sales,50.00
2025-01-12,Supplier,Purchase,30.00
2025-01-10,Bob,Credit Note,10.00
"""
    assert answered(tmp_path, text) == (2, 160.0, ["type=Purchase:ignore"])
    book = text.replace("Sales,50", "Sales Receipt,50").replace("Sales,", "Invoice,")
    assert found(tmp_path, book.replace("2025-01-12,Supplier,Purchase,30.00\n", ""))[:2] == (2, 160.0)


def test_later_events_of_an_order_are_no_further_sales(tmp_path):
    text = """
Email,Metric,Timestamp,Value
ann@x.example,Placed Order,2025-01-05 10:00,55.00
ann@x.example,Ordered Product,2025-01-05 10:00,40.00
ann@x.example,Fulfilled Order,2025-01-06 10:00,55.00
bob@x.example,Placed Order,2025-01-07 10:00,20.00
bob@x.example,Refunded Order,2025-01-09 10:00,20.00
bob@x.example,Placed Order,2025-02-07 10:00,30.00
"""
    assert found(tmp_path, text)[:2] == (2, 85.0)


def test_the_refunds_inside_orders_of_an_interface_are_taken_off(tmp_path):
    orders = [
        {
            "id": 1,
            "email": "ann@x.example",
            "created_at": "2025-01-05",
            "total_price": "55.00",
            "refunds": [],
        },
        {
            "id": 2,
            "email": "bob@x.example",
            "created_at": "2025-01-06",
            "total_price": "60.00",
            "refunds": [
                {"id": 9, "transactions": [{"amount": "20.00"}, {"amount": "9.00", "status": "failure"}]}
            ],
        },
        {"id": 3, "email": "bob@x.example", "created_at": "2025-02-06", "total_price": "9.00", "refunds": []},
    ]
    customers, money, told = found(tmp_path, json.dumps({"orders": orders}), "orders.json")
    assert (customers, money) == (2, 104.0)
    assert "'refunds' of each record was summed and read" in told


def test_a_second_table_below_the_first_is_told_and_one_of_refunds_is_refused(tmp_path):
    sales = "Customer,Date,Order,Amount\nann,2025-01-05,1,50.00\nbob,2025-01-06,2,20.00\nbob,2025-02-06,3,30.00\n\n"
    told = found(tmp_path, sales + "Product,Units\nShirt,3\nCap,2")[2]
    assert "second table with the columns ['Product', 'Units'], starting at row 5" in told
    with pytest.raises(InputError, match="the one below 'Refunds' does not seem to contain sales"):
        found(tmp_path, sales + "Refunds\nOrder,Refund date,Refunded\n2,2025-01-09,20.00")


def test_a_grouped_report_of_two_customers_is_filled_down(tmp_path):
    text = """
Customer,Date,Type,Amount
Ann A,,,
,2025-01-05,Invoice,20.00
,2025-01-15,Invoice,10.00
Total for Ann A,,,30.00
Bob B,,,
,2025-01-06,Invoice,35.00
Total for Bob B,,,35.00
"""
    assert found(tmp_path, text)[:2] == (2, 65.0)


def test_items_in_one_cell_are_added_up_where_no_other_money_stands(tmp_path):
    text = """
Order,Placed,Customer,Items
1,2025-01-05,ann,2 x Shirt @ 19.95; 1 x Cap @ 5.00
2,2025-01-06,bob,"1 x Cable, 3x2 @ 7.50"
3,2025-02-06,bob,1 x Sofa @ 1,250.00
"""
    text = text.replace("1 x Sofa @ 1,250.00", '"1 x Sofa @ 1,250.00"')
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 44.9 + 7.5 + 1250)
    assert "was computed from the items in column 'Items'" in told


def test_an_order_amount_that_is_each_lines_price_counts_on_each_line(tmp_path):
    text = """
order_no,order_date,customer,sku,qty,price,order_amount
1,2025-01-05,ann,Seat 1,1,15.00,15.00
1,2025-01-05,ann,Seat 2,1,15.00,15.00
2,2025-01-06,bob,Seat 3,1,15.00,15.00
3,2025-02-06,bob,Seat 4,1,15.00,15.00
3,2025-02-06,bob,Seat 5,1,15.00,15.00
"""
    assert found(tmp_path, text)[:2] == (2, 75.0)


def test_kinds_of_lines_with_next_to_no_money_raise_no_question(tmp_path):
    text = """
Date,Customer,Txn Type,Amount
2025-01-05,Ann,Sale,1200.00
2025-01-06,Bob,Sale,500.00
2025-01-07,Ann,Cash adj.,0.01
2025-01-10,Bob,Refund,-100.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 1600.0)
    assert "left out: Cash adj. (1 line, 0.01)" in told


def test_lines_of_all_customers_that_sum_the_others_up_are_set_aside(tmp_path):
    text = """
Date,Customer,Sales
2025-01-05,ann,30.00
2025-01-05,ALL CUSTOMERS,30.00
2025-02-06,bob,20.00
2025-02-06,ann,25.00
2025-02-06,ALL CUSTOMERS,45.00
"""
    assert found(tmp_path, text)[:2] == (2, 75.0)


def test_refunds_in_objects_and_lists_of_returns_are_summed(tmp_path):
    def order(number, **more):
        lines = [{"sku": "A", "qty": 2, "unitPrice": {"value": 10.5, "currency": "EUR"}}]
        return {
            "orderNumber": number,
            "placedOn": f"2025-01-0{number}",
            "buyer": {"id": f"b{number % 2}"},
            "items": lines,
            **more,
        }

    back = [
        {"date": "2025-02-01", "amount": {"value": "4.00", "currency": "EUR"}},
        {"amount": {"value": "1.00"}},
    ]
    for more in ({"refunds": back}, {"payment": {"refunds": back}}, {"returns": back}):
        path = tmp_path / "orders.json"
        path.write_text(json.dumps([order(1), order(2, **more), order(3)]), encoding="utf-8")
        cleaned = clean(read(path))
        assert cleaned.log["order_id"].nunique() == 3
        assert round(cleaned.report.money_kept, 2) == 58.0


def test_money_in_two_whole_numbers_is_read_in_units(tmp_path):
    def order(number, money):
        return {
            "receipt_id": number,
            "created": f"2025-01-0{number}",
            "buyer_email": f"b{number % 2}@x.example",
            "grandtotal": money,
        }

    parts = (
        {"amount": 1950, "divisor": 100},
        {"centAmount": 1950, "fractionDigits": 2},
        {"units": "19", "nanos": 5 * 10**8},
    )
    for money in parts:
        path = tmp_path / "orders.json"
        path.write_text(json.dumps([order(number, money) for number in (1, 2, 3)]), encoding="utf-8")
        assert clean(read(path)).report.money_kept == 58.5


def from_records(folder, records, **given):
    """Return customers, orders and money of records."""
    path = folder / "orders.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    cleaned = clean(read(path, **given))
    return (
        cleaned.log["customer_id"].nunique(),
        cleaned.log["order_id"].nunique(),
        round(cleaned.report.money_kept, 2),
    )


def test_a_list_that_never_has_more_than_one_entry_is_read_as_an_object(tmp_path):
    def order(number, state):
        paid = [{"state": state, "amount": 10.5}]
        buyer = {"email": f"c{number % 2}@x.example"}
        return {
            "id": f"u{number}",
            "created": f"2025-01-0{number}",
            "total": 10.5,
            "buyer": buyer,
            "payments": paid,
        }

    states = ["paid", "refunded", "paid", "paid"]
    orders = [
        order(number, state) | {"lineItems": [{"sku": "A"}] * 2} for number, state in enumerate(states, 1)
    ]
    assert from_records(tmp_path, orders, mapping={"payment_status": "payments.state"}) == (2, 3, 31.5)


def test_wrapped_records_and_their_credit_notes_are_read(tmp_path):
    def invoice(number, *credit):
        notes = [{"cn_id": f"CN{number}", "cn_total": money} for money in credit]
        lines = [{"unit_amount": 9.5, "quantity": 2}]
        return {
            "invoice": {
                "invoice_no": number,
                "customer_id": f"c{number % 2}",
                "date": f"2025-01-0{number}",
                "total": 19.0,
                "line_items": lines,
                "issued_credit_notes": notes,
            }
        }

    records = {"list": [invoice(1), invoice(2, 4.5, 0.5), invoice(3, 19.0), invoice(4)]}
    assert from_records(tmp_path, records) == (2, 3, 52.0)


def test_fees_next_to_the_items_of_an_order_are_no_sales(tmp_path):
    def order(number):
        items = [
            {"sku": sku, "price": {"amount": money, "currency": "EUR"}}
            for sku, money in (("A", 9.5), ("B", 4.0))
        ]
        fees = [{"fee": {"amount": 2.95, "currency": "EUR"}}]
        address = {"email": f"c{number % 2}@x.example", "city": "Bonn"}
        return {
            "orderNumber": number,
            "orderDate": f"2025-01-0{number}",
            "positionItems": items,
            "deliveryFees": fees,
            "invoiceAddress": address,
        }

    assert from_records(tmp_path, [order(number) for number in (1, 2, 3)]) == (2, 3, 40.5)


def test_a_reference_of_each_order_is_no_product(tmp_path):
    text = """
id_customer,current_state,date_add,reference,total_paid
3,paid,2025-01-05,XKBKNABJK,20.00
4,paid,2025-01-06,OHSATSERP,40.00
3,paid,2025-02-10,UOYEVOLI,10.00
3,paid,2025-02-12,FFATNOMMJ,10.00
5,paid,2025-02-11,KHWLILZLL,30.00
"""
    path = tmp_path / "export.csv"
    path.write_text(text.strip("\n"), encoding="utf-8")
    cleaned = clean(read(path))
    assert "product_id" not in cleaned.report.mapping
    assert cleaned.log["order_id"].nunique() == 5
