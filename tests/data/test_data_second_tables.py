"""Refunds in a table of their own, dumps of SQL, groups and days that a report names once, and signs of accounts."""

import zipfile

import pandas as pd
import pytest

from cltv_ml.columns.questions import QuestionsError
from cltv_ml.data import clean, read
from cltv_ml.errors import InputError
from tests.data.test_data_sources import workbook

SALES = [
    ["Order No", "Order Date", "Customer No", "Order Total"],
    *[[n, f"2025-01-{n:02}", f"C{n % 3}", 10.0 * n] for n in range(1, 13)],
]
RETURNS = [
    ["Return No", "Return Date", "Order No", "Refund Amount"],
    [91, "2025-02-01", 3, 30.0],
    [92, "2025-02-02", 4, 15.0],
]
TAKEN = 780.0 - 45.0


def text(rows, sign=","):
    return "\n".join(sign.join(map(str, row)) for row in rows) + "\n"


def kept(source, mapping=None, **given):
    return clean(read(source, mapping, **given)).report.money_kept


def test_a_sheet_of_refunds_with_its_own_columns_is_subtracted(tmp_path):
    raw = read(workbook(tmp_path / "shop.xlsx", Sales=SALES, Returns=RETURNS))
    assert clean(raw).report.money_kept == TAKEN
    assert "'Return Date' as 'Order Date', 'Refund Amount' as 'Order Total'" in " ".join(raw.notes)


def test_a_file_of_refunds_next_to_the_sales_is_subtracted(tmp_path):
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as packed:
        packed.writestr("sales.csv", text(SALES))
        packed.writestr("refunds.csv", text(RETURNS))
    assert kept(tmp_path / "shop.zip") == TAKEN


def test_refunds_below_the_sales_are_subtracted(tmp_path):
    assert kept(workbook(tmp_path / "shop.xlsx", Shop=[*SALES, [], ["Refunds"], *RETURNS])) == TAKEN


def test_a_sheet_of_refunds_without_an_amount_is_named(tmp_path):
    with pytest.raises(
        InputError,
        match=r"'Returns' seems to hold refunds.*timestamp, amount, customer_id: \['Return No', 'Reason'\]",
    ):
        read(
            workbook(
                tmp_path / "shop.xlsx",
                Sales=SALES,
                Returns=[["Return No", "Reason"], ["x", "size"], ["y", "late"]],
            )
        )


CREATE = "CREATE TABLE `orders` (\n `id` int, `day` date,\n `customer` varchar(9), `total` decimal(9,2),\n"
CREATE += " KEY `d` (`day`)\n);\n"
VALUES = ",\n".join(f"({no},'{day}','O''Neil {who}',{total})" for no, day, who, total in SALES[1:])
INSERT = "INSERT [dbo].[Orders] ([id], [day], [customer], [total]) VALUES "
SCRIPT = "USE [Shop]\nGO\n" + "".join(
    f"{INSERT}({no}, CAST(N'{day}' AS Date), N'{who}', {total})\n" for no, day, who, total in SALES[1:]
)
COPY = (
    "-- dump\nCOPY public.orders (id, day, customer, total) FROM stdin;\n" + text(SALES[1:], "\t") + "\\.\n"
)


@pytest.mark.parametrize(
    "dump",
    [f"-- MySQL dump\n{CREATE}INSERT INTO `orders` VALUES {VALUES};\n", SCRIPT, COPY],
    ids=["mysql", "sql_server", "postgres"],
)
def test_a_dump_of_sql_is_read_as_its_table(tmp_path, dump):
    (tmp_path / "dump.sql").write_text(dump)
    cleaned = clean(read(tmp_path / "dump.sql"))
    assert (cleaned.report.money_kept, cleaned.log["customer_id"].nunique()) == (780.0, 3)


def test_a_dump_of_several_tables_names_them(tmp_path):
    (tmp_path / "dump.sql").write_text(COPY + COPY.replace("public.orders", "public.offers"))
    with pytest.raises(InputError, match=r"several tables.*--query orders.*\['orders', 'offers'\]"):
        read(tmp_path / "dump.sql")
    assert kept(tmp_path / "dump.sql", table="offers") == 780.0


def test_dumps_keep_schemas_apart_and_set_lines_with_invalid_bytes_aside(tmp_path):
    (tmp_path / "dump.sql").write_text(COPY + COPY.replace("public.orders", "archive.orders"))
    with pytest.raises(InputError, match=r"\['orders', 'archive.orders'\]"):
        read(tmp_path / "dump.sql")
    rows = "".join(f"{number}\t2024-01-03\tJürgen{number % 3}\t1.50\n" for number in range(20)).encode()
    head = b"COPY orders (id, day, customer, total) FROM stdin;\n"
    (tmp_path / "dump.sql").write_bytes(head + rows.replace("ü".encode(), b"\xfc", 1) + b"\\.\n")
    cleaned = clean(read(tmp_path / "dump.sql"))
    assert (len(cleaned.log), cleaned.log["customer_id"].nunique()) == (19, 3)


def test_names_of_groups_stand_before_those_of_their_columns(tmp_path):
    groups = [["Order", "", "Customer", "Amount"], ["No.", "Date", "No.", "Total"], *SALES[1:]]
    (tmp_path / "a.csv").write_text(text(groups))
    raw = read(tmp_path / "a.csv")
    assert raw.mapping["customer_id"] == "Customer No."
    assert "two rows, which were joined, as in ['Order No.', 'Order Date'" in " ".join(raw.notes)
    assert kept(workbook(tmp_path / "shop.xlsx", Shop=groups)) == 780.0


