"""Exports that misled earlier versions: each is read right, or the door asks.

Small ones stand in `exports/cases` and here. The whole collection, with the same names, lies next to the data sets
where they are present (`CLTV_DATA_DIR/../cases`).
"""

import csv
import os
import re
import shlex
import shutil
from pathlib import Path

import openpyxl
import pytest

from cltv_ml.data import change_rules, clean, compute_summary, judge, read
from cltv_ml.errors import InputError


def case(file, *right, mapping="", rules=""):
    """Return a case: its file, the options of the reader, and what is right: any one of several, each by its facts."""
    return file, mapping, rules, right


#: The words in `asks` and `says` are what the reader needs to hear.
CASES = {
    "A01c": case("A01_shopify_orders_export.csv", {"kept": 172.80}, mapping="customer_id=Email;amount=Total"),
    "A02": case(
        "A01_shopify_orders_export.csv",
        {"kept": 172.80},
        mapping="customer_id=Email;timestamp=Created at;amount=Total;order_id=Name",
    ),
    "A11b": case(
        "A11_square_items.csv",
        {"kept": 17.50, "customers": 1},
        mapping="customer_id=Customer ID;timestamp=Date;amount=Net Sales;order_id=Transaction ID;product_id=SKU;"
        "quantity=Qty",
    ),
    "C04": case("C04_amazon_400_lines.txt", {"kept": 18648.00}, mapping="customer_id=buyer-email"),
    "A15b": case(
        "A15_salesforce_opportunities.csv",
        {"kept": 22250.50, "customers": 3},
        mapping="customer_id=Account Name;timestamp=Close Date;amount=Amount",
    ),
    "A16": case("A16_excel_title_rows.xlsx", {"kept": 52.50, "customers": 3}, {"asks": "header"}),
    "A17": case(
        "A17_excel_two_level_header.xlsx",
        {"kept": 52.50, "customers": 3, "says": "header"},
        {"asks": "two .*header|header .*two"},
    ),
    "A18": case("A18_google_sheets.csv", {"kept": 1284.50, "customers": 2}),
    "A21b": case(
        "A21_etsy_sold_orders.csv",
        {"kept": 95.60, "customers": 2},
        mapping="amount=Order Total;customer_id=Buyer User ID",
    ),
    "B04b": case("B04b_indian_shop.csv", {"kept": 78081650.31}),
    "C01": case("C01_german_whole_thousands.csv", {"kept": 42005.0}, {"asks": "decimal"}),
    "C01b": case("C01_german_whole_thousands.csv", {"kept": 42005.0}, rules="decimal=,"),
    "C01d": case("C01c_german_whole_euro_sign.csv", {"kept": 42005.0}, rules="decimal=,"),
    "B05": case(
        "B05_excel_serials.csv",
        {"kept": 210.0, "first": "2025-01-05", "last": "2025-06-02"},
        {"asks": "Excel|serial"},
    ),
    "B07b": case("B07b_two_digit_span_2000.csv", {"kept": 210.0, "rows": 6, "first": "1998-01-05"}),
    "C02": case(
        "C02_yy_mm_dd.csv",
        {"kept": 210.0, "first": "2025-01-05", "last": "2025-06-02"},
        {"asks": "date|year"},
    ),
    "B11o": case("B11o_oracle_mon_yy.csv", {"kept": 210.0, "first": "2025-01-05", "last": "2025-06-02"}),
    "B11c": case("B11c_compact14.csv", {"kept": 210.0, "first": "2025-01-05", "last": "2025-06-02"}),
    "B12": case("B12_sap_trailing_minus.csv", {"kept": 1269.50}),
    "B16": case("B16_sep_line.csv", {"kept": 60.50, "customers": 2}),
    "B24d": case("B24d_float_ids_half.csv", {"customers": 1200, "kept": 158417.52}),
    "B26b": case(
        "B26b_email_case_20pct.csv",
        {"customers": 1200},
        {"says": "case|capital"},
        {"asks": "case|capital"},
    ),
    "T03": case(
        "T03_woo_guests.csv",
        {"says": r"'?\b0\b'?.*3\d(\.\d)?%"},
        {"says": r"guest|no person|placeholder"},
        {"asks": "guest|placeholder"},
    ),
    "B30": case("B30_refund_type_positive.csv", {"kept": 80.0}),
    "B31": case("B31_refund_same_day_midnight.csv", {"kept": 70.0}),
    "B35": case("B35_discount_lines.csv", {"kept": 275.0, "customers": 3}),
    "B35b": case("B35b_discount_lines_no_product.csv", {"kept": 270.0, "customers": 3}),
    "B36": case("B36_whole_order_refund_line.csv", {"kept": 200.0}),
    "C10": case("C10_credit_note_reference.csv", {"kept": 100.0, "customers": 2}),
    "B40c": case("B40c_brl.csv", {"kept": 1284.50, "customers": 2}),
    "T01b": case("T01b_one_line_1970.csv", {"says": "1970"}, {"asks": "1970"}),
    "B45b": case("B45b_order_total_repeated.csv", {"kept": 220.0, "customers": 3}),
    "C03": case(
        "C03_units_scanned_one_by_one.csv",
        {"kept": 25.50, "customers": 2},
        {"asks": "equal|copies|duplicate"},
    ),
    "B58": case("B58_orders.json", {"kept": 30.50, "customers": 2}, {"asks": "JSON"}),
    "B61": case("B61_line_column_broken.csv", {"kept": 60.50, "rows": 4}),
}

