"""Exports written by hand: customers, orders and money were worked out before each was read."""

import pytest

from cltv_ml.data import clean, read
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
    assert "--rule amount_per=order takes it once" in told


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
    assert "2 lines with 50.00 are parts of another line of their order by column 'Type'" in told


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
    assert "'Reference' names other orders and was read as cancels" in told


def test_whole_amounts_of_a_currency_with_cents_are_told(tmp_path):
    text = """
id,customer,date,total,currency
1,ann,2025-01-05,2380,USD
2,bob,2025-01-06,5355,USD
3,ann,2025-02-05,1999,USD
"""
    assert "were read as they are; say --rule money_unit=0.01 if they count cents" in found(tmp_path, text)[2]
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
    with pytest.raises(InputError, match="'adjustment' \\(1 lines"):
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
