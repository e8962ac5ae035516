"""Dumps of SQL as programs and people write them: layouts, comments, escapes, columns in any order."""

import pytest

from cltv_ml.data import clean, read

ORDERS = [(f"R{n}", f"C{n % 3}", f"2025-01-{n:02}", 10.0 * n) for n in range(1, 13)]
INSERT = "INSERT INTO orders (order_id, customer, day, total) VALUES "


def rows(orders):
    return [f"('{no}', '{who}', '{day}', {total})" for no, who, day, total in orders]


def found(folder, dump):
    (folder / "dump.sql").write_text(dump)
    cleaned = clean(read(folder / "dump.sql"))
    log, report = cleaned.log, cleaned.report
    return report.money_kept, log["customer_id"].nunique(), log["order_id"].nunique(), " ".join(report.notes)


LAYOUTS = {
    "several_statements_on_a_line": "USE shop;\n" + " ".join(f"{INSERT}{row};" for row in rows(ORDERS)),
    "values_on_lines_of_their_own": "USE shop;\n"
    + "".join(
        f"INSERT INTO orders\n  (order_id, customer, day, total)\nVALUES\n  {row};\n" for row in rows(ORDERS)
    ),
    "replace": "".join(
        f"REPLACE INTO orders (order_id, customer, day, total) VALUES {row};\n" for row in rows(ORDERS)
    ),
    "an_old_statement_in_a_comment": f"USE shop;\n/* until 2024:\n{INSERT}('X1', 'C9', '2024-05-05', 999);\n*/\n"
    + f"-- {INSERT}('X2', 'C9', '2024-05-05', 999);\n"
    + "".join(f"{INSERT}{row};\n" for row in rows(ORDERS)),
    "commas_in_the_columns": "CREATE TABLE orders (order_id varchar(9) COMMENT 'number, of the shop', customer text "
    "DEFAULT 'a,b', day date, -- when, exactly\n total decimal(9,2) CHECK (total > 0), PRIMARY KEY (order_id, day));\n"
    + f"INSERT INTO orders VALUES {', '.join(rows(ORDERS))};\n",
    "columns_without_a_type": "CREATE TABLE orders(order_id, customer text, day, total);\n"
    + f"INSERT INTO orders VALUES {', '.join(rows(ORDERS))};\n",
    "names_and_types_in_brackets": "USE [Shop]\nGO\nCREATE TABLE [dbo].[orders]([order_id] [nvarchar](9) NOT NULL, "
    "[customer] [nvarchar](9) NULL, [day] [date] NULL, [total] [money] NULL)\nGO\n"
    + "".join(f"INSERT [dbo].[orders] VALUES {row}\nGO\n" for row in rows(ORDERS)),
    "columns_in_another_order": "USE shop;\n"
    + "".join(f"{INSERT}{row};\n" for row in rows(ORDERS[:6]))
    + "".join(
        f"INSERT INTO orders (total, day, order_id, customer) VALUES ({total}, '{day}', '{no}', '{who}');\n"
        for no, who, day, total in ORDERS[6:]
    ),
    "more_columns_in_later_statements": "USE shop;\n"
    + "".join(f"{INSERT}{row};\n" for row in rows(ORDERS[:6]))
    + "".join(
        f"INSERT INTO orders (order_id, tip, customer, day, total) VALUES ('{no}', '', '{who}', '{day}', {total});\n"
        for no, who, day, total in ORDERS[6:]
    ),
    "upsert": "USE shop;\n"
    + f"{INSERT}{', '.join(rows(ORDERS))} ON DUPLICATE KEY UPDATE total = VALUES(total);\nSET @x = 1;\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_row_of_a_dump_is_read_once(tmp_path, layout):
    assert found(tmp_path, LAYOUTS[layout])[:3] == (780.0, 3, 12)


def test_backslashes_escape_in_mysql_and_are_signs_elsewhere(tmp_path):
    who = [(no, ("Dom\\", "C1", "C2")[n % 3], day, total) for n, (no, _, day, total) in enumerate(ORDERS)]
    assert found(
        tmp_path, "SET client_encoding = 'UTF8';\n" + "".join(f"{INSERT}{row};\n" for row in rows(who))
    )[:3] == (780.0, 3, 12)
    who = [
        (no, ("O\\'Hara), (\\\\", "C1", "C2")[n % 3], day, total)
        for n, (no, _, day, total) in enumerate(ORDERS)
    ]
    assert found(tmp_path, "USE shop;\n" + "".join(f"{INSERT}{row};\n" for row in rows(who)))[:3] == (
        780.0,
        3,
        12,
    )


def test_changes_after_the_rows_are_reported(tmp_path):
    dump = "DELETE FROM orders;\n" + "".join(f"{INSERT}{row};\n" for row in rows(ORDERS))
    assert "changes or removes" not in found(tmp_path, dump)[3]
    dump += "UPDATE orders SET total = 0 WHERE order_id = 'R3';\nDELETE FROM orders WHERE order_id = 'R4';\n"
    assert (
        "'dump.sql' changes or removes rows after it added them (1 DELETE, 1 UPDATE)"
        in found(tmp_path, dump)[3]
    )


def test_a_folder_of_dumps_or_of_web_pages_is_read_as_one_table(tmp_path):
    for kind in ("sql", "html", "xml"):
        folder = tmp_path / kind
        folder.mkdir()
        for month in (1, 2):
            orders = [
                (f"O{month}{day}", f"C{day % 5}", f"2024-0{month}-{day:02}", "9.50") for day in range(1, 21)
            ]
            (folder / f"orders_{month}.{kind}").write_text(WRITTEN_AS[kind](orders))
        report = clean(read(folder)).report
        assert (report.rows_kept, report.money_kept) == (40, 380), kind
    (folder / "orders.csv").write_text("customer,date,total\nC1,2024-01-05,7\nC2,2024-01-06,8\n")
    report = clean(read(folder)).report
    assert report.money_kept == 15
    assert any("orders_1.xml" in note and "were not read" in note for note in report.notes)


def as_dump(orders):
    return (
        "CREATE TABLE orders (id varchar(9), customer varchar(9), created date, total decimal(9,2));\n"
        f"INSERT INTO orders VALUES {', '.join(map(str, orders))};\n"
    )


def as_page(orders):
    rows = [("order", "customer", "date", "total"), *orders]
    cells = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return f"<html><body><table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table></body></html>"


def as_records(orders):
    fields = ("id", "customer", "date", "total")
    records = (
        "".join(f"<{name}>{value}</{name}>" for name, value in zip(fields, order, strict=True))
        for order in orders
    )
    return f"<orders>{''.join(f'<order>{record}</order>' for record in records)}</orders>"


WRITTEN_AS = {"sql": as_dump, "html": as_page, "xml": as_records}
