"""Outputs of databases, of their tools and of standards, with customers and money worked out by hand."""

import json

import pandas as pd
import pytest

from cltv_ml.data import QuestionsError, clean, read
from cltv_ml.errors import InputError


def _figures(path):
    cleaned = clean(read(path))
    return cleaned.log["customer_id"].nunique(), cleaned.report.money_kept


def _change(op, before, after, time):
    return {"before": before, "after": after, "source": {"table": "orders"}, "op": op, "ts_ms": time}


def _row(number, customer, day, status, total):
    return {
        "id": number,
        "customer_id": customer,
        "created_at": f"2025-01-{day:02d}T10:00:00Z",
        "status": status,
        "total": total,
    }


def test_the_newest_state_of_streamed_changes_counts(tmp_path):
    first, second = _row(1, 7, 5, "pending", "10.00"), _row(2, 8, 6, "pending", "20.00")
    third = _row(3, 7, 9, "paid", "30.00")
    changes = [
        _change("c", None, first, 1736071200000),
        _change("u", first, first | {"status": "paid"}, 1736071300000),
        _change("c", None, second, 1736157600000),
        _change("u", second, second | {"status": "cancelled"}, 1736157700000),
        _change("c", None, third, 1736416800000),
    ]
    path = tmp_path / "topic.jsonl"
    path.write_text("\n".join(map(json.dumps, changes)))
    assert _figures(path) == (1, 40.0)


def test_values_with_their_types_are_read_as_dynamodb_writes_them(tmp_path):
    items = [
        {
            "Item": {
                "customerId": {"S": f"C{number % 2}"},
                "createdAt": {"S": f"2025-01-{number:02d}T10:00:00Z"},
                "total": {"N": f"{number}.50"},
                "gift": {"BOOL": False},
                "lines": {"L": [{"M": {"sku": {"S": "A"}}}]},
            }
        }
        for number in range(1, 5)
    ]
    path = tmp_path / "data.json"
    path.write_text("\n".join(map(json.dumps, items)))
    assert _figures(path) == (2, 12.0)


def test_the_sales_of_an_audit_file_are_found_among_its_customers_and_goods(tmp_path):
    invoice = (
        "<Invoice><InvoiceNo>{0}</InvoiceNo><DocumentStatus><InvoiceStatus>N</InvoiceStatus></DocumentStatus>"
        "<InvoiceDate>2025-01-0{1}</InvoiceDate><InvoiceType>{2}</InvoiceType><CustomerID>{3}</CustomerID>"
        "<Line><ProductCode>A</ProductCode></Line><Line><ProductCode>B</ProductCode></Line>"
        "<DocumentTotals><NetTotal>{4}</NetTotal></DocumentTotals></Invoice>"
    )
    customer = "<Customer><CustomerID>{0}</CustomerID><CompanyName>{1}</CompanyName></Customer>"
    path = tmp_path / "saft.xml"
    path.write_text(
        "<AuditFile><Header><StartDate>2025-01-01</StartDate></Header><MasterFiles>"
        + customer.format(1, "Ann")
        + customer.format(2, "Bob")
        + "</MasterFiles><SourceDocuments><SalesInvoices><TotalCredit>60.00</TotalCredit>"
        + invoice.format("FT A/1", 1, "FT", 1, "10.00")
        + invoice.format("FT A/2", 2, "FT", 2, "20.00")
        + invoice.format("FT A/3", 3, "FT", 1, "30.00")
        + invoice.format("NC A/1", 4, "NC", 2, "20.00")
        + "</SalesInvoices></SourceDocuments></AuditFile>"
    )
    assert _figures(path) == (1, 40.0)


CLIENTS = {
    "sqlcmd": """\
OrderID     CustomerID  OrderDate               TotalDue
----------- ----------- ----------------------- ---------------------
          1           7 2025-01-05 14:27:01.000                 10.00
          2           8 2025-01-06 12:20:28.000                 20.00
          3           7 2025-01-07 10:25:43.000                 30.00

(3 rows affected)
""",
    "SQL*Plus": """\
SQL> select order_id, customer_id, order_date, total from orders;


  ORDER_ID CUSTOMER_ID ORDER_DATE           TOTAL
---------- ----------- --------------- ----------
         1           7 05-JAN-25            10.00
         2           8 06-JAN-25            20.00

  ORDER_ID CUSTOMER_ID ORDER_DATE           TOTAL
---------- ----------- --------------- ----------
         3           7 07-JAN-25            30.00

3 rows selected.

SQL> spool off
""",
}


@pytest.mark.parametrize("client", CLIENTS)
def test_dashes_below_the_names_show_the_columns_of_a_client_of_a_database(tmp_path, client):
    path = tmp_path / "out.txt"
    path.write_text(CLIENTS[client])
    raw = read(path)
    cleaned = clean(raw)
    assert _figures(path) == (2, 60.0)
    assert set(cleaned.log["order_id"]) == {"1", "2", "3"}


