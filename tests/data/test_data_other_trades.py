"""Exports of other trades written by hand: customers, orders and money were worked out before each was read."""

import datetime
import sqlite3
from contextlib import closing

import openpyxl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from cltv_ml.data import QuestionsError, clean, read
from cltv_ml.errors import InputError
from tests.data.test_data_by_hand import answered, found


def test_a_status_with_a_word_in_brackets_is_read_and_a_heading_that_says_status_is_no_type(tmp_path):
    text = """
Contact ID,Total Amount,Financial Type,Date Received,Contribution Status
201,$ 50.00,Donation,"January 5th, 2025 2:30 PM",Completed
202,$ 75.00,Member Dues,"January 6th, 2025 10:00 AM",Completed
202,$ 40.00,Donation,"February 6th, 2025 9:00 AM",Pending (Incomplete Transaction)
203,$ 20.00,Event Fee,"March 1st, 2025 12:00 PM",Completed
203,$ 60.00,Donation,"March 2nd, 2025 12:05 PM",Refunded
"""
    assert found(tmp_path, text)[:2] == (3, 145.0)


def test_codes_under_the_state_of_a_purchase_are_asked_about(tmp_path):
    text = """
user_id,order_id,purchase_time,price_amount_micros,purchase_state
u1,A1,2025-01-05,4990000,0
u2,A2,2025-01-06,9990000,0
u2,A3,2025-02-07,4990000,0
u3,A5,2025-03-11,9990000,1
"""
    with pytest.raises(QuestionsError, match="'purchase_state' \\(status\\) contains unknown levels"):
        found(tmp_path, text)


def test_calls_without_a_sale_are_asked_about(tmp_path):
    text = """
Call ID,Call Start,Customer Number,Disposition,Order Value
1,2025-01-05 10:00:00,+441600001,SALE,49.00
2,2025-01-06 10:30:00,+441600002,SALE,89.00
3,2025-01-07 10:30:00,+441600003,NO SALE,89.00
4,2025-02-06 10:30:00,+441600002,CALLBACK,89.00
"""
    with pytest.raises(QuestionsError, match="'Disposition' contains 'NO SALE' \\(1 of 4 lines\\)"):
        found(tmp_path, text)
    assert found(tmp_path, text.replace("CALLBACK", "NO SALE"))[:2] == (2, 138.0)


def test_what_was_agreed_is_asked_about_next_to_its_payments(tmp_path):
    text = """
Constituent ID,Gift ID,Gift Type,Gift Date,Gift Amount
1001,G1,Gift,2025-01-15,100.00
1003,G5,Recurring Gift,2025-01-25,10.00
1003,G6,Recurring Gift Pay-Cash,2025-01-25,10.00
1003,G7,Recurring Gift Pay-Cash,2025-02-25,10.00
"""
    customers, money, asked = answered(tmp_path, text)
    assert (customers, money, asked) == (2, 120.0, ["type=Recurring Gift:ignore"])


def test_who_pays_is_the_customer_and_not_who_attends(tmp_path):
    text = """
Order #,Order Date,Email,Ticket Type,Total Paid,Buyer Email
1001,2025-01-05,ann@x.example,Standard,30.00,ann@x.example
1001,2025-01-05,friend@x.example,Standard,30.00,ann@x.example
1002,2025-01-06,bob@x.example,Standard,30.00,bob@x.example
1004,2025-03-01,ann@x.example,Student,15.00,ann@x.example
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 105.0)
    assert "'Buyer Email', the payer's, was used" in told
    text = """
Invoice #,Date,Client ID,Client,Patient ID,Item,Amount
880,2025-01-15,C1,Aa Ann,4401,Consultation,45.00
880,2025-01-15,C1,Aa Ann,4402,Vaccination,30.00
881,2025-01-16,C2,Bb Bob,4403,Worming,12.00
"""
    assert found(tmp_path, text)[:2] == (2, 87.0)


def test_a_line_that_stands_once_for_each_of_its_payments_is_asked_about(tmp_path):
    text = """