#: Enough lines at prices known per product: the line totals of an Amazon report under the heading item-price.
_AMAZON = (
    "amazon-order-id\tpurchase-date\torder-status\tsku\tquantity\tcurrency\titem-price\tbuyer-email\n"
    + "".join(
        f"302-{n:07}\t2024-06-{1 + n % 28:02}T08:00:00+00:00\tShipped\tSKU{n % 4}\t{1 + n % 5}\tEUR\t"
        f"{(1 + n % 5) * (5 + 3 * (n % 4)):.2f}\tu{n % 15}@x.example\n"
        for n in range(60)
    )
)


def _many(header, line, rows=120):
    """Return an export whose lines follow from their number."""
    return header + "\n" + "".join(line(n) + "\n" for n in range(rows))


def _day(n):
    return f"2024-{1 + n % 12:02}-{1 + n % 28:02} 10:{n % 60:02}:00"


#: The large files of the collection, small: file -> text. The small ones stand in `exports/cases` as they are.
FILES = {
    "B04b_indian_shop.csv": _many(
        "customer_id,date,amount",
        lambda n: f'{n % 40},{_day(n)},"{"1,12,345.50" if n % 5 == 0 else "9,847.25"}"',
        rows=60,
    ),
    "B24d_float_ids_half.csv": _many(
        "customer_id,date,amount", lambda n: f"{100 + n % 40}{'.0' if n % 3 else ''},{_day(n)},10.25"
    ),
    "B26b_email_case_20pct.csv": _many(
        "Email,date,amount", lambda n: f"{'B' if n % 3 else 'b'}{n % 40}@x.example,{_day(n)},10.25"
    ),
    "C04_amazon_400_lines.txt": _AMAZON,
    "T01b_one_line_1970.csv": _many(
        "customer_id,date,amount",
        lambda n: f"{n % 40},{'1970-01-01 00:00:00' if n == 7 else _day(n)},10.25",
    ),
    "T03_woo_guests.csv": _many(
        "order_id,order_date,status,order_total,order_currency,customer_id,billing_email",
        lambda n: (
            f"{1000 + n},{_day(n)},wc-completed,10.25,EUR,{0 if n % 3 == 0 else 500 + n % 40},b{n % 40}@x.example"
        ),
    ),
}

#: What is right for the small file where it differs from the collection's.
SMALL = {
    "A01c": ({"kept": 172.80},),
    "B04b": ({"kept": 12 * 112345.50 + 48 * 9847.25},),
    "B24d": ({"customers": 40, "kept": 1230.0},),
    "B26b": ({"customers": 40}, {"says": "case|capital"}, {"asks": "case|capital"}),
    "C04": ({"kept": sum((1 + n % 5) * (5 + 3 * (n % 4)) for n in range(60))},),
}