def test_records_that_name_their_parent_are_parts_of_it(tmp_path):
    lines = []
    for number in range(1, 7):
        order = f"gid://shopify/Order/{number}"
        total = {"shopMoney": {"amount": f"{number}.50", "currencyCode": "EUR"}}
        owner = {"id": f"gid://shopify/Customer/{number % 2}"}
        day = f"2025-01-{number:02d}T10:00:00Z"
        lines.append({"id": order, "createdAt": day, "totalPriceSet": total, "customer": owner})
        price = {"shopMoney": {"amount": "0.50", "currencyCode": "EUR"}}
        for place in range(number):
            item = f"gid://shopify/LineItem/{number}{place}"
            lines.append({"id": item, "quantity": 1, "originalUnitPriceSet": price, "__parentId": order})
    path = tmp_path / "bulk.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    assert _figures(path) == (2, 24.0)


def test_a_file_of_stata_is_read_with_its_types(tmp_path):
    path = tmp_path / "orders.dta"
    days = pd.to_datetime(["2025-01-05", "2025-01-06", "2025-01-07"])
    frame = pd.DataFrame({"customer_id": [7, 8, 7], "order_date": days, "total": [10.0, 20.0, 30.0]})
    frame.to_stata(path, write_index=False)
    assert _figures(path) == (2, 60.0)
    path.write_bytes(b"no file of Stata")
    with pytest.raises(InputError, match=r"'orders\.dta' cannot be read as a file of Stata or SAS"):
        read(path)


@pytest.mark.parametrize(
    "time",
    ["2025-01-0{}-14.27.01.000000", "0{}JAN2025:14:27:01", "6387168642{}0000000"],
    ids=["DB2", "SAS", ".NET"],
)
def test_times_as_databases_write_them(tmp_path, time):
    """638716864210000000 ticks of 100 ns after the first day of the year 1 are 2025-01-05 12:27:01."""
    path = tmp_path / "orders.csv"
    rows = [f"{n},C{n % 2},{time.format(n)},9.50" for n in range(1, 7)]
    path.write_text("order_id,customer_id,order_date,total\n" + "\n".join(rows))
    log = clean(read(path)).log
    assert log["timestamp"].dt.strftime("%Y-%m").eq("2025-01").all()
    assert log["timestamp"].nunique() == 6


def test_an_ending_that_numbers_add_to_those_of_other_orders_is_asked_about(tmp_path):
    rows = [f"{100 + n},2025-01-{n:02d},C{n % 4},{n}.50" for n in range(1, 13)]
    back = [f"{100 + n}-R,2025-02-{n:02d},C{n % 4},{n}.50" for n in (2, 5, 7)]
    path = tmp_path / "orders.csv"
    path.write_text("Order,Date,Customer ID,Total\n" + "\n".join(rows + back))
    with pytest.raises(QuestionsError, match=r"unknown levels: 'R' \(3 lines, 15\.50\)"):
        clean(read(path))
    cleaned = clean(read(path, changes={"type": ["R:refund"]}))
    assert cleaned.report.money_kept == sum(n + 0.5 for n in range(1, 13)) - 2.5 - 5.5 - 7.5
    assert cleaned.log["order_id"].nunique() == 9
    path.write_text(
        "Order,Date,Customer ID,Total\n" + "\n".join(row.replace("-R", "-Z") for row in rows + back)
    )
    assert "type" not in read(path).mapping


def test_a_number_of_orders_is_no_order_number(tmp_path):
    rows = [f"2025-{n % 9 + 1:02d},{n % 5},{n % 3 + 1},{n}.50" for n in range(1, 31)]
    path = tmp_path / "months.csv"
    path.write_text("month,customer_id,orders,revenue\n" + "\n".join(rows))
    assert "order_id" not in read(path).mapping


def test_a_list_drawn_with_bars_whose_texts_name_orders_is_one_table(tmp_path):
    rule, line = "-" * 60, "|{:<10}|{:<8}|{:<10}|{:>13}|{:<14}|"
    head = line.format("Belegnr.", "Debitor", "Buch.dat.", "Betrag in HW", "Text")
    sold = [
        line.format(1000 + n, n % 3, f"0{n}.01.2025", f"{n}0,00 ", f"Rechnung {1000 + n}")
        for n in range(1, 9)
    ]
    back = [
        line.format(9000 + n, n % 3, f"2{n}.01.2025", f"{n}0,00-", f"Storno zu {1000 + n}") for n in (2, 4, 7)
    ]
    path = tmp_path / "alv.txt"
    path.write_text("\n".join(["Liste", rule, head, rule, *sold, *back, rule]))
    cleaned = clean(read(path))
    assert cleaned.report.mapping["cancels"] == "order named in text"
    assert cleaned.report.money_kept == 10.0 * (36 - 13)


@pytest.mark.parametrize(
    "message", ["UNA:+.? 'UNB+UNOA:1+SHOP+ME+250101:1200+1'", "ISA*00*          *00*          *ZZ*SHOP"]
)
def test_messages_of_edi_are_named_as_no_table(tmp_path, message):
    path = tmp_path / "invoices.edi"
    path.write_text(message)
    with pytest.raises(InputError, match="is not in a supported format"):
        read(path)