Sale Date,Client ID,Sale ID,Item Name,Item Total,Total Paid w/ Payment Method,Payment Method
2025-01-15,100015,3001,10 Class Card,100.00,100.00,Visa
2025-01-16,100016,3002,Drop In,25.00,25.00,Cash
2025-02-17,100016,3003,Massage,60.00,20.00,Cash
2025-02-17,100016,3003,Massage,60.00,40.00,Visa
"""
    customers, money, asked = answered(tmp_path, text)
    assert (customers, money, asked) == (2, 185.0, ["amount=Total Paid w/ Payment Method"])


def test_items_in_numbered_columns_are_added_up(tmp_path):
    text = """
order_id,order_date,email,item1,qty1,price1,item2,qty2,price2,item3,qty3,price3
1,2025-01-05,ann@x.example,Mug,2,10.00,Pen,1,5.00,,,
2,2025-01-06,bob@x.example,Bag,1,20.00,,,,,,
3,2025-02-06,bob@x.example,Mug,1,10.00,Pen,3,5.00,Cap,1,7.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 77.0)
    assert (
        "Columns ['price1', 'price2', 'price3'] were summed, each multiplied by ['qty1', 'qty2', 'qty3'],"
        in told
    )
    text = """
Order;Date;Customer;Item 1 total;Item 2 total;Order total
1;2025-01-05;ann;20,00;5,00;27,90
2;2025-01-06;bob;20,00;;22,90
"""
    assert found(tmp_path, text)[:2] == (2, 50.8)


def test_numbered_columns_of_money_that_fill_every_line_are_refused(tmp_path):
    text = """
customer,date,amount1,amount2,amount3
ann,2025-01-05,10,20,30
bob,2025-01-05,40,50,60
"""
    with pytest.raises(InputError, match="contains money, and no column contains the sum"):
        found(tmp_path, text)


def test_a_row_for_each_subscriber_is_no_purchase(tmp_path):
    text = """
Email,Name,Start date,Subscription type,Revenue
ann@x.example,Ann,2024-03-05,monthly,120.00
bob@x.example,Bob,2023-05-06,annual,160.00
cy@x.example,Cy,2024-06-07,monthly,84.00
"""
    with pytest.raises(QuestionsError, match="each of the 3 rows has a different customer and its own date"):
        found(tmp_path, text)


def test_money_in_another_column_and_prices_of_one_item_are_told(tmp_path):
    text = """
Date,Customer,Order,Amount USD,Amount EUR
2025-01-05,Ann,1,100.00,
2025-01-06,Bob,2,,80.00
2025-02-05,Ann,3,50.00,
"""
    told = found(tmp_path, text, mapping={"amount": "Amount USD"})[2]
    assert "'Amount EUR' contains 80.00 on 1 line with a blank 'Amount USD'" in told
    text = """
Visit Date,Guest ID,Phone,Party Size,POS Check ID,POS Total
2025-01-05,G1,0900000001,2,C1,100.00
2025-01-06,G2,0900000002,4,,
2025-02-05,G1,0900000001,2,C3,50.00
"""
    assert "with a blank" not in found(tmp_path, text)[2]
    text = """
acct_id,num_seats,purchase_price,block_purchase_price,order_num,add_datetime
11,2,60.00,120.00,9001,2025-01-15
12,1,60.00,60.00,9002,2025-01-16
11,3,30.00,90.00,9004,2025-02-21
"""
    told = found(tmp_path, text, mapping={"amount": "purchase_price"})[2]
    assert "'block_purchase_price' equals 'purchase_price' times 'num_seats' on nearly all lines" in told


