"""Tables and records of web pages, XML, OpenDocument and JSON: their parts, repeated rows, notes and inner lists."""

import json
import zipfile

import pytest

from cltv_ml.data import clean, read
from cltv_ml.errors import InputError
from cltv_ml.sources.inner_lists import expand_lists

HEADINGS = ["Customer", "Date", "Order", "Amount"]
SALES = [[f"C{n % 3}", f"2025-01-{n:02}", f"R{n}", f"{n}.50"] for n in range(1, 13)]
REFUNDS = [SALES[3]]


def page(**tables):
    """Return a web page with each table below its title."""
    return "".join(
        f"<h2>{title}</h2><table>"
        + "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in [HEADINGS, *rows])
        + "</table>"
        for title, rows in tables.items()
    )


def spreadsheet(**sheets):
    """Return a workbook as Excel's XML."""
    return (
        '<?xml version="1.0"?><Workbook xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
        + "".join(
            f'<Worksheet ss:Name="{title}"><Table>'
            + "".join(
                f"<Row>{''.join(f'<Cell><Data>{cell}</Data></Cell>' for cell in row)}</Row>"
                for row in [HEADINGS, *rows]
            )
            + "</Table></Worksheet>"
            for title, rows in sheets.items()
        )
    )


def document(times=1, **sheets):
    """Return the content of an OpenDocument sheet, whose rows of data are repeated."""
    return '<?xml version="1.0"?><office:document-content>' + "".join(
        f'<table:table table:name="{title}">'
        + "".join(
            f'<table:table-row table:number-rows-repeated="{times if place else 1}">'
            + "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in row)
            + "</table:table-row>"
            for place, row in enumerate([HEADINGS, *rows])
        )
        + '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row></table:table>'
        for title, rows in sheets.items()
    )


def kept(folder, content, name):
    if name.endswith(".ods"):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("content.xml", content)
    else:
        (folder / name).write_text(content)
    report = clean(read(folder / name)).report
    return report.money_kept, " ".join(report.notes)


@pytest.mark.parametrize(
    ("write", "name"),
    [(page, "a.html"), (spreadsheet, "a.xls"), (document, "a.ods")],
    ids=["page", "xml", "ods"],
)
def test_tables_of_one_header_are_one_and_refunds_are_subtracted(tmp_path, write, name):
    money, told = kept(tmp_path, write(January=SALES[:7], February=SALES[7:]), name)
    assert money == 84.0
    assert "2 tables were read as one table: January (from row 1), February (from row 8)" in told
    money, told = kept(tmp_path, write(Sales=SALES, Refunds=REFUNDS), name)
    assert money == 84.0 - 4.5


def test_a_row_that_a_document_repeats_counts_as_often(tmp_path):
    rows = [["C1", "2025-01-05", "", "2.50"], ["C2", "2025-01-06", "", "1.00"]]
    assert kept(tmp_path, document(1200, Sales=rows), "a.ods")[0] == 1200 * 3.5


def test_notes_on_a_cell_are_not_part_of_its_value(tmp_path):
    noted = spreadsheet(Sales=SALES).replace(
        "<Data>4.50</Data>", "<Data>4.50</Data><Comment><ss:Data>12</ss:Data></Comment>"
    )
    assert kept(tmp_path, noted, "a.xls")[0] == 84.0
    noted = document(Sales=SALES).replace(
        "<text:p>4.50", "<office:annotation><text:p>1</text:p></office:annotation><text:p>4.50"
    )
    assert kept(tmp_path, noted, "a.ods")[0] == 84.0


def test_lines_inside_elements_of_their_own_are_read_one_by_one(tmp_path):
    orders = "".join(
        f"<order><id>{order}</id><customer>{who}</customer><date>{day}</date><items>"
        + "".join(
            f"<item><sku>{sku}</sku><qty>2</qty><price>{money}</price></item>"
            for sku in "AB"[: 1 + (who == "C1")]
        )
        + "</items></order>"
        for who, day, order, money in SALES
    )
    money, told = kept(tmp_path, f"<orders>{orders}</orders>", "a.xml")
    assert money == 2 * (84.0 + 1.5 + 4.5 + 7.5 + 10.5)
    assert "The list 'items.item' of each record was read as 16 rows" in told


def test_lines_next_to_lists_without_money_are_read_one_by_one(tmp_path):
    orders = [
        {
            "id": order,
            "customer": {"id": who, "addresses": [{"city": "Ulm"}]},
            "created_at": day,
            "lines": {
                "has_more": False,
                "data": [{"sku": "A", "qty": 2, "price": money}, {"sku": "B", "qty": 1, "price": 0.5}],
            },
        }
        for who, day, order, money in SALES
    ]
    money, told = kept(tmp_path, json.dumps(orders), "a.json")
    assert money == 2 * 84.0 + 12 * 0.5
    assert "The list 'lines.data' of each record was read as 24 rows" in told


