"""Reports that name a customer once, rows of totals, and tables of other programs."""

import json

import pandas as pd
import pytest

from cltv_ml.columns.questions import QuestionsError
from cltv_ml.data import clean, read

#: Customer, date, order, amount; the truth of every layout below: 3 customers, 7 orders, 280.00.
ORDERS = [
    (customer, f"2025-0{1 + number % 3}-{10 + number}", f"N{number}", 10.0 * number)
    for customer, numbers in (("Ada", (1, 2, 3)), ("Bob", (4, 5)), ("Cleo", (6, 7)))
    for number in numbers
]
HEAD = ["Customer", "Date", "Order", "Amount"]


def layout(first, last=None, heading=None):
    """Return the orders as rows: `first` writes an order's customer, `last` and `heading` stand around each group."""
    rows, before = [], None
    for place, (customer, day, order, amount) in enumerate(ORDERS):
        if heading and customer != before:
            rows.append(heading(customer))
        rows.append([first(customer, customer == before), day, order, amount])
        if last and (place + 1 == len(ORDERS) or ORDERS[place + 1][0] != customer):
            rows.append(last(customer, sum(one[3] for one in ORDERS if one[0] == customer)))
        before = customer
    return rows


def once(customer, again):
    return "" if again else customer


def found(rows, folder, changes=None):
    pd.DataFrame(rows, columns=HEAD).to_csv(folder / "report.csv", index=False)
    cleaned = clean(read(folder / "report.csv", changes=changes))
    return (
        cleaned.report.money_kept,
        cleaned.log["customer_id"].nunique(),
        len(cleaned.log),
        cleaned.report.notes,
    )


def test_grouped_reports_are_filled_down_and_told(tmp_path):
    layouts = {
        "once": layout(once),
        "bare totals": layout(once, lambda _, total: ["", "", "", total]),
        "totals in words": layout(once, lambda name, total: [f"Total {name}", "", "", total]),
        "subtotals": layout(once, lambda _, total: ["", "", "Subtotal", total]),
        "headings": layout(lambda *_: "", heading=lambda name: [name, "", "", ""]),
    }
    wrong = {}
    for name, rows in layouts.items():
        *numbers, notes = found(rows, tmp_path)
        if numbers != [280.0, 3, 7] or not any("fill_down=false" in note for note in notes):
            wrong[name] = numbers, notes
    assert not wrong


def test_dated_totals_of_groups_are_set_aside(tmp_path):
    rows = layout(lambda name, _: name, lambda name, total: [f"Total {name}", "2025-03-30", "", total])
    money, customers, _, notes = found(rows, tmp_path)
    assert (money, customers) == (280.0, 3)
    assert any("labelled as totals" in note for note in notes)


def test_lines_of_an_order_take_its_customer(tmp_path):
    rows = [["Ada" if line == 0 else "", "2025-01-05", "N1", 10.0 + line] for line in range(3)]
    rows += [["Bob", "2025-01-06", "N2", 5.0], ["", "2025-01-06", "N2", 7.0]]
    assert found(rows, tmp_path)[:3] == (45.0, 2, 5)


def test_guests_are_not_filled_down(tmp_path):
    rows = [["" if n % 3 == 0 else f"C{n % 4}", f"2025-01-{10 + n}", f"N{n}", 10.0] for n in range(1, 19)]
    assert found(rows, tmp_path)[0] == 120.0


def test_orders_of_several_lines_that_name_nobody_are_not_filled_down(tmp_path):
    rows = [
        [customer if place % 2 else "", day, order, amount]
        for place, (customer, day, order, amount) in enumerate(ORDERS * 4)
        for amount in [amount] * 25
    ]
    rows = [
        [customer, day, f"{order}-{place // 25}", amount]
        for place, (customer, day, order, amount) in enumerate(rows)
    ]
    assert not any("assigned to the customer above" in note for note in found(rows, tmp_path)[3])


def test_a_guest_among_customers_of_one_order_each_is_nobody(tmp_path):
    rows = [["" if n == 5 else f"C{n}", f"2025-01-{10 + n}", f"N{n}", 10.0] for n in range(9)]
    assert found(rows, tmp_path)[:2] == (80.0, 8)


def test_customers_named_once_in_no_order_are_asked_about(tmp_path):
    rows = [["" if n % 2 else f"C{(n * 7) % 20}", f"2025-01-{10 + n}", f"N{n}", 10.0] for n in range(12)]
    with pytest.raises(QuestionsError, match="fill_down"):
        found(rows, tmp_path)
    assert found(rows, tmp_path, {"fill_down": "true"})[0] == 120.0
    assert found(rows, tmp_path, {"fill_down": "false"})[0] == 60.0