def test_days_without_a_year_take_the_only_one_in_a_title(tmp_path):
    rows = [["Sales journal 2024"], ["Day", "Receipt", "Customer", "Total"]]
    rows += [[f"{day[8:]}.{day[5:7]}.", no, who, total] for no, day, who, total in SALES[1:]]
    (tmp_path / "a.csv").write_text(text(rows))
    assert set(clean(read(tmp_path / "a.csv")).log["timestamp"].dt.year) == {2024}


def test_each_day_named_once_above_its_total_holds_for_its_lines(tmp_path):
    rows = [["Date", "Ticket", "Customer", "Total"]]
    for day in ("2025-01-01", "2025-01-02", "2025-01-03"):
        rows += [[day, f"{day}a", "A", 5.0], ["", f"{day}b", "B", 2.0], [f"Total {day}", "", "", 7.0]]
    (tmp_path / "a.csv").write_text(text(rows))
    assert kept(tmp_path / "a.csv") == 21.0


def test_customers_alone_in_the_column_of_days_are_offered_first(tmp_path):
    rows = [["Invoice Date", "Number", "Tax", "Gross"]]
    for who in ("Ada", "Bob", "Cleo"):
        lines = [[day, f"{who[0]}{no}", 1.0, 6.0 * no] for no, day, *_ in SALES[1:5]]
        rows += [[who, "", "", ""], *lines, [f"Total {who}", "", 4.0, 60.0]]
    (tmp_path / "a.csv").write_text(text(rows))
    with pytest.raises(QuestionsError) as raised:
        read(tmp_path / "a.csv")
    assert raised.value.questions[0].answers[0] == "customer_id=group heading"
    assert kept(tmp_path / "a.csv", {"customer_id": "group heading"}) == 180.0


def test_headings_of_groups_may_be_lines_of_one_field(tmp_path):
    lines = ["Shop report", ",Date,Num,Amount"]
    for who in ("Ada", "Bob", "Cleo"):
        lines += [
            who,
            *(f",{day},{who[0]}{no},{total}" for no, day, _, total in SALES[1:5]),
            f"Total for {who},,,100",
        ]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    assert kept(tmp_path / "a.csv", {"customer_id": "column_1"}) == 300.0


def signed(sign):
    frame = pd.DataFrame(SALES[1:], columns=["Doc", "Date", "Customer", "Amount"])
    frame["Amount"] *= sign
    frame.loc[len(frame)] = [3, "2025-02-01", "C0", -30.0 * sign]
    return frame


def test_sales_booked_below_zero_are_sales():
    assert kept(signed(-1)) == kept(signed(1)) == 750.0
    assert "sign was reversed" in " ".join(clean(read(signed(-1))).report.notes)


def test_amounts_that_are_all_below_zero_are_asked_about():
    frame = signed(-1).iloc[:12]
    with pytest.raises(QuestionsError, match="all 12 amounts in column 'Amount' are below 0") as raised:
        read(frame)
    assert raised.value.questions[0].answers == ("amount=Amount,credit=Amount", "credit=")
    assert kept(frame, {"amount": "Amount", "credit": "Amount"}) == 780.0


def test_an_event_that_cancels_an_order_undoes_its_sale_alone():
    events = [["Placed Order", no, day, who, total] for no, day, who, total in SALES[1:]]
    events += [["Ordered Product", no, day, who, total] for no, day, who, total in SALES[1:]]
    events += [["Cancelled Order", 3, "2025-02-01", "C0", 30.0]]
    frame = pd.DataFrame(events, columns=["Metric", "Order ID", "Date", "Customer", "Value"])
    assert kept(frame, {"type": "Metric", "amount": "Value"}) == 750.0


def test_gross_sales_next_to_a_discount_are_asked_about_unless_another_column_tells():
    frame = pd.DataFrame(SALES[1:], columns=["Order", "Date", "Customer", "Gross Sales"])
    frame["Discount"] = 2.5
    with pytest.raises(QuestionsError, match="price_discounted"):
        kept(frame)
    frame["Charged amount"] = frame["Gross Sales"] - 2.5
    assert kept(frame, {"amount": "Gross Sales", "discount": "Discount"}) == 750.0


def test_a_discount_of_one_item_is_multiplied_where_a_net_line_shows_it():
    lines = [
        [n, f"2025-01-{n:02}", f"C{n % 3}", 1 + n % 3, 10.0, 2.0, 8.0 * (1 + n % 3)] for n in range(1, 13)
    ]
    names = ["Order", "Date", "Customer", "Qty", "Unit price", "Unit discount", "Net line"]
    mapping = {"unit_price": "Unit price", "quantity": "Qty", "discount": "Unit discount"}
    assert kept(pd.DataFrame(lines, columns=names), mapping) == 8.0 * 24


def test_money_in_the_shop_s_currency_needs_no_rates():
    frame = pd.DataFrame(SALES[1:], columns=["Order", "Date", "Customer", "Amount (local currency)"])
    frame["Currency"] = ["GBP", "USD"] * 6
    frame["Amount (document currency)"] = frame["Amount (local currency)"] / frame["Currency"].map(
        {"GBP": 1.25, "USD": 1}
    )
    assert kept(frame) == 780.0