def customers(key, **own):
    """Return customers with a list of dated orders, each with its lines or its total."""
    found = {}
    for who, day, order, money in SALES:
        lines = (
            {"items": [{"sku": "A", "qty": 2, "price": float(money) / 2}]}
            if own.get("lines")
            else {"total": money}
        )
        found.setdefault(who, []).append({"order_id": order, "date": day, **lines})
    spent = {} if own.get("lines") else {"joined": "2024-05-01", "total_spent": "999.50"}
    return json.dumps([{"customer": who, **spent, key: orders} for who, orders in found.items()])


def test_orders_inside_customers_are_the_sales_whatever_the_customers_spent(tmp_path):
    money, told = kept(tmp_path, customers("orders"), "a.json")
    assert money == 84.0
    assert "The money of the records themselves, ['total_spent'], was left out." in told
    assert kept(tmp_path, customers("orders", lines=True), "b.json")[0] == 84.0
    assert clean(read(tmp_path / "a.json")).log["order_id"].nunique() == 12


def test_an_inner_list_of_dated_money_that_is_not_read_is_named():
    _, [told] = expand_lists(json.loads(customers("history")))
    assert told.startswith(
        "The list 'history' of each record has 12 entries with money and days of their own"
    )


def test_columns_of_lists_are_records(tmp_path):
    names = [name.lower() for name in HEADINGS]
    assert (
        kept(tmp_path, json.dumps(dict(zip(names, zip(*SALES, strict=True), strict=True))), "a.json")[0]
        == 84.0
    )


@pytest.mark.parametrize("sign", ["\x0c", "\x0b", "\x1e", "\x85", "\u2028"])
def test_signs_that_end_no_line_lose_no_line(tmp_path, sign):
    lines = [",".join(line) for line in [HEADINGS, *SALES]]
    assert kept(tmp_path, f"Report{sign}Page 1\n" + "\n".join(lines) + "\n", "a.csv")[0] == 84.0
    records = [dict(zip(HEADINGS, line, strict=True), note=f"a{sign}b") for line in SALES]
    content = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    assert kept(tmp_path, content, "a.jsonl")[0] == 84.0


def test_records_called_as_rows_of_web_pages_are_records(tmp_path):
    rows = "".join(
        f"<tr><who>{a}</who><day>{b}</day><number>{c}</number><sum>{d}</sum></tr>" for a, b, c, d in SALES
    )
    (tmp_path / "a.xml").write_text(f"<list>{rows}</list>")
    mapping = {"customer_id": "who", "timestamp": "day", "amount": "sum"}
    assert clean(read(tmp_path / "a.xml", mapping)).report.money_kept == 84.0


def orders_with(**lists):
    items = [{"sku": "A", "quantity": 1, "price": "10.00"}, {"sku": "B", "quantity": 2, "price": "5.00"}]
    order = {"customer": "C1", "line_items": items, **lists}
    return [{"id": f"O{n}", "created_at": f"2024-01-{1 + n:02}T10:00:00Z", **order} for n in range(20)]


def cleaned_json(tmp_path, records, **how):
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(records))
    return clean(read(path, **how))


def test_the_items_of_orders_are_read_next_to_other_lists_of_money(tmp_path):
    paid = cleaned_json(tmp_path, orders_with(payments=[{"method": "card", "amount": "24.00"}]))
    assert (paid.report.rows_in, paid.report.money_kept) == (40, 400)
    assert any("'payments' of each record, 20 entries with a total of 480.00" in n for n in paid.report.notes)
    shipped = cleaned_json(tmp_path, orders_with(shipping_lines=[{"title": "post", "price": "4.00"}]))
    assert shipped.report.money_kept == 400


def test_refunds_of_an_order_are_subtracted_once_from_its_items(tmp_path):
    report = cleaned_json(tmp_path, orders_with(refunds=[{"id": 1, "amount": "5.00"}])).report
    assert (report.rows_in, report.money_kept) == (40, 20 * (20 - 5))


def test_a_list_of_money_can_be_chosen_where_several_may_be_the_sales(tmp_path):
    records = orders_with(payments=[{"method": "card", "amount": "24.00"}])
    assert cleaned_json(tmp_path, records, table="payments").report.money_kept == 480
    for record in records:
        record["tickets"] = record.pop("line_items")
    with pytest.raises(InputError, match=r"several lists with money, .*--query payments"):
        cleaned_json(tmp_path, records)
    assert cleaned_json(tmp_path, records, table="tickets").report.money_kept == 400
