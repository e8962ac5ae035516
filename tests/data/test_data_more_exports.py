"""Exports of platforms, tills and public data sets, whose customers and money were worked out before reading."""

import pytest

from cltv_ml.data import QuestionsError, answer
from tests.data.test_data_by_hand import found


def test_a_nested_customer_and_the_states_of_shopware_are_understood(tmp_path):
    text = """
orderNumber;orderDateTime;orderCustomer.customerNumber;amountTotal;stateMachineState.name
1;2025-01-05T10:15:00.000+00:00;C1;59,90;Abgeschlossen
2;2025-01-07T11:15:00.000+00:00;C2;80,00;Abgeschlossen
3;2025-02-03T10:00:00.000+00:00;C2;99,00;Abgebrochen
4;2025-02-20T08:00:00.000+00:00;C1;30,00;Abgeschlossen
"""
    assert found(tmp_path, text)[:2] == (2, 169.9)


def test_the_display_name_of_a_customer_identifies_them(tmp_path):
    text = """
Order Ref,Date,Customer/Display Name,Order Lines/Product/Display Name,Order Lines/Quantity,Total
1,2025-01-05 10:00:00,Ann Lee,Lamp,1,50.00
2,2025-01-06 10:00:00,Bob Ray,Rug,1,9.00
3,2025-02-06 10:00:00,Bob Ray,Lamp,1,27.00
"""
    assert found(tmp_path, text)[:2] == (2, 86.0)


def test_payments_joined_to_items_count_once_per_payment_and_the_unique_id_identifies_customers(tmp_path):
    text = """
order_id,customer_id,customer_unique_id,purchased_at,item,product_id,price,payment_sequential,payment_value
o1,ca,u1,2018-01-05 10:00:00,1,pA,80.00,1,60.00
o1,ca,u1,2018-01-05 10:00:00,1,pA,80.00,2,30.00
o2,cb,u2,2018-01-15 10:00:00,1,pB,50.00,1,120.00
o2,cb,u2,2018-01-15 10:00:00,2,pB,50.00,1,120.00
o3,cc,u1,2018-03-15 10:00:00,1,pB,50.00,1,60.00
o4,cd,u3,2018-04-15 10:00:00,1,pB,50.00,1,60.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (3, 330.0)
    assert "counted once per order" in told


VOIDS = """
Trans,Line,Date,Cust,SKU,Qty,Price,LineDisc,Ext,LineType
1,1,2025-01-05,C1,A,2,5.00,0.00,10.00,SALE
1,2,2025-01-05,C1,B,1,8.00,1.00,7.00,SALE
1,3,2025-01-05,C1,B,-1,8.00,-1.00,-7.00,VOID
2,1,2025-01-16,C2,B,1,8.00,0.00,8.00,SALE
3,1,2025-02-16,C2,A,4,5.00,1.00,19.00,SALE
"""


def test_a_void_below_zero_takes_back_the_line_that_it_voids(tmp_path):
    assert found(tmp_path, VOIDS)[:2] == (2, 37.0)


def test_a_void_below_zero_is_left_out_where_the_user_says_so(tmp_path):
    assert found(tmp_path, VOIDS, changes={"type": ["VOID:ignore"]})[:2] == (2, 44.0)


def test_orders_that_were_not_delivered_are_offered_as_no_sales_first(tmp_path):
    text = """
order_id,date,customer_hash,total,status
1,2025-01-05,h1,100.00,Delivered
2,2025-01-17,h2,100.00,Undelivered
3,2025-02-17,h2,60.00,Delivered
"""
    with pytest.raises(QuestionsError) as asked:
        found(tmp_path, text)
    [question] = asked.value.questions
    assert question.answers[0] == "status=Undelivered:ignore"


def test_a_main_line_that_sums_up_its_document_counts_no_second_time(tmp_path):
    text = """
Type,Date,Document Number,Customer,Main Line,Item,Quantity,Amount
Invoice,1/5/2025,INV1,C1,*,,,300.00
Invoice,1/5/2025,INV1,C1,,Widget,2,200.00
Invoice,1/5/2025,INV1,C1,,Gadget,1,100.00
Invoice,1/15/2025,INV2,C2,*,,,200.00
Invoice,1/15/2025,INV2,C2,,Widget,2,200.00
Invoice,2/15/2025,INV3,C2,*,,,100.00
Invoice,2/15/2025,INV3,C2,,Widget,1,100.00
"""
    assert found(tmp_path, text)[:2] == (2, 600.0)


def test_a_price_that_is_exactly_proportional_to_the_quantity_within_a_category_is_a_line_total(tmp_path):
    text = """
invoice_no,customer_id,category,quantity,price,invoice_date
1,C1,Clothing,5,1500.40,2022-08-05
2,C2,Shoes,3,1800.51,2021-12-12
3,C3,Clothing,1,300.08,2021-11-09
4,C2,Shoes,5,3000.85,2021-05-16
5,C1,Clothing,5,1500.40,2021-10-24
6,C1,Shoes,1,600.17,2021-10-25
7,C2,Clothing,2,600.16,2021-10-26
8,C3,Shoes,4,2400.68,2021-10-27
"""
    assert found(tmp_path, text)[:2] == (3, 11703.25)


def test_refunds_that_the_net_amount_leaves_out_are_not_taken_off_by_the_first_answer(tmp_path):
    text = """
order_id,date,customer,gross,refunds,net_sales
1,2025-01-05,ann,50.00,0.00,50.00
2,2025-01-15,bob,40.00,-20.00,20.00
3,2025-02-15,bob,20.00,0.00,20.00
"""
    with pytest.raises(QuestionsError) as asked:
        found(tmp_path, text)
    assert asked.value.questions[0].answers[0] == "refunded="


def test_one_answer_may_settle_two_names():
    mapping, rules = answer(["amount=Total, all,currency="], {}, {})
    assert (mapping, rules) == ({"amount": "Total, all", "currency": ""}, {})


def test_lines_joined_to_promotions_are_told_with_their_money(tmp_path):
    rows = [f"o{n},2025-0{1 + n % 9}-{1 + n % 27:02d},c{n % 4},A,1,{20 + n}.00," for n in range(20)]
    rows += [row + code for row in rows[:5] for code in ("APP",)]
    text = "order_number,date,member_id,sku,units,line_revenue,promotion_code\n" + "\n".join(rows)
    told = found(tmp_path, text)[2]
    assert "5 of 25 sampled lines, with a total of 110.00, repeat the product and amount" in told
