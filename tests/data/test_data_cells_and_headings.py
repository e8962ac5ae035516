"""Exports whose cells hold JSON, whose headings are values or whose lines repeat others, worked out by hand."""

import csv
import json

import pandas as pd
import pytest

from cltv_ml.data import QuestionsError, clean, read
from cltv_ml.errors import InputError


def _figures(source, mapping=None, **changes):
    cleaned = clean(read(source, mapping, changes=changes))
    return cleaned.log["customer_id"].nunique(), cleaned.report.money_kept


def _write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_json_in_cells_is_read_where_money_or_the_customer_is_only_there(tmp_path):
    sold = range(1, 7)
    records = [
        {
            "id": n,
            "created_at": f"2025-01-0{n}T10:00:00Z",
            "total_price": f"{n}.50",
            "customer": {"id": n % 3},
        }
        for n in sold
    ]
    loader = [
        {"_raw_id": f"x{n}", "_loaded_at": "2025-06-01", "_data": json.dumps(r)}
        for n, r in enumerate(records)
    ]
    assert _figures(_write(tmp_path / "raw.csv", loader)) == (3, 24.0)
    lines = [
        {
            "order_id": n,
            "user": f"C{n % 3}",
            "created": f"2025-01-0{n}",
            "items": json.dumps([{"sku": "A", "qty": 2, "price": f"{n}.50"}]),
        }
        for n in sold
    ]
    assert _figures(_write(tmp_path / "items.csv", lines)) == (3, 48.0)
    people = [
        {
            "id": n,
            "placed_at": f"2025-01-0{n}",
            "total": f"{n}.50",
            "customer": json.dumps({"id": n % 3, "city": f"{n}"}),
        }
        for n in sold
    ]
    assert _figures(_write(tmp_path / "people.csv", people)) == (3, 24.0)


def test_headings_that_are_customers_or_products_become_rows_after_an_answer():
    products = ["Mug", "Shirt", "Lamp", "Clock"]
    rows = [
        {
            "Customer": f"C{n % 3}",
            "Date": f"2025-01-{n:02d}",
            **{one: n + 0.5 if n % 4 == at else None for at, one in enumerate(products)},
        }
        for n in range(1, 13)
    ]
    with pytest.raises(QuestionsError, match="product_id=column headings") as asked:
        read(pd.DataFrame(rows))
    assert asked.value.questions[0].answers[0] == "product_id=column headings"
    assert _figures(pd.DataFrame(rows), {"product_id": "column headings"}) == (3, 84.0)
    names = [f"Ann {letter}" for letter in "ABCDEF"]
    days = [{"Date": f"2025-01-0{n}", **dict.fromkeys(names, n + 0.5)} for n in range(1, 6)]
    with pytest.raises(QuestionsError, match="customer_id=column headings"):
        read(pd.DataFrame(days))
    assert _figures(pd.DataFrame(days), {"customer_id": "column headings"}) == (6, 105.0)


def test_lines_that_repeat_an_earlier_line_of_their_order_may_take_it_back():
    added = [
        {
            "ts": f"2025-01-{n:02d} 10:00",
            "event": "line_added",
            "order": n,
            "customer": f"C{n % 4}",
            "sku": sku,
            "amount": n + cents,
        }
        for n in range(1, 21)
        for sku, cents in (("A", 0.5), ("B", 0.75))
    ]
    dropped = [row | {"ts": row["ts"].replace("10:", "15:"), "event": "line_dropped"} for row in added[:12:2]]
    events = pd.DataFrame(added + dropped)
    with pytest.raises(
        QuestionsError, match="6 of 6 lines with 'line_dropped' repeat the amount of an earlier line"
    ) as asked:
        read(events)
    assert asked.value.questions[0].answers[0] == "type=event,type=line_dropped:refund,type=line_added:counts"
    rules = {"type": ["line_dropped:refund", "line_added:counts"]}
    assert _figures(events, {"type": "event"}, **rules) == (4, 445.0 - 24.0)
    assert _figures(events, {"type": ""}) == (4, 445.0 + 24.0)


def test_a_file_with_a_column_per_order_is_read(tmp_path):
    rows = [
        ["Order", *range(1001, 1011)],
        ["Customer", *(f"c{n % 3}@mail.com" for n in range(10))],
        ["Date", *(f"2025-01-{n + 1:02d}" for n in range(10))],
        ["Amount", *(f"{n}.50" for n in range(10))],
    ]
    path = tmp_path / "orders.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in rows))
    assert _figures(path) == (3, 50.0)


