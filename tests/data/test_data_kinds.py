"""Kinds of exports whose lines are not one sale each: events, ledgers, parts, snapshots, states, small units."""

import pandas as pd
import pytest

from cltv_ml.columns.questions import QuestionsError
from cltv_ml.data import clean, read


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


@pytest.mark.parametrize(
    "words",
    [
        ("Invoice", "Payment", "Credit Memo"),
        ("Rechnung", "Zahlung", "Gutschrift"),
        ("Facture", "Règlement", "Avoir"),
        ("Factura", "Cobro", "Nota de crédito"),
        ("Faktura", "Wpłata", "Korekta"),
        ("RV", "DZ", "DG"),
    ],
)
def test_payments_beside_invoices_settle_them_and_are_no_sales(words):
    assert [kept(LEDGER.format(*words, sign=sign)) for sign in ("", "-")] == [140.0, 140.0]


def test_receipts_beside_sales_are_asked_about():
    with pytest.raises(QuestionsError, match="'Receipt'"):
        kept(LEDGER.format("Sales", "Receipt", "Credit Note", sign=""))


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
    assert "split into parts with the same sum" in notes(SPLIT.format("03"))
    numbers = table(SPLIT.format("03")).assign(order_id=[1, 2, 3, 4], parent_order_id=[None, 1.0, 1.0, None])
    assert clean(read(numbers)).report.money_kept == 150.0


def test_later_orders_of_a_subscription_count_beside_the_first_and_are_told():
    assert kept(SPLIT.format("30")) == 250.0
    assert "the parent of other orders" in notes(SPLIT.format("30"))


SNAPSHOTS = """snapshot_date,order_id,customer,order_date,amount
    2024-02-28,1,a,2024-01-03,10
    2024-02-28,2,b,2024-01-04,20
    2024-03-31,1,a,2024-01-03,10
    2024-03-31,2,b,2024-01-04,25
    2024-03-31,3,a,2024-03-04,30"""


def test_an_order_repeated_by_snapshots_counts_as_in_the_newest():
    assert kept(SNAPSHOTS) == 65.0
    assert "--mapping version= keeps every line" in notes(SNAPSHOTS)


def test_an_order_that_no_first_line_names_counts_as_in_the_newest_snapshot(monkeypatch):
    monkeypatch.setattr("cltv_ml.columns.kinds.FIRST", 2)
    before = SNAPSHOTS.replace(
        "amount\n", "amount\n2024-02-28,8,c,2024-01-02,1\n2024-02-28,9,d,2024-01-02,1\n"
    )
    assert kept(before) == 67.0


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


def test_the_last_status_of_an_order_decides_where_each_has_its_own_date():
    history = """order_id,customer,date,status,total
        1,a,2024-01-03 10:00,pending,30
        1,a,2024-01-03 11:00,paid,30
        1,a,2024-01-05 11:00,shipped,30
        2,b,2024-01-04 11:00,paid,50
        2,b,2024-01-09 11:00,{},50
        3,a,2024-02-04 11:00,paid,20"""
    assert [kept(history.format(last)) for last in ("refunded", "cancelled", "delivered")] == [
        50.0,
        50.0,
        100.0,
    ]
    log = clean(read(table(history.format("delivered")))).log
    assert log["timestamp"].min() == pd.Timestamp("2024-01-03 11:00")


def test_payments_by_instalments_are_no_history_of_an_order():
    assert (
        kept(
            """order_id,customer,date,status,total
            1,a,2024-01-03,paid,30
            1,a,2024-02-03,paid,30
            1,a,2024-03-03,pending,30"""
        )
        == 60.0
    )


def test_what_names_each_line_or_none_is_no_customer():
    for heading, values in (("id", "123"), ("Account", "RRR")):
        lines = table("date,amount\n2024-01-03,10\n2024-01-04,20\n2024-01-05,30").assign(
            **{heading: list(values)}
        )
        with pytest.raises(QuestionsError, match="no column found for customer_id"):
            read(lines)


def test_parts_are_found_under_an_id_and_in_a_known_export():
    parts = SPLIT.format("03").replace("order_id,parent_order_id", "id,parent_id")
    assert kept(parts) == 150.0
    known = """order_id,parent_order_id,customer_email,order_date,order_total,status
        1,,a@x.c,2024-01-03,100,completed
        2,1,a@x.c,2024-01-03,60,completed
        3,1,a@x.c,2024-01-03,40,completed"""
    assert kept(known) == 100.0


def test_periods_as_columns_are_named_as_a_layout():
    for first, second, third in (
        ("2024-Q1", "2024-Q2", "2024-Q3"),
        ("M1", "M2", "M3"),
        ("Ventas enero", "Ventas febrero", "Ventas marzo"),
    ):
        with pytest.raises(QuestionsError, match="contain one period each"):
            read(table(f"customer,{first},{second},{third}\na,1,2,3\nb,4,5,6"))


def test_months_as_columns_are_dates_and_their_sum_is_left_out():
    for first, second, third in (
        ("2024-01", "2024-02", "2024-03"),
        ("Umsatz Jan 24", "Umsatz Feb 24", "Umsatz Mär 24"),
    ):
        log = clean(read(table(f"Kunde,{first},{second},{third},Ganz\na,1,2,3,6\nb,4,0,6.50,10.5"))).log
        assert log["amount"].tolist() == [1, 2, 3, 4, 6.5]
        assert log["timestamp"].dt.month.tolist() == [1, 2, 3, 1, 3]


