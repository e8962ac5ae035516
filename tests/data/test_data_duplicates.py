import pandas as pd
import pytest

from cltv_ml.data import Rules, clean, read

TWICE = pd.DataFrame({"customer_id": ["a", "a", "b"], "timestamp": "2024-01-31", "amount": [5.0, 5.0, 5.0]})


def test_equal_purchases_of_one_day_are_kept_and_told_where_nothing_tells_them_apart():
    cleaned = clean(TWICE)
    assert len(cleaned.log) == 3
    assert any(
        "1 line with a total of" in note and "equals an earlier line" in note for note in cleaned.report.notes
    )


def test_the_rule_sets_them_aside_when_it_is_switched_on():
    cleaned = clean(TWICE, Rules(on=("exact_duplicate",)))
    assert cleaned.quarantine["source_row"].tolist() == [2]


@pytest.mark.parametrize(
    "more",
    [{"order_id": ["1", "1", "2"]}, {"timestamp": "2024-01-31 18:05"}],
    ids=["order id", "time of day"],
)
def test_a_copy_is_set_aside_where_lines_name_order_or_time(more):
    cleaned = clean(TWICE.assign(**more))
    assert cleaned.quarantine["rule"].tolist() == ["exact_duplicate"]


def test_nothing_is_told_where_no_line_equals_another():
    assert clean(TWICE.drop(index=1)).report.notes == ()


UNITS = [
    ("R1", "C1", "LATTE", 4.5),
    ("R1", "C1", "LATTE", 4.5),
    ("R1", "C1", "BAGEL", 3.0),
    ("R2", "C2", "LATTE", 4.5),
    ("R2", "C2", "LATTE", 4.5),
    ("R2", "C2", "LATTE", 4.5),
]


def receipts(rows):
    return pd.DataFrame(rows, columns=["receipt", "customer", "item", "amount"]).assign(
        date="2025-01-05 08:00"
    )


def test_units_that_a_till_scanned_one_by_one_are_kept_and_told():
    cleaned = clean(receipts(UNITS))
    assert cleaned.report.money_kept == 25.5
    assert any(
        note.startswith("3 lines with a total of 13.50 equal an earlier line and were kept")
        for note in cleaned.report.notes
    )
    stated = clean(receipts(UNITS).assign(currency="EUR")).report.notes
    assert any(note.startswith("3 lines with a total of 13.50 EUR equal an earlier line") for note in stated)


def test_an_export_appended_to_itself_is_taken_once():
    cleaned = clean(receipts([*UNITS, ("R3", "C3", "TEA", 2.0), *UNITS]))
    assert cleaned.report.money_kept == 27.5


def test_units_scanned_one_by_one_are_kept_in_a_source_that_is_sorted_by_product():
    others = [
        (f"R{n}", f"C{n}", item, price) for n in range(3, 9) for item, price in (("TEA", 2.0), ("BUN", 2.5))
    ]
    split = sorted(
        [*UNITS, *others, ("R1", "C1", "BUN", 2.5), ("R1", "C1", "BUN", 2.5)], key=lambda row: row[2:]
    )
    split = [*split[1::2], *split[::2]]  # equal lines stand apart
    cleaned = clean(receipts(split))
    assert cleaned.report.money_kept == sum(row[-1] for row in split)
    assert any("equal an earlier line and were kept" in note for note in cleaned.report.notes)


def test_receipts_that_are_all_written_twice_line_by_line_are_copies():
    lines = [
        (f"R{n}", f"C{n}", item, price + n) for n in range(4) for item, price in (("TEA", 1.0), ("BUN", 2.5))
    ]
    assert clean(receipts([line for line in lines for _ in range(2)])).report.money_kept == 26.0


@pytest.mark.parametrize(("heading", "kept"), [("Item ID", 14.0), ("Line ID", 9.5), ("Order Item ID", 9.5)])
def test_the_id_of_an_item_names_the_goods_and_that_of_a_line_the_line(heading, kept):
    rows = [("R1", "C1", "LATTE", "71", 4.5)] * 2 + [
        ("R1", "C1", "BAGEL", "72", 3.0),
        ("R2", "C2", "TEA", "73", 2.0),
    ]
    lines = pd.DataFrame(rows, columns=["receipt", "customer", "SKU", heading, "amount"]).assign(
        date="2025-01-05 08:00"
    )
    assert clean(lines).report.money_kept == kept


@pytest.mark.parametrize(("time", "kept"), [("", 15.0), (" 09:30", 11.5)])
def test_lines_without_an_order_id_are_no_receipt_of_their_own(time, kept):
    rows = [("K1", None, 3.5), ("K2", "1", 4.0), ("K3", "2", 4.0), ("K1", None, 3.5)]
    lines = pd.DataFrame(rows, columns=["customer", "order_id", "amount"]).assign(date="2024-01-05" + time)
    assert clean(lines).report.money_kept == kept


def test_a_return_without_an_order_id_is_netted_whatever_came_of_others_without_one():
    rows = [
        ("1", 1, 50.0, "paid"),
        (None, 5, 20.0, "failed"),
        (None, 9, -50.0, "paid"),
        ("2", 9, 8.0, "paid"),
    ]
    lines = pd.DataFrame(rows, columns=["order_id", "day", "amount", "status"]).assign(customer="K1")
    lines["date"] = [f"2024-01-{day:02d}" for day in lines.pop("day")]
    assert clean(lines).report.money_kept == 8.0


def test_lines_of_the_days_that_two_files_share_count_once(tmp_path):
    lines = [
        f"2024-{month:02}-{day:02},c{day % 5},Soap,{day}.00"
        for month in (1, 2, 3)
        for day in (3, 9, 15, 21, 27)
    ]
    lines.insert(6, lines[6])  # the same purchase twice, in both files
    header, months = "Date,Customer,Product,Amount", [line[5:7] for line in lines]
    for name, kept in (("a", ("01", "02")), ("b", ("02", "03"))):
        rows = [line for line, month in zip(lines, months, strict=True) if month in kept]
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    cleaned = clean(read(tmp_path))
    assert cleaned.log["amount"].sum() == sum(float(line.rsplit(",", 1)[1]) for line in lines) == 234.0
    assert "so 6 lines with a total of 84.00 were counted once" in " ".join(cleaned.report.notes)
    # Other purchases on the same days are no copies.
    (tmp_path / "b.csv").write_text(
        "\n".join([header, *(line.replace("Soap", "Mug") for line in lines)]), encoding="utf-8"
    )
    assert len(clean(read(tmp_path)).log) == 11 + 16


def test_a_sheet_of_the_year_next_to_those_of_its_months_counts_once(tmp_path):
    months = {
        f"2024-{month:02}": pd.date_range(f"2024-{month:02}-02", periods=6, freq="4D") for month in (1, 2, 3)
    }
    sheets = {
        name: pd.DataFrame(
            {
                "Order": [f"{name}-{n}" for n in range(6)],
                "Date": days,
                "Customer": list("abcabd"),
                "Net": 10.5,
            }
        )
        for name, days in months.items()
    }
    with pd.ExcelWriter(tmp_path / "sales.xlsx") as book:
        for name, sheet in {"Year": pd.concat(sheets.values()), **sheets}.items():
            sheet.to_excel(book, sheet_name=name, index=False)
    cleaned = clean(read(tmp_path / "sales.xlsx"))
    assert (cleaned.log["amount"].sum(), cleaned.report.rows_in) == (189.0, 36)