def test_states_of_orders_that_are_sent_again_count_once():
    states = [
        {
            "order_id": n,
            "email": f"c{n % 4}@m.com",
            "status": state,
            "total": n + 0.5,
            "updated_at": f"2025-01-{n:02d}T1{hour}:00:00Z",
        }
        for n in range(1, 13)
        for hour, state in enumerate(["pending", "paid", *["paid"] * (n % 5 == 0)])
    ]
    sent = pd.DataFrame([row | {"updated_at": row["updated_at"].replace("T12", "T11")} for row in states])
    assert _figures(sent, {"timestamp": "updated_at"}) == (4, 84.0)


def test_a_day_that_most_lines_lack_is_not_that_of_the_sale():
    rows = [
        {
            "Event Date": f"2025-01-{n:02d}",
            "Purchase Date": None,
            "Subscriber ID": n % 3,
            "Amount": n + 0.5,
            "Refund": None,
        }
        for n in range(1, 13)
    ]
    rows.append(
        rows[3] | {"Event Date": "2025-01-20", "Purchase Date": "2025-01-04", "Amount": -4.5, "Refund": "Yes"}
    )
    raw = read(pd.DataFrame(rows))
    assert raw.mapping["timestamp"] == "Event Date"
    assert any("is blank on 92% of the first lines" in note for note in raw.notes)
    assert _figures(pd.DataFrame(rows)) == (3, 84.0 - 4.5)


def test_an_amount_that_is_another_without_refunds_asks_nothing():
    rows = [
        {
            "order_id": n,
            "customer_key": n % 5,
            "order_date": f"2025-01-{n:02d}",
            "gross_revenue": n + 0.5,
            "refund_amount": n + 0.5 if n % 4 == 0 else 0,
        }
        for n in range(1, 25)
    ]
    table = pd.DataFrame(rows).assign(net_revenue=lambda it: it["gross_revenue"] - it["refund_amount"])
    cleaned = clean(table)
    assert cleaned.report.mapping["amount"] == "gross_revenue"
    assert cleaned.report.money_kept == 312.0 - 84.0 - 3.0
    assert cleaned.log["order_id"].nunique() == 18


def test_a_payment_in_process_is_no_sale_next_to_those_that_succeeded():
    rows = [
        {
            "id": n,
            "created": f"2025-01-{n:02d}",
            "customer": n % 3,
            "total": n + 0.5,
            "status": "processing" if n % 4 == 0 else "succeeded",
        }
        for n in range(1, 13)
    ]
    assert _figures(pd.DataFrame(rows)) == (3, 84.0 - 25.5)
    shop = pd.DataFrame(rows).replace({"status": {"succeeded": "completed"}})
    assert _figures(shop) == (3, 84.0)


def test_one_question_asks_for_a_column_and_the_meaning_of_its_unknown_values():
    states = {1: "retourniert", 2: "storniert", 0: "Gwblft"}
    rows = [
        {
            "Nr": n,
            "Kunde": n % 3,
            "Datum": f"2025-01-{n:02d}",
            "Betrag": n + 0.5,
            "Verbleib": states.get(n % 6, "Gwblft"),
        }
        for n in range(1, 25)
    ]
    with pytest.raises(QuestionsError, match=r"status=Gwblft:counts") as asked:
        read(pd.DataFrame(rows))
    [answer, *_] = next(question.answers for question in asked.value.questions if "Verbleib" in question.text)
    assert answer == "status=Verbleib,status=Gwblft:counts"


def test_expenses_are_not_the_amount_and_a_row_of_types_is_no_second_header(tmp_path):
    path = tmp_path / "orders.csv"
    rows = [f"{n},C{n % 3},2{n}/02/2025,{n}.50" for n in range(1, 8)]
    path.write_text("\n".join(["order,buyer,day,sum", "number,text,dd/mm/yyyy,EUR", *rows]))
    assert _figures(path) == (3, 31.5)
    table = pd.DataFrame(
        {
            "Buyer Name": ["a", "b"],
            "Order Date": ["2025-01-05", "2025-01-06"],
            "Total Expenses": [-1.5, -2.5],
            "Asked": [9.5, 7.5],
        }
    )
    with pytest.raises(QuestionsError, match="no column found for amount"):
        read(table)


