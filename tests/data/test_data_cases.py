"""Exports that misled earlier versions: each is read right, or the door asks.

Small ones stand in `exports/cases` and here. The whole collection, with the same names, lies next to the data sets
where they are present (`CLTV_DATA_DIR/../cases`).
"""

import csv
import os
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pytest

from cltv_ml.data import change_rules, clean, compute_summary, judge, read
from cltv_ml.errors import InputError


@dataclass(frozen=True)
class Right:
    """What is right for a case; any one of several may be."""

    kept: float | None = None
    customers: int | None = None
    first: str | None = None
    last: str | None = None
    rows: int | None = None
    says: str | None = None
    asks: str | None = None

    def __str__(self):
        """Return what is given only, for the list of what went wrong."""
        return str({name: value for name, value in vars(self).items() if value is not None})


#: Case -> (file, mapping, rules, what is right). The words in `asks` and `says` are what the reader needs to hear.
CASES = {
    "A01c": ("A01_shopify_orders_export.csv", "customer_id=Email;amount=Total", "", (Right(kept=172.80),)),
    "A02": (
        "A01_shopify_orders_export.csv",
        "customer_id=Email;timestamp=Created at;amount=Total;order_id=Name",
        "",
        (Right(kept=172.80),),
    ),
    "A11b": (
        "A11_square_items.csv",
        "customer_id=Customer ID;timestamp=Date;amount=Net Sales;order_id=Transaction ID;product_id=SKU;quantity=Qty",
        "",
        (Right(kept=17.50, customers=1),),
    ),
    "C04": ("C04_amazon_400_lines.txt", "customer_id=buyer-email", "", (Right(kept=18648.00),)),
    "A15b": (
        "A15_salesforce_opportunities.csv",
        "customer_id=Account Name;timestamp=Close Date;amount=Amount",
        "",
        (Right(kept=22250.50, customers=3),),
    ),
    "A16": (
        "A16_excel_title_rows.xlsx",
        "",
        "",
        (Right(kept=52.50, customers=3), Right(asks="header")),
    ),
    "A17": (
        "A17_excel_two_level_header.xlsx",
        "",
        "",
        (Right(kept=52.50, customers=3, says="header"), Right(asks="two .*header|header .*two")),
    ),
    "A18": ("A18_google_sheets.csv", "", "", (Right(kept=1284.50, customers=2),)),
    "A21b": (
        "A21_etsy_sold_orders.csv",
        "amount=Order Total;customer_id=Buyer User ID",
        "",
        (Right(kept=95.60, customers=2),),
    ),
    "B04b": ("B04b_indian_shop.csv", "", "", (Right(kept=78081650.31),)),
    "C01": (
        "C01_german_whole_thousands.csv",
        "",
        "",
        (Right(kept=42005.0), Right(asks="decimal")),
    ),
    "C01b": ("C01_german_whole_thousands.csv", "", "decimal=,", (Right(kept=42005.0),)),
    "C01d": ("C01c_german_whole_euro_sign.csv", "", "decimal=,", (Right(kept=42005.0),)),
    "B05": (
        "B05_excel_serials.csv",
        "",
        "",
        (Right(kept=210.0, first="2025-01-05", last="2025-06-02"), Right(asks="Excel|serial")),
    ),
    "B07b": ("B07b_two_digit_span_2000.csv", "", "", (Right(kept=210.0, rows=6, first="1998-01-05"),)),
    "C02": (
        "C02_yy_mm_dd.csv",
        "",
        "",
        (Right(kept=210.0, first="2025-01-05", last="2025-06-02"), Right(asks="date|year")),
    ),
    "B11o": (
        "B11o_oracle_mon_yy.csv",
        "",
        "",
        (Right(kept=210.0, first="2025-01-05", last="2025-06-02"),),
    ),
    "B11c": ("B11c_compact14.csv", "", "", (Right(kept=210.0, first="2025-01-05", last="2025-06-02"),)),
    "B12": ("B12_sap_trailing_minus.csv", "", "", (Right(kept=1269.50),)),
    "B16": ("B16_sep_line.csv", "", "", (Right(kept=60.50, customers=2),)),
    "B24d": ("B24d_float_ids_half.csv", "", "", (Right(customers=1200, kept=158417.52),)),
    "B26b": (
        "B26b_email_case_20pct.csv",
        "",
        "",
        (Right(customers=1200), Right(says="case|capital"), Right(asks="case|capital")),
    ),
    "T03": (
        "T03_woo_guests.csv",
        "",
        "",
        (
            Right(says=r"'?\b0\b'?.*3\d(\.\d)?%"),
            Right(says=r"guest|no person|placeholder"),
            Right(asks="guest|placeholder"),
        ),
    ),
    "B30": ("B30_refund_type_positive.csv", "", "", (Right(kept=80.0),)),
    "B31": ("B31_refund_same_day_midnight.csv", "", "", (Right(kept=70.0),)),
    "B35": ("B35_discount_lines.csv", "", "", (Right(kept=275.0, customers=3),)),
    "B35b": ("B35b_discount_lines_no_product.csv", "", "", (Right(kept=270.0, customers=3),)),
    "B36": ("B36_whole_order_refund_line.csv", "", "", (Right(kept=200.0),)),
    "C10": ("C10_credit_note_reference.csv", "", "", (Right(kept=100.0, customers=2),)),
    "B40c": ("B40c_brl.csv", "", "", (Right(kept=1284.50, customers=2),)),
    "T01b": ("T01b_one_line_1970.csv", "", "", (Right(says="1970"), Right(asks="1970"))),
    "B45b": ("B45b_order_total_repeated.csv", "", "", (Right(kept=220.0, customers=3),)),
    "C03": (
        "C03_units_scanned_one_by_one.csv",
        "",
        "",
        (Right(kept=25.50, customers=2), Right(asks="equal|copies|duplicate")),
    ),
    "B58": ("B58_orders.json", "", "", (Right(kept=30.50, customers=2), Right(asks="JSON"))),
    "B61": ("B61_line_column_broken.csv", "", "", (Right(kept=60.50, rows=4),)),
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
    "A01c": (Right(kept=172.80),),
    "B04b": (Right(kept=12 * 112345.50 + 48 * 9847.25),),
    "B24d": (Right(customers=40, kept=1230.0),),
    "B26b": (Right(customers=40), Right(says="case|capital"), Right(asks="case|capital")),
    "C04": (Right(kept=sum((1 + n % 5) * (5 + 3 * (n % 4)) for n in range(60))),),
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
    for name, wanted in vars(right).items():
        if wanted is None:
            continue
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
