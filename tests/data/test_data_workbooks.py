"""What a workbook hides, counts from another start, does not calculate, or puts next to its table."""

import datetime
import zipfile

import pytest
from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from cltv_ml.data import clean, read
from cltv_ml.errors import InputError

HEADER = ["customer", "date", "amount"]
LINES = [["a", datetime.date(2024, 1, 3), 10.0], ["b", datetime.date(2024, 2, 14), 20.5]]


@pytest.fixture
def book():
    made = Workbook()
    for row in (HEADER, *LINES):
        made.active.append(row)
    return made


def cleaned(book, folder):
    book.save(folder / "orders.xlsx")
    return clean(read(folder / "orders.xlsx"))


def test_hidden_rows_are_read_and_counted(book, tmp_path):
    book.active.row_dimensions[3].hidden = True
    result = cleaned(book, tmp_path)
    assert result.log["amount"].sum() == 30.5
    assert any("has 1 hidden row," in note for note in result.report.notes)


def test_days_counted_from_1904_are_read_as_the_workbook_counts_them(book, tmp_path):
    book.epoch = CALENDAR_MAC_1904
    for cell, (_, day, _) in zip(book.active["B"][1:], LINES, strict=True):
        cell.value, cell.number_format = (day - datetime.date(1904, 1, 1)).days, "General"
    result = cleaned(book, tmp_path)
    assert result.log["timestamp"].dt.date.tolist() == [day for _, day, _ in LINES]
    assert any("counts days from 1904" in note for note in result.report.notes)


def test_formulas_without_results_are_refused(book, tmp_path):
    for cell in book.active["C"][1:]:
        cell.value = "=2*5"
    with pytest.raises(InputError, match="has 2 cells with a formula but no result"):
        cleaned(book, tmp_path)


def test_links_are_no_formulas_without_results(book, tmp_path):
    for row, link in enumerate(["link", *["=HYPERLINK(1)"] * 2], 1):
        book.active.cell(row, 4, link)
    assert cleaned(book, tmp_path).log["amount"].sum() == 30.5


def test_zeros_that_stand_for_formulas_are_refused(book, tmp_path):
    for cell in book.active["C"][1:]:
        cell.value = "=2*5"
    book.save(tmp_path / "empty.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "empty.xlsx") as old,
        zipfile.ZipFile(tmp_path / "orders.xlsx", "w") as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            new.writestr(
                name, content.replace(b"</f><v />", b"</f><v>0</v>").replace(b"</f><v></v>", b"</f><v>0</v>")
            )
    with pytest.raises(InputError, match="has 2 cells with a formula but no result"):
        read(tmp_path / "orders.xlsx")


def test_a_sum_without_a_result_is_told(book, tmp_path):
    book.active.append([None, "Total", "=SUM(C2:C3)"])
    result = cleaned(book, tmp_path)
    assert result.log["amount"].sum() == 30.5
    assert any("has 1 cell with a formula but no result" in note for note in result.report.notes)


def test_a_table_beside_the_lines_is_refused(book, tmp_path):
    for row, (product, price) in enumerate([("product", "price"), ("P1", 3.5)], 1):
        book.active.cell(row, 5, product)
        book.active.cell(row, 6, price)
    with pytest.raises(InputError, match="two tables seem to stand side by side"):
        cleaned(book, tmp_path)


@pytest.mark.parametrize(("row", "told"), [(3, True), (9, False)], ids=["filled", "blank"])
def test_rows_that_are_struck_through_are_named(tmp_path, book, row, told):
    for column in "ABC":
        book.active[f"{column}{row}"].font = Font(strike=True)
    book.save(tmp_path / "orders.xlsx")
    notes = " ".join(clean(read(tmp_path / "orders.xlsx")).report.notes)
    assert ("has 1 row with text that is struck through" in notes) == told


def test_a_sheet_per_month_is_read_next_to_a_sheet_of_customers_and_a_note(tmp_path):
    book = Workbook()
    book.remove(book.active)
    sheets = {"Read me": [["Sales of 2024"]], "Customers": [["No", "Name", "City"], ["c1", "Ann", "Ulm"]]}
    for month in (1, 2, 3, 4):
        lines = [[f"o{month}{n}", f"c{n}", datetime.date(2024, month, n), 10.0 * n] for n in (1, 2, 3)]
        sheets[f"2024-{month:02}"] = [["Order", "Customer", "Date", "Total"], *lines]
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / "sales.xlsx")
    cleaned = clean(read(tmp_path / "sales.xlsx"))
    assert cleaned.log["amount"].sum() == 240.0
    assert "not read: 'Read me' (0 rows), 'Customers' (1 row)." in " ".join(cleaned.report.notes)
    # A month with one column more is none of the others.
    book["2024-04"]["E1"] = "Remark"
    book.save(tmp_path / "sales.xlsx")
    with pytest.raises(InputError, match="sheets with different headers"):
        read(tmp_path / "sales.xlsx")


def test_sheets_whose_titles_name_different_currencies_raise_a_question(tmp_path):
    book = Workbook()
    book.remove(book.active)
    for name, code in (("Europe", "EUR"), ("America", "USD")):
        sheet = book.create_sheet(name)
        for row in (["Sales"], [f"Currency: {code}"], [], HEADER, *LINES):
            sheet.append(row)
    book.save(tmp_path / "sales.xlsx")
    with pytest.raises(InputError, match=r"'currency of the sheet' contains the currencies \['EUR', 'USD'\]"):
        clean(read(tmp_path / "sales.xlsx"))