def test_deposits_next_to_final_invoices_are_asked_about():
    kinds = ["Deposit", "Final invoice", "Invoice"]
    rows = [
        {"No": n, "Type": kinds[n % 3], "Date": f"2025-01-{n:02d}", "Customer": n % 4, "Amount": n + 0.5}
        for n in range(1, 25)
    ]
    with pytest.raises(QuestionsError, match=r"unknown levels: 'Deposit' \(8 lines"):
        clean(pd.DataFrame(rows))
    assert _figures(pd.DataFrame(rows), None, type=["Deposit:counts"]) == (4, 312.0)


def test_a_billing_document_of_sap_that_was_cancelled_is_no_sale():
    rows = [
        {
            "Vbeln": 90 + n,
            "Posnr": 10,
            "Fkdat": f"202501{n:02d}",
            "Kunag": n % 3,
            "Fkart": "F2",
            "Netwr": n + 0.5,
        }
        for n in range(1, 13)
    ]
    flagged = [row | {"Fksto": "X" if row["Vbeln"] % 4 == 0 else ""} for row in rows]
    assert _figures(pd.DataFrame(flagged)) == (3, 84.0 - 2.5 - 6.5 - 10.5)


def test_an_amount_in_rubles_may_end_in_one_letter():
    rows = [
        {
            "№ заказа": n,
            "Клиент": f"К{n % 3}",
            "Дата добавления": f"{n:02d}.01.2025",
            "Дата изменения": "31.01.2025",
            "Итого": f"{n}.50р.",
        }
        for n in range(13, 25)
    ]
    assert _figures(pd.DataFrame(rows)) == (3, 228.0)


def test_json_of_more_rows_than_fit_in_memory_is_told_and_left_as_it_is(tmp_path, monkeypatch):
    sold = [
        {
            "id": n,
            "client_id": n % 3,
            "placed_at": f"2025-01-0{n}",
            "total": f"{n}.50",
            "customer": '{"city": "Bern"}',
        }
        for n in range(1, 7)
    ]
    monkeypatch.setattr("cltv_ml.sources.json_cells._MOST_IN_MEMORY", 5)
    raw = read(_write(tmp_path / "orders.csv", sold), {"customer_id": "client_id"})
    assert any(
        "JSON texts in ['customer'] were not read: the source has 6 rows" in note for note in raw.notes
    )
    assert clean(raw).log["customer_id"].nunique() == 3


def test_json_as_python_shows_it_and_json_written_twice_are_read(tmp_path):
    days = [f"2025-01-0{n}" for n in range(1, 7)]
    lines = [
        {
            "order_id": n,
            "user": f"C{n % 3}",
            "created": day,
            "items": str([{"sku": "A", "qty": 2, "price": n + 0.5}]),
        }
        for n, day in enumerate(days, 1)
    ]
    assert _figures(_write(tmp_path / "shown.csv", lines)) == (3, 48.0)
    sold = [
        {"id": n, "created_at": day, "total": f"{n}.50", "customer_id": n % 3}
        for n, day in enumerate(days, 1)
    ]
    twice = [{"type": "order.paid", "payload": json.dumps(json.dumps(record))} for record in sold]
    assert _figures(_write(tmp_path / "twice.csv", twice)) == (3, 24.0)


def test_files_that_hold_sales_in_parts_are_joined_by_a_statement(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    numbers = range(1, 9)
    _write(
        folder / "orders.csv",
        [{"order_id": n, "customer_id": n % 3, "day": f"2025-01-0{n}"} for n in numbers],
    )
    _write(
        folder / "items.csv",
        [
            {"order_id": n, "sku": sku, "total": n + cents}
            for n in numbers
            for sku, cents in (("A", 0.5), ("B", 0.75))
        ],
    )
    with pytest.raises(InputError, match=r"--query 'select \* from items join orders using \(order_id\)'"):
        read(folder)
    raw = read(folder, table="select * from items join orders using (order_id)")
    cleaned = clean(raw)
    assert cleaned.report.money_kept == 82.0
    assert cleaned.log["customer_id"].nunique() == 3
    with pytest.raises(InputError, match=r"cannot be run: .*Its tables are \['items', 'orders'\]"):
        read(folder, table="select * from lines")


def test_an_amount_with_its_tax_next_to_one_without_is_told():
    rows = [
        {
            "No": n,
            "Customer": n % 3,
            "Date": f"2025-01-{n:02d}",
            "Amount": n + 0.5,
            "Inc-Tax Amount": 1.1 * n + 0.55,
        }
        for n in range(1, 25)
    ]
    notes = clean(pd.DataFrame(rows)).report.notes
    assert any(
        "343.20 with 'Inc-Tax Amount', and 312.00 with 'Amount', which was used" in note for note in notes
    )