def test_an_export_that_names_no_customer_says_that_nothing_can_be_learned(tmp_path):
    text = """
SKU,Title,Units,Begin Date,Country Code,Customer Price
gems100,Gems,3,2025-01-05,US,4.99
gems500,Gems,1,2025-01-05,US,9.99
"""
    with pytest.raises(QuestionsError, match="No heading mentions customers"):
        found(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        (
            """
伝票番号,売上日,得意先名,数量,金額
１００１,令和７年１月５日,田中,２,"１，２３４円"
１００２,令和７年１月６日,鈴木,１,"５，０００円"
１００３,令和７年２月２５日,田中,１,９８０円
""",
            (2, 7214.0),
        ),
        (
            """
شماره فاکتور,تاریخ,نام مشتری,مبلغ کل,وضعیت
۱۰۱,۱۴۰۳/۱۰/۱۶,علی,"۱٬۵۰۰٬۰۰۰",پرداخت شده
۱۰۲,۱۴۰۳/۱۰/۱۷,مریم,"۸۰۰٬۰۰۰",پرداخت شده
۱۰۳,۱۴۰۳/۱۱/۳۰,مریم,"۶۰۰٬۰۰۰",لغو شده
""",
            (2, 2300000.0),
        ),
        (
            """
מספר הזמנה,תאריך הזמנה,שם לקוח,סכום כולל,סטטוס
101,15/01/2025,דנה,₪120.50,הושלם
102,16/01/2025,יוסי,₪80.00,הושלם
103,17/02/2025,יוסי,₪60.00,בוטל
""",
            (2, 200.5),
        ),
    ],
    ids=["japanese", "persian", "hebrew"],
)
def test_headings_dates_and_digits_of_other_scripts_are_read(tmp_path, text, truth):
    assert found(tmp_path, text)[:2] == truth


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        (
            """
주문번호,주문일시,주문자명,결제금액,주문상태
1,2025년 1월 5일 오후 2:30,김민수,"39,000원",배송완료
2,2025년 1월 6일 오전 9:10,이영희,"12,000원",구매확정
3,2025년 2월 7일 오전 11:00,이영희,"20,000원",취소완료
""",
            (2, 51000.0),
        ),
        (
            """
Číslo objednávky;Datum vytvoření;Zákazník;Cena celkem;Stav
1;5. 1. 2025 14:30;Jana;1 250,00;Vyřízena
2;16. 1. 2025 9:10;Petr;349,00;Vyřízena
3;7. 2. 2025 10:00;Petr;200,00;Stornována
""",
            (2, 1599.0),
        ),
        (
            """
رقم الطلب,تاريخ الطلب,اسم العميل,الإجمالي,حالة الطلب
1,5 يناير 2025,أحمد,120.50 ر.س,مكتمل
2,6 أغسطس 2025,سارة,80.00 ر.س,مكتمل
3,17 فبراير 2025,سارة,60.00 ر.س,ملغي
""",
            (2, 200.5),
        ),
        (
            """
Номер чека;Дата и время;Признак расчета;Покупатель;Сумма чека
101;05.01.2025 14:30:00;Приход;ivan@x.example;1 250,50
102;06.01.2025 09:10:00;Приход;petr@x.example;349,00
103;17.01.2025 10:00:00;Возврат прихода;petr@x.example;349,00
""",
            (1, 1250.5),
        ),
        (
            """
Αρ. Παραστατικού;Ημερομηνία;Επωνυμία Πελάτη;Καθαρή Αξία;ΦΠΑ;Συνολική Αξία
101;15/01/2025;Παπαδόπουλος;120,50;28,92;149,42
102;16/01/2025;Νικολάου;80,00;19,20;99,20
103;17/02/2025;Παπαδόπουλος;45,00;10,80;55,80
""",
            (2, 245.5),
        ),
    ],
    ids=["korean", "czech", "arabic", "russian", "greek"],
)
def test_months_and_headings_of_more_languages_are_read(tmp_path, text, truth):
    assert found(tmp_path, text)[:2] == truth


def test_months_are_read_in_the_languages_of_headings(tmp_path):
    days = [
        "5 Maret 2025",
        "6 Ιουνίου 2025",
        "7 toukokuuta 2025",
        "8 באוגוסט 2025",
        "9 กุมภาพันธ์ 2025",
        "10 октября 2025",
    ]
    lines = [f"{number},{day},c{number},1.50" for number, day in enumerate(days)]
    path = tmp_path / "export.csv"
    path.write_text("\n".join(["order,date,customer,total", *lines]), encoding="utf-8")
    months = clean(read(path)).log["timestamp"].dt.month.tolist()
    assert sorted(months) == [2, 3, 5, 6, 8, 10]


def test_a_second_table_of_the_same_width_is_refused(tmp_path):
    text = """
Order,Date,Customer,Total
1,2025-01-15,ann,20.00
2,2025-01-16,bob,30.00

SKU,Counted,Location,Value
A,2025-02-28,Shelf 1,400.00
"""
    with pytest.raises(
        InputError, match="second table with the columns \\['SKU', 'Counted', 'Location', 'Value'\\]"
    ):
        found(tmp_path, text)


