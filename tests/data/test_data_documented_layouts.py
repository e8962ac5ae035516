"""Layouts that platforms document: small exports whose customers and money were worked out before each was read."""

import json

import pytest

from cltv_ml.data import QuestionsError, clean, read
from cltv_ml.errors import InputError

#: Layout -> text, customers and money. Each once gave other figures without a word.
READ = {
    "customers in brackets": (
        """
Date,Receipt,Customer,Amount Paid
2025-01-05,1,Ann,10.00
2025-01-06,2,(No Client),5.00
2025-01-07,3,Bob,20.00
2025-01-08,4,(No Client),6.00
2025-02-08,5,Ann,7.00
""",
        (2, 37.0),
    ),
    "order totals on lines, two orders on one day": (
        """
item_id,created_at,grand_total,batch,sku,Customer ID
1,2025-01-05,30,901,A,1
2,2025-01-05,30,901,B,1
3,2025-01-05,50,902,A,1
4,2025-01-05,50,902,C,1
5,2025-01-06,20,903,A,2
6,2025-01-06,20,903,B,2
7,2025-01-07,40,904,A,3
8,2025-01-07,40,904,D,3
"""
        + "".join(f"{n},2025-02-{n:02d},{n},9{n:02d},A,{n % 4 + 1}\n" for n in range(10, 20)),
        (4, 30 + 50 + 20 + 40 + sum(range(10, 20))),
    ),
    "a ledger's own currency": (
        """
Posting Date,Document No.,Customer No.,Currency Code,Amount,Amount (LCY)
2025-01-05,1,C1,,10.00,10.00
2025-01-06,2,C2,USD,20.00,16.00
2025-02-07,3,C1,,30.00,30.00
2025-02-08,4,C2,USD,10.00,8.00
""",
        (2, 64.0),
    ),
    "an amount that counts items": (
        """
code,date,email,orderItemAmount,orderItemUnitPrice,orderItemTotalPrice
1,2025-01-05,a@x.example,1,10.00,10.00
2,2025-01-06,b@x.example,2,20.00,40.00
3,2025-02-07,a@x.example,1,30.00,30.00
4,2025-02-08,b@x.example,3,10.00,30.00
""",
        (2, 110.0),
    ),
    "a refund sent and then made": (
        """
Psp Reference,Booking Date,Shopper Reference,Main Amount,Record Type
1,2025-01-05,S1,10.00,Sale
2,2025-01-06,S2,20.00,Sale
3,2025-01-07,S2,20.00,SentForRefund
4,2025-01-08,S2,20.00,Refunded
5,2025-02-08,S1,5.00,Sale
""",
        (1, 15.0),
    ),
    "the total of a line next to its price": (
        """
No,Date,Customer,Qty,Unit Price,Selling Price
1,2025-01-05,C1,2,10.00,20.00
2,2025-01-06,C2,1,20.00,20.00
3,2025-02-07,C1,3,5.00,15.00
4,2025-02-08,C2,2,4.00,8.00
""",
        (2, 63.0),
    ),
}


