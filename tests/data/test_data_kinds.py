"""Kinds of exports whose lines are not one sale each: events, ledgers, parts, snapshots, states, small units."""

import pandas as pd
import pytest

from cltv_ml.data import clean, read
from cltv_ml.data.questions import QuestionsError


def table(text):
    """Return the table that a text of lines with commas holds."""
    heading, *lines = (line.strip().split(",") for line in text.strip().splitlines())
    return pd.DataFrame(lines, columns=heading).replace("", None)


def kept(text, mapping=None):
    return clean(read(table(text), mapping)).report.money_kept


def notes(text):
    return " ".join(clean(read(table(text))).report.notes)


def test_only_the_purchases_of_a_log_of_events_count():
    wrong = {}
    for heading, seen, basket, bought in (
        ("event_type", "view", "cart", "purchase"),
        ("event", "view", "addtocart", "transaction"),
        ("event_name", "page_view", "begin_checkout", "purchase"),
        ("behavior_type", "pv", "fav", "buy"),
        ("what happened", "add_to_wishlist", "remove_from_cart", "bought"),
    ):
        wrong[heading] = kept(
            f"""user_id,event_time,{heading},price
                a,2024-01-03,{seen},99
                a,2024-01-03,{bought},10
                b,2024-01-04,{basket},50
                b,2024-02-04,{bought},20"""
        )
    assert wrong == dict.fromkeys(wrong, 30.0)


LEDGER = """document type,document,customer,date,amount
    {0},1,a,2024-01-03,100
    {1},2,a,2024-01-13,{sign}100
    {0},3,b,2024-01-04,50
    {2},4,b,2024-02-14,{sign}10"""


def test_payments_beside_invoices_settle_them_and_are_no_sales():
    wrong = {}
    for words in (
        ("Invoice", "Payment", "Credit Memo"),
        ("Rechnung", "Zahlung", "Gutschrift"),
        ("Facture", "Règlement", "Avoir"),
        ("Factura", "Cobro", "Nota de crédito"),
        ("Faktura", "Wpłata", "Korekta"),
        ("RV", "DZ", "DG"),
    ):
        for sign in ("", "-"):
            wrong[(*words, sign)] = kept(LEDGER.format(*words, sign=sign))
    assert wrong == dict.fromkeys(wrong, 140.0)


def test_payments_alone_are_the_sales():
    assert kept(LEDGER.format("Payment", "Payment", "Refund", sign="")) == 240.0


def test_orders_beside_their_invoices_are_asked_about():
    with pytest.raises(QuestionsError, match="'Sales Order'"):
        kept(LEDGER.format("Invoice", "Sales Order", "Credit Memo", sign=""))


def test_credits_beside_debits_are_asked_about_and_taken_off():
    ledger = """customer,date,document,debit,credit
        a,2024-01-03,1,100,
        b,2024-01-05,2,50,
        a,2024-01-09,3,,20"""
    with pytest.raises(QuestionsError, match="--mapping credit=credit"):
        kept(ledger)
    assert kept(ledger, {"credit": "credit"}) == 130.0


SPLIT = """order_id,parent_order_id,customer,date,total
    1,,a,2024-01-03,100
    2,1,a,2024-01-{0},60
    3,1,a,2024-01-{0},40
    4,,b,2024-02-03,50"""


def test_the_parts_that_sum_an_order_up_are_taken_once():
    assert kept(SPLIT.format("03")) == 150.0
    assert "written again in parts" in notes(SPLIT.format("03"))


def test_later_orders_of_a_subscription_count_beside_the_first_and_are_told():
    assert kept(SPLIT.format("30")) == 250.0
    assert "named as the parent of others" in notes(SPLIT.format("30"))


SNAPSHOTS = """snapshot_date,order_id,customer,order_date,amount
    2024-02-28,1,a,2024-01-03,10
    2024-02-28,2,b,2024-01-04,20
    2024-03-31,1,a,2024-01-03,10
    2024-03-31,2,b,2024-01-04,25
    2024-03-31,3,a,2024-03-04,30"""


def test_an_order_repeated_by_snapshots_counts_as_in_the_newest():
    assert kept(SNAPSHOTS) == 65.0
    assert "--mapping version= keeps every line" in notes(SNAPSHOTS)


def test_snapshots_without_an_order_id_repeat_equal_lines():
    lines = table(SNAPSHOTS).drop(columns="order_id")
    lines["amount"] = ["10", "20", "10", "20", "30"]
    assert clean(read(lines)).report.money_kept == 60.0


def test_the_last_state_of_an_order_decides():
    states = """order_id,customer,order_date,updated_at,status,amount
        1,a,2024-01-03,2024-01-03 10:00,pending,10
        1,a,2024-01-03,2024-01-04 10:00,paid,12
        2,b,2024-01-04,2024-01-04 10:00,paid,20
        2,b,2024-01-04,2024-01-09 10:00,{},20
        3,a,2024-02-04,2024-02-04 10:00,paid,30"""
    assert [kept(states.format(last)) for last in ("refunded", "cancelled", "paid")] == [42.0, 42.0, 62.0]


def test_lines_of_an_order_with_times_of_their_own_are_no_states():
    lines = """order_id,customer,order_date,updated_at,sku,amount
        1,a,2024-01-03,2024-01-03 10:00,x,10
        1,a,2024-01-03,2024-01-04 10:00,y,12
        2,b,2024-01-04,2024-01-04 10:00,x,20"""
    assert kept(lines) == 42.0


def test_small_units_follow_each_lines_currency():
    money = """customer,date,amount_minor,currency
        a,2024-01-03,1050,{0}
        b,2024-01-04,2000,{0}"""
    assert [kept(money.format(code)) for code in ("EUR", "HUF", "JPY", "KWD")] == [30.5, 30.5, 3050.0, 3.05]


def test_net_sales_beside_gross_ones_are_the_amount():
    assert (
        kept(
            """order_id,email,created,gross_sales,returns,net_sales
        1,a@x.c,2024-01-03,100,0,90
        2,b@x.c,2024-01-04,50,-50,0
        3,a@x.c,2024-02-03,20,0,20"""
        )
        == 110.0
    )


def test_a_share_in_a_column_of_money_is_no_amount():
    lines = "customer,date,amount\n" + "".join(f"a,2024-01-{day:02d},{day}\n" for day in range(10, 20))
    assert kept(lines + "b,2024-01-04,10%") == sum(range(10, 20))