def test_cells_merged_over_rows_give_each_row_their_text_but_no_money(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Customer", "Order", "Date", "Total"])
    for day, (customer, order, total) in enumerate(
        [("ann", 1, 20.0), (None, 2, 10.0), ("bob", 3, 30.0), ("bob", 3, None)]
    ):
        sheet.append([customer, order, datetime.date(2025, 1, 5 + day), total])
    sheet.merge_cells("A2:A3")
    sheet.merge_cells("D4:D5")
    book.save(tmp_path / "merged.xlsx")
    cleaned = clean(read(tmp_path / "merged.xlsx"))
    assert cleaned.log.groupby("customer_id")["amount"].sum().to_dict() == {"ann": 30.0, "bob": 30.0}
    assert "cells merged over several rows" in " ".join(cleaned.report.notes)


def test_records_inside_parquet_and_feather_are_read_as_those_of_json(tmp_path):
    items = [
        [{"sku": "A", "qty": 2, "price": 10.0}, {"sku": "B", "qty": 1, "price": 5.0}],
        [{"sku": "C", "qty": 1, "price": 30.0}],
    ]
    table = pa.table(
        {
            "order_id": [1, 2],
            "buyer": [{"email": "ann@x.example"}, {"email": "bob@x.example"}],
            "date": [datetime.date(2025, 1, 5), datetime.date(2025, 1, 6)],
            "items": items,
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "orders.parquet")
    pyarrow.feather.write_feather(table, str(tmp_path / "orders.feather"))
    for source in (tmp_path / "orders.parquet", tmp_path / "orders.feather", table):
        cleaned = clean(read(source))
        assert cleaned.log.groupby("customer_id")["amount"].sum().to_dict() == {
            "ann@x.example": 25.0,
            "bob@x.example": 30.0,
        }


def test_a_list_of_words_in_a_column_is_no_fault(tmp_path):
    table = pa.table(
        {
            "customer": ["a", "b"],
            "date": ["2025-01-05", "2025-01-06"],
            "amount": [1.0, 2.0],
            "tags": [["x"], []],
        }
    )
    assert clean(read(table)).report.money_kept == 3.0


def test_a_sqlite_file_is_read_by_its_path(tmp_path):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table orders (customer text, date text, amount real)")
        database.execute("insert into orders values ('a', '2025-01-05', 9.5)")
        database.commit()
    assert clean(read(path)).report.money_kept == 9.5
    with pytest.raises(InputError, match=r"no table called 'sales'|sales"):
        read(path, table="sales")
    path.write_bytes(b"SQLite format 3\0" + bytes(84))
    with pytest.raises(InputError, match=r"sqlite:///.*shop\.db cannot be read"):
        read(path)


def test_credits_that_a_text_calls_payments_are_first_offered_as_such(tmp_path):
    text = """
Date,Doc No,Account,Description,Debit,Credit
2025-01-05,INV1,Acme,Invoice,1200.00,
2025-01-06,INV2,Beta,Invoice,800.00,
2025-02-01,PAY1,Acme,Payment received,,1200.00
"""
    assert answered(tmp_path, text) == (2, 2000.0, ["credit="])
    customers, money, asked = answered(tmp_path, text.replace("Payment received", "Goods returned"))
    assert (customers, money, asked) == (1, 800.0, ["credit=Credit,type=Description"])


def test_numbered_taxes_are_no_items_and_sale_next_to_return_is_no_status(tmp_path):
    text = """
Order,Date,Customer,Tax 1 Amount,Tax 2 Amount,Charge
1,2025-01-15,ann,2.00,,22.00
2,2025-01-16,bob,3.00,1.00,34.00
"""
    assert answered(tmp_path, text) == (2, 56.0, ["amount=Charge"])
    text = """
Date,Customer,Receipt,Transaction Status,Amount
2025-01-15,ann,1,Sale,20.00
2025-01-16,bob,2,Sale,30.00
2025-01-20,bob,3,Return,30.00
"""
    assert found(tmp_path, text)[:2] == (1, 20.0)


def test_a_line_of_words_is_no_second_table_where_its_customer_bought_elsewhere(tmp_path):
    text = """
customer,date,amount
ann,2025-01-15,20.00
ann,unknown,free
bob,2025-02-15,12.50
"""
    assert found(tmp_path, text)[:2] == (2, 32.5)