def test_lines_joined_to_another_table_are_told():
    lines = pd.DataFrame(
        [
            (n, f"C{n % 3}", "2025-01-05", f"P{n % 5}", 1, 10.0, f"T{n}-{k}")
            for n in range(20)
            for k in range(1 + n % 2)
        ],
        columns=["order_id", "customer", "date", "sku", "quantity", "unit_price", "tracking"],
    )
    assert any("'tracking'" in note for note in clean(lines).report.notes)


def test_guards_of_a_spreadsheet_are_taken_off(tmp_path):
    (tmp_path / "guarded.csv").write_text(
        'Customer,Date,Amount\n"=""0071""",\'2025-01-05,"=""9.50"""\n\'0071,2025-01-06,2\n'
    )
    cleaned = clean(read(tmp_path / "guarded.csv"))
    assert cleaned.report.money_kept == 11.5
    assert cleaned.log["customer_id"].tolist() == ["0071", "0071"]


def test_text_that_is_called_a_workbook_is_read_as_text(tmp_path):
    for name in ("orders.xls", "orders.xlsx"):
        (tmp_path / name).write_text("Customer\tDate\tAmount\nA\t2025-01-05\t9.50\nB\t2025-01-06\t1\n")
        assert clean(read(tmp_path / name)).report.money_kept == 10.5


def test_records_inside_the_answer_of_an_interface_are_found(tmp_path):
    nodes = [
        {"node": {"id": n, "customer": {"id": "A"}, "createdAt": "2025-01-05", "total": n}} for n in (1, 2)
    ]
    (tmp_path / "answer.json").write_text(json.dumps({"data": {"orders": {"edges": nodes}}}))
    assert clean(read(tmp_path / "answer.json")).report.money_kept == 3.0


def test_a_list_of_refunds_without_money_is_asked_about(tmp_path):
    orders = [
        {
            "id": n,
            "customer": "A",
            "date": "2025-01-05",
            "total": 5,
            "refunds": [{"reason": "broken"}] if n == 2 else [],
        }
        for n in (1, 2)
    ]
    (tmp_path / "orders.json").write_text(json.dumps(orders))
    with pytest.raises(QuestionsError, match=r"cancelled_at=refunds\.reason"):
        read(tmp_path / "orders.json")
    raw = read(tmp_path / "orders.json", {"cancelled_at": "refunds.reason"})
    assert clean(raw).report.money_kept == 5.0


def test_a_refund_on_a_row_of_its_own_is_taken_off():
    frame = pd.DataFrame(
        {
            "customer": ["A", "A", "B"],
            "date": ["2025-01-05", "2025-01-08", "2025-01-09"],
            "sales": [10.0, None, 7.0],
            "refunds": [None, 4.0, None],
        }
    )
    assert clean(frame).report.money_kept == 13.0


def test_small_whole_numbers_that_are_seldom_one_are_asked_about():
    frame = pd.DataFrame(
        {
            "customer": ["A", "B", "C"],
            "date": "2025-01-05",
            "amount": [2, 3, 4],
            "sales_price": [9.5, 8.1, 7.7],
        }
    )
    with pytest.raises(QuestionsError, match="may be the quantity or the amount"):
        read(frame)


def test_a_row_that_counts_the_rows_of_its_group_is_no_purchase(tmp_path):
    path = tmp_path / "report.csv"
    group = "{0},2025-01-05,D1,Closed Won,100\n,2025-01-06,D2,Closed Won,50\nSubtotal,,Sum,,150\n,,Count,,2\n"
    groups = "".join(map(group.format, ("Acme", "Beta", "Core")))
    path.write_text(
        f"Account Name,Close Date,Opportunity,Stage,Amount\n{groups}Total,,Sum,,450\n,,Count,,6\n"
    )
    cleaned = clean(read(path))
    assert (cleaned.log["customer_id"].nunique(), cleaned.report.money_kept) == (3, 450)


def test_customers_named_once_for_their_order_are_filled_down_where_that_begins_late(tmp_path):
    lines = [f"C{n % 700},2024-0{1 + n % 9}-05,O{n},10" for n in range(3000)]
    for n in range(3000, 3600, 2):
        lines += [f"C{n % 700},2024-10-05,O{n},10", f",,O{n},5"]
    path = tmp_path / "lines.csv"
    path.write_text("customer,date,order,amount\n" + "\n".join(lines) + "\n")
    cleaned = clean(read(path))
    assert cleaned.report.money_kept == 3000 * 10 + 300 * 15
    assert cleaned.log["customer_id"].nunique() == 700