def test_periods_as_columns_are_a_layout_next_to_a_date_of_the_customer():
    months = [f"2024-{month:02d}" for month in range(1, 13)]
    lines = pd.DataFrame(
        {"customer": ["a", "b"], "first_order_date": "2023-05-01", **dict.fromkeys(months, 9.5)}
    )
    with pytest.raises(QuestionsError, match="contain one period each"):
        read(lines)


def test_months_without_a_day_are_their_first_day():
    months = {"Jan-24": 1, "February 2024": 2, "2024-03": 3, "04/2024": 4}
    lines = pd.DataFrame({"customer": "a", "month": list(months), "amount": 1.0})
    assert clean(read(lines)).log["timestamp"].tolist() == [
        pd.Timestamp(2024, month, 1) for month in months.values()
    ]


def test_amounts_in_thousands_are_read():
    assert kept("customer,date,amount\na,2024-01-03,1.2k\nb,2024-01-04,800\nc,2024-01-05,3K") == 5000.0


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        (
            "cp1250",
            "Číslo objednávky;Zákazník;Datum objednávky;Částka\n1;Novák;03.01.2024;10\n2;Dvořák;04.01.2024;20",
        ),
        ("cp1250", "Numer;Klient;Data zamówienia;Wartość\n1;Żółw;03.01.2024;10\n2;Łoś;14.01.2024;20"),
        ("cp1254", "Sipariş No;Müşteri;Tarih;Tutar\n1;Ayşe;03.01.2024;10\n2;Çağrı;14.01.2024;20"),
        ("cp932", "受注番号;顧客番号;受注日;合計金額\n1;C1;2024年01月03日;10円\n2;C2;2024年01月14日;20円"),
        ("cp1252", "Bestellnr;Kunde;Datum;Betrag\n1;Jürgen Weiß;03.01.2024;10\n2;Zoë;14.01.2024;20"),
        ("cp852", "Datum;Odběratel;Částka\n1.2.2024;Říhová;5,50\n2.2.2024;Žák;7,00\n3.2.2024;Šťastný;1,00"),
        ("koi8_r", "Дата;Покупатель;Сумма\n01.02.2024;Иванов;5,50\n13.02.2024;Петров;7,00"),
        ("cp866", "Дата;Покупатель;Сумма\n01.02.2024;Иванов;5,50\n13.02.2024;Петров;7,00"),
    ],
)
def test_eastern_encodings_are_told_by_the_headings_they_make_known(tmp_path, encoding, text):
    path = tmp_path / "orders.csv"
    path.write_bytes(text.encode(encoding))
    customers = sorted(line.split(";")[1] for line in text.split("\n")[1:])
    assert sorted(clean(read(path)).log["customer_id"]) == customers


@pytest.mark.parametrize(
    ("headings", "counts", "undone"),
    [
        ("Sipariş No,Müşteri No,Sipariş Tarihi,Tutar,Durum", "Teslim edildi", "İptal edildi"),
        ("Číslo objednávky,Zákazník,Datum objednávky,Celkem,Stav", "Vyřízeno", "Zrušeno"),
        ("Rendelésszám,Vevő,Rendelés dátuma,Végösszeg,Státusz", "Teljesítve", "Törölve"),
        ("Tilausnumero,Asiakasnumero,Päivämäärä,Summa,Tila", "Toimitettu", "Peruutettu"),
        ("주문번호,고객ID,주문일시,결제금액,주문상태", "배송완료", "취소"),
        ("Mã đơn hàng,Khách hàng,Ngày đặt hàng,Tổng tiền,Trạng thái", "Hoàn thành", "Đã hủy"),
        ("رقم الطلب,العميل,تاريخ الطلب,المبلغ,الحالة", "مكتمل", "ملغي"),
        ("Numer zamówienia,Klient,Data zamówienia,Wartość brutto,Status", "Zrealizowane", "Anulowane"),
        ("订单编号,买家会员名,订单付款时间,买家实际支付金额,订单状态", "交易成功", "交易关闭"),
        ("Ordernr,Kd-Nr.,Belegdatum,Betrag CHF,Status", "geliefert", "storniert"),
    ],
)
def test_shops_of_many_languages_are_read_by_their_own_words(headings, counts, undone):
    assert kept(f"{headings}\n1,a,2024-01-03,10,{counts}\n2,b,2024-01-04,20,{undone}") == 10.0


def test_a_name_that_no_heading_gives_is_asked_about_with_columns_that_could_have_it():
    lines = table("xx,datum,betrag\np,2024-01-03,1.5\nq,2024-01-05,2.5")
    with pytest.raises(QuestionsError, match="no column found for customer_id") as error:
        read(lines)
    assert error.value.questions[0].answers == ("customer_id=xx",)


def test_numbered_states_of_an_order_count_as_in_the_newest():
    states = """order_no,{},customer,order_date,amount
        1,1,a,2024-01-03,15
        1,2,a,2024-01-03,10
        2,1,b,2024-01-04,20
        3,1,a,2024-02-05,30"""
    wrong = {heading: kept(states.format(heading)) for heading in ("revision", "Rev", "order_version")}
    assert wrong == dict.fromkeys(wrong, 60.0)
