"""Outputs of databases, of their tools and of standards, with customers and money worked out by hand."""

import json

import pytest

from cltv_ml.data import clean, read


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