def found(folder, text, name="export.csv"):
    """Return customers and money of an export."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.lstrip("\n").encode())
    cleaned = clean(read(path))
    return cleaned.log["customer_id"].nunique(), round(cleaned.report.money_kept, 2)


@pytest.mark.parametrize("layout", READ)
def test_a_documented_layout_is_read(tmp_path, layout):
    text, truth = READ[layout]
    assert found(tmp_path, text) == truth


def test_one_list_of_sales_next_to_others_in_json_is_read(tmp_path):
    orders = [
        {"id": n, "customer_id": n % 2, "created_at": f"2025-0{n}-05", "total": f"{n}.50"} for n in (1, 2, 3)
    ]
    people = [{"id": 1, "name": "Ann", "orders_count": 2}]
    assert found(tmp_path, json.dumps({"customers": people, "orders": orders}), "a.json") == (2, 7.5)
    counted = [{**order, "created_at": 1_736_000_000} for order in orders]
    for others in ({"refunds": [{"id": 9}]}, {"store_orders": counted}):
        with pytest.raises(InputError, match="several lists"):
            found(tmp_path, json.dumps({"orders": orders, **others}), "a.json")


def test_titles_of_pages_are_left_out_of_columns_of_fixed_width(tmp_path):
    lines = [f"{n:<6}  {n % 9 + 13}/01/2025  Customer {n % 3:<7}  {n}.50" for n in range(1, 25)]
    head = [
        "ACME WHOLESALE LTD         SALES REGISTER       PAGE {}",
        "ORDER   DATE        CUSTOMER          AMOUNT",
    ]
    pages = [line for page in (0, 1) for line in [head[0].format(page), head[1], *lines[12 * page :][:12]]]
    assert found(tmp_path, "\n".join(pages) + "\n", "a.txt") == (3, sum(range(1, 25)) + 12.0)


def test_a_printed_ledger_with_accounts_above_their_documents_is_read(tmp_path):
    lines = [
        "ACME WHOLESALE LTD      SALES LEDGER       PAGE 1",
        "",
        "DATE        DOC TYPE  NUMBER        NET      GROSS",
    ]
    for account, name in enumerate(("ANN ABEL", "BEN HILL", "CLEO OLSEN", "DAN VARGA")):
        lines.append(f"ACCOUNT: C000{account}  {name}")
        lines += [
            f"1{day}/06/2024  INV       I{account}{day}       {day}5.00     {day}8.00 " for day in (1, 2, 3)
        ]
        lines += [f"20/06/2024  CRN       C{account}         5.00-     6.00-"] if account == 1 else []
        lines.append(f"ACCOUNT TOTAL{70 if account == 1 else 75:>21}.00")
    path = tmp_path / "ledger.txt"
    path.write_text("\r\n".join([*lines, f"GRAND TOTAL{295:>23}.00", "*** END OF REPORT ***"]))
    with pytest.raises(QuestionsError, match="customer_id=group heading"):
        read(path)
    cleaned = clean(read(path, {"customer_id": "group heading"}))
    assert cleaned.log["customer_id"].nunique() == 4
    assert cleaned.report.money_kept == 4 * 75 - 5


def test_an_order_export_in_shift_jis_is_read(tmp_path):
    rows = ["注文ID,注文日時,顧客番号,合計金額,発送状況"]
    rows += [f"A{n},2025-01-{n:02d} 10:00:00,{n % 3},{n}00,発送済み" for n in range(1, 10)]
    assert found(tmp_path, "\n".join(rows).encode("cp932")) == (3, 4500.0)


def test_cents_are_asked_about_where_earnings_are_whole(tmp_path):
    text = "id,purchased_at,user_id,amount,currency,earnings_usd\n"
    text += "".join(f"{n},2025-01-{n:02d},{n % 3},{n}900,USD,{n}811\n" for n in range(1, 9))
    with pytest.raises(
        QuestionsError, match="integers with a median of 5,400, and so are those in 'earnings_usd'"
    ):
        found(tmp_path, text)


@pytest.mark.parametrize(
    ("heading", "wrong"),
    [
        ("ID,Datetime,From,Amount,Note", "customer_id=ID"),
        ("E-Mail,Datetime,Fee,Amount,Note", "customer_id=E-Mail"),
        ("index,Datetime,Fee,Amount,Note", "customer_id=index"),
    ],
)
def test_no_answer_names_a_column_that_cannot_identify_customers(tmp_path, heading, wrong):
    first = {"ID": "{n}", "E-Mail": "me@shop.example", "index": "{n}"}[heading.split(",")[0]]
    rows = [f"{first.format(n=n)},2025-01-{n:02d},{n % 4}.25,{n}.50,note {n}" for n in range(1, 15)]
    with pytest.raises(QuestionsError, match="no column found for customer_id") as error:
        found(tmp_path, "\n".join([heading, *rows]))
    answers = [answer for question in error.value.questions for answer in question.answers]
    assert not {wrong, "customer_id=Fee"} & set(answers)


def test_the_currency_of_the_order_is_taken_rather_than_that_of_the_shop(tmp_path):
    text = """