_DAYS = ("2025-01-05", "2025-02-14", "2025-03-15", "2025-04-30", "2025-05-21", "2025-06-02")


def write_workbooks(folder):
    """Write the two workbooks: with title rows and a total, and with a header of two rows."""
    titled = [
        ("Sales report 2025",),
        ("Printed 26 Nov 2025 by N. N.",),
        (),
        ("Customer", "Date", "Amount"),
        *[(f"C{1 + n // 2}", day, 10.5) for n, day in enumerate(_DAYS[:4])],
        ("C3", _DAYS[5], 10.5),
        ("Total", None, 52.5),
    ]
    two = [("Customer", None, "Sale", None), ("No.", "Name", "Date", "Amount")]
    two += [(f"C{1 + n // 2}", "N N", day, 10.5) for n, day in enumerate(_DAYS[:5])]
    for name, rows in (("A16_excel_title_rows.xlsx", titled), ("A17_excel_two_level_header.xlsx", two)):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(folder / name)


def outcome(path, mapping, rules):
    """Return what came of a case: the clean log's facts and what was said, or the question."""
    pairs = [pair.partition("=")[::2] for pair in (mapping.split(";") if mapping else [])]
    try:
        raw = read(path, dict(pairs))
        given = dict([rules.partition("=")[::2]]) if rules else {}
        cleaned = clean(raw, change_rules(raw.rules, given))
    except InputError as error:
        return {"asks": str(error)}
    except Exception as error:  # noqa: BLE001, a fault of the program, listed with the others
        return {"fault": f"{type(error).__name__}: {error}"}
    said = [*cleaned.report.notes, *judge(cleaned.log, None, cleaned.report).reasons]
    facts = compute_summary(cleaned.log).iloc[0] if len(cleaned.log) else {}
    return {
        "kept": cleaned.report.money_kept,
        "rows": cleaned.report.rows_in,
        "customers": facts.get("customers"),
        "first": str(facts.get("first"))[:10],
        "last": str(facts.get("last"))[:10],
        "says": " ".join(said),
    }


def is_right(found, right):
    """Whether an outcome is what is right: every fact named agrees."""
    for name, wanted in right.items():
        value = found.get(name)
        if value is None:
            return False
        if name in ("asks", "says"):
            if not re.search(wanted, value, re.IGNORECASE | re.DOTALL):
                return False
        elif abs(value - wanted) > 0.005 if isinstance(wanted, float) else value != wanted:
            return False
    return True


def wrong_cases(folder, names, expected):
    """Return a line for each case whose outcome is none of the right ones."""
    wrong = []
    for name in names:
        file, mapping, rules, _ = CASES[name]
        found = outcome(folder / file, mapping, rules)
        if not any(is_right(found, right) for right in expected(name)):
            wrong.append(f"{name}: wanted {' or '.join(map(str, expected(name)))}, found {found}")
    return wrong


def small_cases(folder):
    shutil.copytree(Path(__file__).with_name("exports") / "cases", folder, dirs_exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    write_workbooks(folder)


def test_each_small_export_is_read_right_or_asked_about(tmp_path):
    small_cases(tmp_path)
    wrong = wrong_cases(tmp_path, list(CASES), lambda name: SMALL.get(name, CASES[name][3]))
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_each_export_of_the_collection_is_read_right_or_asked_about():
    folder = Path(os.environ.get("CLTV_DATA_DIR", "/nowhere"), "..", "cases")
    if not (folder / "cases.tsv").is_file():
        pytest.skip("the collection of cases is not here; set CLTV_DATA_DIR")
    with open(folder / "cases.tsv", newline="", encoding="utf-8") as file:
        listed = {row["case"]: row for row in csv.DictReader(file, delimiter="\t")}
    assert set(listed) <= set(CASES), f"cases without a value here: {sorted(set(listed) - set(CASES))}"
    told = {name: shlex.split(row["command"]) for name, row in listed.items()}
    assert all(CASES[name][0] in words for name, words in told.items())
    wrong = wrong_cases(folder, list(listed), lambda name: CASES[name][3])
    assert not wrong, "\n".join(wrong)