increment_id,customer_id,base_currency_code,order_currency_code,base_grand_total,grand_total,created_at
1,1,EUR,EUR,10.00,10.00,2025-01-05
2,2,EUR,USD,20.00,22.00,2025-01-06
"""
    with pytest.raises(QuestionsError, match="If 'base_grand_total' is the same money"):
        found(tmp_path, text)


def test_a_second_price_is_asked_about_where_nearly_all_lines_have_one_item(tmp_path):
    text = "order_id,customer_id,date,unit_price,sale_price,quantity\n"
    text += "".join(
        f"{n},{n % 5},2025-01-{n % 28 + 1:02d},{n}.50,{n - 5 * (n % 30 == 9)}.50,1\n" for n in range(1, 61)
    )
    with pytest.raises(QuestionsError, match=r"\['unit_price', 'sale_price'\] contain different prices"):
        found(tmp_path, text)


def test_subscriptions_are_asked_about(tmp_path):
    text = "id,Customer ID,Quantity,Amount,Created (UTC),Current Period End (UTC)\n"
    text += "".join(f"s{n},c{n},1,19.00,2025-01-{n:02d} 10:00,2025-02-{n:02d} 10:00\n" for n in range(1, 9))
    with pytest.raises(QuestionsError, match="the period of a subscription in 'Current Period End"):
        found(tmp_path, text)


def test_lines_of_several_types_are_named(tmp_path):
    lines = ["HDR|EXP|20250601", *["ORD|1|20250105|C1|9.50", "LIN|1|A|1"] * 4, "TRL|8"]
    with pytest.raises(
        InputError, match=r"lines of 4 types, marked by their first field \(HDR with 3 fields"
    ):
        found(tmp_path, "\n".join(lines), "a.txt")


def test_thousands_are_the_first_answer_where_all_points_stand_before_three_digits(tmp_path):
    text = "No,Date,Customer,Amount\n" + "".join(f"{n},2025-01-0{n},C{n % 2},{n}.900\n" for n in range(1, 7))
    with pytest.raises(QuestionsError) as error:
        found(tmp_path, text)
    assert error.value.questions[0].answers == ("decimal=,", "decimal=.")


def test_lines_of_several_types_with_a_header_for_each_are_named_as_such(tmp_path):
    path = tmp_path / "settlement.csv"
    headers = [
        "H-SE;Settlement;Paid out;Amount",
        "H-PA;Payment;Created;Customer;Amount",
        "H-PO;Operation;Payment;Type;Amount",
    ]
    lines = [f"PA;P{n};2024-01-0{n};Ann;9.50\nPO;C{n};P{n};CAPTURE;9.50" for n in range(1, 6)]
    path.write_text("\n".join([*headers, "SE;S1;2024-02-01;47.50", *lines]), encoding="utf-8")
    with pytest.raises(InputError, match="has a header for each type and contains lines of 6 types"):
        read(path)


def test_the_number_of_a_sales_order_is_no_amount(tmp_path):
    lines = [
        f"{1000 + n},2025-01-{n:02d},CUST{n % 3},{('A', 'B')[n % 2]},{n},{n - n % 2},9.50"
        for n in range(1, 13)
    ]
    path = tmp_path / "orders.csv"
    path.write_text(
        "Sales Order,Order Dt,Customer No,Item,Qty Ordered,Qty Shipped,Unit Price\n" + "\n".join(lines)
    )
    with pytest.raises(QuestionsError, match="quantity=Qty Shipped"):
        read(path)
    raw = read(path, {"quantity": "Qty Shipped"})
    assert raw.mapping["order_id"] == "Sales Order"
    assert clean(raw).report.money_kept == 9.5 * sum(n - n % 2 for n in range(1, 13))


def test_a_text_as_long_as_a_document_is_no_level(tmp_path):
    long = "Adler Brandt " * 20_000
    lines = [f"{n},2025-01-{n:02d},C{n % 3},9.50,{long if n == 1 else ''}" for n in range(1, 13)]
    path = tmp_path / "orders.csv"
    path.write_text("order,date,customer,total,text\n" + "\n".join(lines))
    assert clean(read(path)).report.money_kept == 12 * 9.5
