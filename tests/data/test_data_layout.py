"""Files as programs and people write them: titles, several files, damaged bytes, JSON."""

import bz2
import gzip
import io
import json
import os
import tarfile
import zipfile

import pandas as pd
import pytest
from openpyxl import Workbook, load_workbook

from cltv_ml.data import clean, read
from cltv_ml.errors import InputError
from cltv_ml.sources.encodings import find_encoding

ORDERS = "Customer,Date,Amount\nC1,2025-01-05,10.50\nC1,2025-02-14,20.00\nC2,2025-03-15,30.00\n"


def written(folder, content, name="orders.csv"):
    path = folder / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def kept(source, **given):
    cleaned = clean(read(source, **given))
    return cleaned.report.rows_kept, cleaned.report.money_kept


@pytest.mark.parametrize(
    "content",
    [
        "Sales report 2025\nFrom 2025-01-01 to 2025-03-31\n\n" + ORDERS,
        "Sales report,,\n,,\n" + ORDERS,
        '"Shop","My shop"\n\n' + ORDERS,
        "sep=,\n" + ORDERS,
        "\n\n" + ORDERS,
        ORDERS.replace("\n", ",\n").replace("Amount,", "Amount"),
        ORDERS.replace("\n", ",\n"),
        ORDERS.replace("Amount\n", "Amount,,\n"),
        "Bericht Januar, Februar\n\n" + ORDERS.replace(",", ";").replace(".", ","),
        "sep=;\r\n" + ORDERS.replace(",", ";").replace(".", ",").replace("\n", "\r\n"),
        "sep=\t\n" + ORDERS.replace(",", "\t"),
        "\ufeff" + ORDERS,
    ],
)
def test_a_table_is_found_below_titles_and_between_trailing_delimiters(tmp_path, content):
    assert kept(written(tmp_path, content)) == (3, 60.5)


@pytest.mark.parametrize("filled", ["", ",,", ' ,""'])
def test_lines_with_blank_fields_beyond_the_header_are_read(tmp_path, filled):
    lines = ORDERS.splitlines(keepends=True)
    ragged = "".join([*lines[:2], lines[2].replace("\n", f",{filled}\n"), lines[3]])
    assert kept(written(tmp_path, ragged)) == (3, 60.5)
    cleaned = clean(read(written(tmp_path, ragged.replace("20.00,", "20.00,9,", 1))))
    assert cleaned.quarantine["rule"].tolist() == ["broken_line"]


def test_a_header_alone_has_no_rows_with_or_without_a_line_end(tmp_path):
    for end in ("", "\n"):
        with pytest.raises(InputError, match=r"'orders\.csv' contains no rows"):
            read(written(tmp_path, f"Customer,Date,Amount{end}"))


def test_a_header_below_a_title_is_said(tmp_path):
    raw = read(written(tmp_path, "Sales report\n\n" + ORDERS))
    assert raw.notes[0].startswith("The columns of 'orders.csv' are named in line 3")


def test_two_header_rows_are_asked_about_and_one_can_be_named(tmp_path):
    path = written(tmp_path, "Kunde,Tag,Betrag\n" + ORDERS)
    with pytest.raises(ValueError, match=r"two rows, 1 \['Kunde'.* and 2 \['Customer'.*--header-row 2"):
        read(path)
    assert kept(path, header_row=2) == (3, 60.5)
    with pytest.raises(ValueError, match=r"header_row must be a row of 'orders\.csv', from 1 to 5, got 9"):
        read(path, header_row=9)


def test_a_workbook_s_header_is_found_below_its_title(tmp_path):
    book = Workbook()
    for row in (["Sales report"], [], *(line.split(",") for line in ORDERS.splitlines())):
        book.active.append(row)
    book.save(tmp_path / "orders.xlsx")
    assert kept(tmp_path / "orders.xlsx") == (3, 60.5)
    assert kept(tmp_path / "orders.xlsx", header_row=3) == (3, 60.5)


def test_a_file_of_lines_that_fit_no_header_is_not_called_empty(tmp_path):
    path = written(tmp_path, "Customer,Date,Amount\nC1;2025-01-05;1\nC2;2025-01-06;2\n")
    with pytest.raises(ValueError, match=r"none of its 2 lines has as many fields .*'C1;2025-01-05;1'"):
        read(path)


@pytest.mark.parametrize("name", ["orders[1].csv", "orders?.csv", "or*ders.csv", "a[b]/orders.csv"])
def test_a_path_that_exists_is_no_pattern(tmp_path, name):
    written(tmp_path, ORDERS + "C9,2025-03-15,1000\n", "orders1.csv")
    assert kept(written(tmp_path, ORDERS, name)) == (3, 60.5)


def test_a_parquet_file_with_the_signs_of_a_pattern_is_itself(tmp_path):
    frame = clean(read(written(tmp_path, ORDERS))).log
    frame.assign(amount=1000.0).to_parquet(tmp_path / "orders1.parquet")
    frame.to_parquet(tmp_path / "orders[1].parquet")
    assert kept(tmp_path / "orders[1].parquet") == (3, 60.5)
    (tmp_path / "parts[1]").mkdir()
    frame.to_parquet(tmp_path / "parts[1]" / "x*.PARQUET")
    assert kept(tmp_path / "parts[1]") == (3, 60.5)


def test_several_files_with_the_same_columns_are_read_as_one(tmp_path):
    first, second = ORDERS, "Amount,Customer,Date\n5.00,C3,2025-04-01\nbroken\n"
    written(tmp_path, first, "shop/2024.csv")
    written(tmp_path, gzip.compress(second.encode()), "shop/2025[1].csv.GZ")
    with zipfile.ZipFile(tmp_path / "shop.ZIP", "w") as archive:
        archive.writestr("a/orders[1].csv", first)
        archive.writestr("b/orders[1].csv", second)
        archive.writestr("__MACOSX/._x", "x")
    for path in (tmp_path / "shop", tmp_path / "shop.ZIP"):
        cleaned = clean(read(path))
        assert cleaned.report.money_kept == 65.5
        assert cleaned.quarantine["source_row"].tolist() == [5]
        assert any("2 files were read as one table" in note for note in cleaned.report.notes)


def test_files_of_other_columns_are_named(tmp_path):
    written(tmp_path, ORDERS, "shop/a.csv")
    written(tmp_path, "Name,City\nx,y\n", "shop/b.csv")
    with pytest.raises(ValueError, match=r"'a\.csv' and 'b\.csv' have different columns"):
        read(tmp_path / "shop")


RECORDS = [
    {"customer": {"id": 12345678901234567890}, "date": "2025-01-05", "amount": 10.5},
    {"customer": {"id": 7}, "date": "2025-02-05", "amount": 20, "lines": [{"sku": "a"}]},
]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(RECORDS),
        json.dumps({"orders": RECORDS, "next": None}),
        "\n".join(map(json.dumps, RECORDS)) + "\n",
    ],
)
def test_json_is_read_whatever_holds_its_records(tmp_path, content):
    cleaned = clean(read(written(tmp_path, content, "orders.JSON"), {"customer_id": "customer.id"}))
    assert cleaned.log["customer_id"].tolist() == ["12345678901234567890", "7"]
    assert cleaned.report.money_kept == 30.5


def test_records_under_a_key_each_are_read(tmp_path):
    orders = {f"A{n}": {"customer": f"c{n}", "date": f"2025-01-0{n}", "amount": n} for n in (1, 2, 3, 4)}
    for content in (orders, {"orders": {**orders, "A4": {**orders["A4"], "note": "late"}}}):
        cleaned = clean(read(written(tmp_path, json.dumps(content), "orders.json")))
        assert cleaned.report.money_kept == 10.0
        assert any("were read from one object each" in note for note in cleaned.report.notes)


def test_pages_of_records_are_joined_and_a_single_page_is_told(tmp_path):
    orders = [{"customer": "a", "date": f"2025-01-0{n}", "amount": n} for n in (1, 2, 3)]
    pages = clean(read(written(tmp_path, json.dumps([orders[:2], orders[2:], []]), "pages.json")))
    assert pages.report.money_kept == 6.0
    page = {"data": {"orders": orders, "pageInfo": {"hasNextPage": True}}}
    notes = clean(read(written(tmp_path, json.dumps(page), "page.json"))).report.notes
    assert any("is one page of several ('hasNextPage' is True)" in note for note in notes)


def test_money_in_units_and_nanos_is_one_amount(tmp_path):
    money = {"currency_code": "EUR", "units": "9", "nanos": 500000000}
    orders = [{"customer": "a", "date": "2025-01-05", "amount": money}]
    assert clean(read(written(tmp_path, json.dumps(orders), "orders.json"))).report.money_kept == 9.5


def test_a_question_about_many_columns_lists_some(tmp_path):
    lines = ",".join(f"x{n}" for n in range(100)) + "\n" + ",".join(["1"] * 100) + "\n"
    with pytest.raises(InputError, match="'x59'] and 40 others"):
        read(written(tmp_path, lines))


def test_a_broken_line_of_json_is_set_aside(tmp_path):
    lines = [json.dumps(record) for record in RECORDS]
    path = written(tmp_path, "\n".join([lines[0], '{"customer": ', lines[1]]), "orders.jsonl")
    cleaned = clean(read(path, {"customer_id": "customer.id"}))
    assert cleaned.quarantine[["source_row", "rule", "line"]].values.tolist() == [
        [2, "broken_line", '{"customer": ']
    ]


def test_one_bad_byte_sets_its_line_aside_and_changes_no_other(tmp_path):
    rows = [f"Zoë{number},2025-01-05,1.00\n" for number in range(50)]
    content = ("Customer,Date,Amount\n" + "".join(rows)).encode().replace("Zoë7,".encode(), b"Zo\xeb7,")
    cleaned = clean(read(written(tmp_path, content)))
    assert set(cleaned.log["customer_id"]) == {f"Zoë{number}" for number in range(50) if number != 7}
    assert cleaned.quarantine[["source_row", "line"]].values.tolist() == [[8, "Zo\ufffd7,2025-01-05,1.00"]]
    assert any(
        "1 line with bytes that are not UTF-8 was quarantined (rows 8)" in note
        for note in read(written(tmp_path, content)).notes
    )


def test_another_encoding_is_said(tmp_path):
    content = ORDERS.replace("C1", "Zoë").encode("cp1252")
    raw = read(written(tmp_path, content))
    assert any("is not UTF-8 and was read as cp1252" in note for note in raw.notes)
    assert set(clean(raw).log["customer_id"]) == {"Zoë", "C2"}


@pytest.mark.parametrize(
    ("encoding", "name"), [("cp1251", "Иван Петров"), ("shift_jis", "山田太郎"), ("gb18030", "王小明")]
)
def test_other_alphabets_are_told_by_the_whole_file(tmp_path, encoding, name):
    plain = "".join(f"C{number},2025-01-05,1.00\n" for number in range(100))
    others = "".join(f"{name} {number},2025-01-05,1.00\n" for number in range(40))
    log = clean(read(written(tmp_path, ("Customer,Date,Amount\n" + plain + others).encode(encoding)))).log
    assert f"{name} 7" in set(log["customer_id"])


def _book(path, *sheets, formats=()):
    book = Workbook()
    book.remove(book.active)
    for name, state in sheets:
        sheet = book.create_sheet(name)
        sheet.sheet_state = state
        for customer, day, amount in (line.split(",") for line in ORDERS.splitlines()):
            sheet.append([customer, day, amount if amount == "Amount" else float(amount)])
        for row, written in enumerate(formats, 2):
            sheet.cell(row, 3).number_format = written
    book.save(path)
    return path


def test_hidden_sheets_are_left_out_and_told(tmp_path):
    path = _book(tmp_path / "orders.xlsx", ("Sales", "visible"), ("Old", "hidden"))
    assert kept(path) == (3, 60.5)
    assert "has the hidden sheets ['Old']" in " ".join(read(path).notes)
    assert kept(path, table="Old") == (3, 60.5)


def test_rows_in_a_hidden_sheet_alone_are_named_with_the_way_to_them(tmp_path):
    path = _book(tmp_path / "orders.xlsx", ("Sales", "hidden"), ("Read me", "visible"))
    book = load_workbook(path)
    book["Read me"].delete_rows(2, 10)
    book.save(path)
    with pytest.raises(
        ValueError, match=r"visible sheets of 'orders.xlsx' contain no rows.*'Sales'.*--query"
    ):
        read(path)
    assert kept(path, table="Sales") == (3, 60.5)


def test_currencies_in_the_formats_of_cells_are_asked_about(tmp_path):
    several = ("[$€-407]#,##0.00", '"$"#,##0.00', "[$€-407]#,##0.00")
    with pytest.raises(ValueError, match=r"currencies \['\$', 'EUR'\], but there is no rate"):
        kept(_book(tmp_path / "several.xlsx", ("Sales", "visible"), formats=several))
    assert kept(_book(tmp_path / "one.xlsx", ("Sales", "visible"), formats=several[:1] * 3)) == (3, 60.5)


def test_a_second_table_with_its_columns_in_another_order_is_refused(tmp_path):
    moved = "Customer,Amount,Date\nC3,12.00,2025-04-01\n"
    with pytest.raises(ValueError, match="second table with its columns in a different order"):
        read(written(tmp_path, ORDERS + moved))


def test_a_row_that_explains_the_headings_is_no_second_header(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(
        "Customer,Created,Amount\nWho placed the order.,When it was placed.,What the buyer paid.\n"
        "a,2025-01-05,10\nb,2025-01-09,20\na,2025-02-03,30.5\n",
        encoding="utf-8",
    )
    assert kept(path) == (3, 60.5)


def test_an_order_that_was_changed_between_two_exports_is_told(tmp_path):
    orders = "Order,Customer,Date,Amount\n1,C1,2025-01-05,10\n2,C2,2025-02-05,20\n"
    written(tmp_path, orders, "shop/a.csv")
    written(tmp_path, orders.replace("20\n", "25\n") + "3,C1,2025-03-05,30\n", "shop/b.csv")
    notes = " ".join(clean(read(tmp_path / "shop")).report.notes)
    assert "which counts at least 20.00 twice" in notes


def test_a_title_that_speaks_of_thousands_is_told(tmp_path):
    book = Workbook()
    for row in (["Umsatz in TEUR"], [], *(line.split(",") for line in ORDERS.splitlines())):
        book.active.append(row)
    book.save(tmp_path / "orders.xlsx")
    for path in (written(tmp_path, "Umsatz in TEUR\n\n" + ORDERS), tmp_path / "orders.xlsx"):
        assert "mentions thousands" in " ".join(read(path).notes)
    assert kept(path, changes={"money_unit": "1000"}) == (3, 60500.0)


def test_columns_of_a_fixed_width_are_read_below_a_title(tmp_path):
    rows = [
        ("C1", "Ann Lee", 5, 9.5),
        ("C2", "Bo", 6, 1234.5),
        ("C1", "Ann Lee", 7, 20.0),
        ("C3", "Cy Xu", 8, 7.25),
    ]
    lines = [
        "ACME LTD      SALES REGISTER      PAGE 1",
        "",
        f"{'Cust #':<8}{'Name':<12}{'Date':<12}{'Net Amount':>12}",
    ]
    lines += ["-" * 44, *(f"{c:<8}{name:<12}2025-01-0{day}  {paid:>12,.2f}" for c, name, day, paid in rows)]
    path = tmp_path / "register.txt"
    path.write_text("\n".join([*lines, f"{'Total':<8}{'':<24}{1271.25:>12,.2f}"]) + "\n", encoding="utf-8")
    raw = read(path)
    assert raw.columns == ("Cust #", "Name", "Date", "Net Amount")
    assert any("columns of fixed width" in note for note in raw.notes)
    assert clean(raw).report.money_kept == 1271.25


def test_the_first_page_of_a_report_of_fixed_width_is_read_too(tmp_path):
    header = f"{'KUNDE':<10}{'DATUM':<14}{'BETRAG':>10}"
    pages = [
        [f"LISTE UMSATZ              SEITE {page}", "", header]
        + [f"{f'K{n}':<10}0{n}.0{page}.2025    {n},50{'-' if n < 0 else ' '}".ljust(34) for n in range(1, 5)]
        for page in (1, 2)
    ]
    path = tmp_path / "liste.lst"
    path.write_text("\n".join(line for page in pages for line in page) + "\n", encoding="utf-8")
    report = clean(path).report
    assert (report.rows_kept, report.money_kept) == (8, 24.0)


def test_lines_in_quotes_as_a_whole_are_read(tmp_path):
    lines = ["Kunde;Datum;Betrag", "C1;05.01.2025;9,50", "C2;06.01.2025;1,25"]
    path = tmp_path / "saved.csv"
    path.write_text("".join(f'"{line}"\n' for line in lines), encoding="utf-8")
    raw = read(path)
    assert raw.columns == ("Kunde", "Datum", "Betrag")
    assert clean(raw).report.money_kept == 10.75


def test_a_source_of_one_column_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "odd.txt"
    path.write_text("customer~~date~~amount\n1~~2025-01-05~~9.50\n".replace("~~", "§"), encoding="utf-8")
    with pytest.raises(InputError, match="only one column, 'customer§date§amount'"):
        read(path)


def test_records_inside_records_are_rows_where_only_they_hold_money(tmp_path):
    lines = [{"sku": "a", "qty": 2, "price": 1.5}, {"sku": "b", "qty": 1, "price": 4.25}]
    order = {"order_id": 7, "customer": "Al", "date": "2024-01-05", "lines": lines}
    source = written(tmp_path, json.dumps([order, order | {"order_id": 8}]), "orders.json")
    assert kept(source) == (4, 14.5)
    totals = json.dumps([order | {"total": 7.25}, order | {"order_id": 8, "total": 7.25}])
    assert kept(written(tmp_path, totals, "totals.json")) == (2, 14.5)
    bought = [{"date": "2024-01-05", "total": 7.25}, {"date": "2024-02-05", "total": 1.5}]
    assert kept(written(tmp_path, json.dumps([{"customer": "Al", "orders": bought}]), "customers.json")) == (
        2,
        8.75,
    )


def test_tables_that_name_their_columns_once_are_read(tmp_path):
    columns = {"customer": ["Al", "Bo"], "date": ["2024-01-05", "2024-02-05"], "amount": [7.25, 1.5]}
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    split = {"columns": list(columns), "index": [0, 1], "data": rows}
    by_row = {name: {str(place): value for place, value in enumerate(many)} for name, many in columns.items()}
    for content in (split, by_row):
        assert kept(written(tmp_path, json.dumps(content), "table.json")) == (2, 8.75)


def test_rows_that_r_numbers_have_one_heading_less(tmp_path):
    lines = ORDERS.splitlines()
    numbered = [lines[0], *(f'"{number}",{line}' for number, line in enumerate(lines[1:], 1))]
    assert kept(written(tmp_path, "\n".join(numbered))) == (3, 60.5)
    spaced = ['"Customer" "Date" "Amount"', *(line.replace(",", " ") for line in numbered[1:])]
    assert kept(written(tmp_path, "\n".join(spaced), "table.txt")) == (3, 60.5)
    named = [lines[0], *(f"row{name},{line}" for name, line in zip("adb", lines[1:], strict=True))]
    with pytest.raises(InputError, match="none of its 3 lines has as many fields as the header"):
        read(written(tmp_path, "\n".join(named), "named.csv"))


def test_a_second_row_that_tells_repeated_headings_apart_is_joined_to_the_first(tmp_path):
    body = ORDERS.partition("\n")[2]
    two = "Customer,Order,Order\n,Date,Amount\n" + body
    assert kept(written(tmp_path, two)) == (3, 60.5)
    index = ",Order,Order\n,Date,Amount\nCustomer,,\n" + body
    assert kept(written(tmp_path, index, "index.csv")) == (3, 60.5)


def test_the_lines_of_datev_stand_below_one_of_its_own(tmp_path):
    head = '"EXTF";700;21;"Buchungsstapel";13;20250430120000000;;"RE";"";"";1001;456;20250101;4;20250101;20250430\n'
    path = written(tmp_path, head + ORDERS.replace(",", ";"))
    assert kept(path) == (3, 60.5)


@pytest.mark.parametrize(
    ("encoding", "header"),
    [
        ("cp1255", "שם לקוח,תאריך,סכום"),
        ("cp1253", "Πελάτης,Ημερομηνία,Ποσό"),
        ("cp1256", "العميل,التاريخ,المبلغ"),
        ("cp874", "ลูกค้า,วันที่,จำนวนเงิน"),
    ],
)
def test_alphabets_are_told_by_the_words_of_headings(tmp_path, encoding, header):
    path = written(tmp_path, ORDERS.replace("Customer,Date,Amount", header).encode(encoding))
    assert kept(path) == (3, 60.5)
    assert f"was read as {encoding}" in read(path).notes[0]


@pytest.mark.parametrize(
    ("names", "encodings"),
    [
        ("Кузнецов Смирнова Щукин Юрьев Попова", "koi8_r cp866 iso8859_5 mac_cyrillic cp1251"),
        ("Παπαδόπουλος Γεωργίου Άννα Νίκος Αθήνα", "cp1253 iso8859_7 cp737"),
        ("מזרחי כהן ירושלים פרץ משלוח", "cp1255 cp862"),
        ("محمد أحمد فاطمة القاهرة الرياض", "cp1256 iso8859_6"),
        ("สมชาย สมหญิง มานะ กรุงเทพ", "cp874"),
        ("Dvořák Nováková Žižka Černý Plzeň", "cp1250 iso8859_2 cp852"),
        ("Şahin Yıldız Çelik Öztürk Doğan", "cp1254"),
        ("Bērziņš Kalniņa Rīga Jūrmala", "cp1257"),
        ("Müller Jäger Groß Köln", "cp1252 cp850 mac_roman"),
        ("鈴木花子 佐藤太郎 ソニー 東京都 さくら", "cp932 euc_jp"),
        ("李娜 張敏 劉洋 臺北市 高雄 襪子", "big5"),
        ("김민수 이영희 박지성 최유진", "cp949"),
    ],
)
def test_an_encoding_is_told_by_the_letters_of_names_where_headings_are_english(tmp_path, names, encodings):
    lines = [f"{name},2025-01-0{day},{day}0.50" for day in range(1, 5) for name in names.split()]
    text = "\n".join(["Customer,Date,Amount", *lines])
    for encoding in encodings.split():
        found, _, notes = find_encoding(written(tmp_path, text.encode(encoding)))
        assert text.encode(encoding).decode(found) == text, (encoding, found)
        assert "if names look wrong, save it as UTF-8" in notes[0]


def test_signs_alone_tell_of_no_other_encoding(tmp_path):
    lines = ORDERS.replace(".50", ".50 €") + "John’s,2025-01-09,5 €\n"
    assert find_encoding(written(tmp_path, lines.encode("cp1252")))[0] == "cp1252"


def test_an_encoding_that_mixes_alphabets_within_words_is_not_taken(tmp_path):
    header = "Numer;Kontrahent;Data wystawienia;Wartość brutto;Zapłacono"
    lines = [f"{row};C{row};2025-01-0{row};{row}0,50;{row}0,50" for row in range(1, 5)]
    path = written(tmp_path, "\n".join([header, *lines]).encode("cp1250"))
    assert "was read as cp1250" in read(path).notes[0]
    assert kept(path) == (4, 102.0)


def test_signs_that_guard_numbers_of_payment_services_are_taken_off(tmp_path):
    lines = [
        "交易时间,用户标识,交易类型,订单金额",
        *(f"`2025-01-0{day},`u{day},`JSAPI,`1{day}.50" for day in range(1, 4)),
    ]
    assert kept(written(tmp_path, "\n".join(lines))) == (3, 37.5)


def test_types_that_mongodb_writes_are_taken_off(tmp_path):
    line = '{{"_id": {{"$oid": "6{0}"}}, "user": {{"$oid": "u{0}"}}, '
    line += '"created": {{"$date": {{"$numberLong": "17364{0}0000000"}}}}, '
    line += '"total": {{"$numberDecimal": "1{0}.50"}}}}'
    assert kept(written(tmp_path, "\n".join(map(line.format, "123")), "orders.json")) == (3, 37.5)


PAGE = """<html><head><meta charset=utf-8></head><body>
<table><tr><td>Menu</td><td>Help</td></tr><tr><td>a</td><td>b</td></tr></table>
<table border=1><tr><th>Order</th><th>Date</th><th>Customer</th><th>Total</th></tr>
<tr><td rowspan=2>1</td><td>2025-01-05</td><td>M&uuml;ller &amp; Co</td><td>1.250,50</td></tr>
<tr><td>2025-01-05<td>M&uuml;ller &amp; Co<td>49,50
<tr><td>2</td><td>2025-02-05</td><td>Meier</td><td>10,00</td></tr></table></body></html>"""

SPREADSHEET = """<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">
<Worksheet ss:Name="Orders"><Table>
<Row><Cell><Data ss:Type="String">Date</Data></Cell><Cell><Data ss:Type="String">Customer</Data></Cell><Cell>
<Data ss:Type="String">Note</Data></Cell><Cell><Data ss:Type="String">Total</Data></Cell></Row>
<Row><Cell ss:StyleID="d"><Data ss:Type="DateTime">2025-01-05T00:00:00.000</Data></Cell><Cell><Data ss:Type="String"
>C1 &amp; Co</Data></Cell><Cell ss:Index="4"><Data ss:Type="Number">1250.5</Data></Cell></Row>
<Row><Cell><Data ss:Type="DateTime">2025-02-05T00:00:00.000</Data></Cell><Cell><Data ss:Type="String">C2</Data></Cell
><Cell/><Cell><Data ss:Type="Number">20</Data></Cell></Row></Table></Worksheet></Workbook>"""

OPEN_DOCUMENT = """<office:document-content><table:table table:name="a"><table:table-row>
<table:table-cell><text:p>Customer</text:p></table:table-cell><table:table-cell><text:p>Date</text:p></table:table-cell><table:table-cell><text:p>Total
</text:p></table:table-cell><table:table-cell table:number-columns-repeated="16380"/></table:table-row>
<table:table-row table:number-rows-repeated="2"><table:table-cell office:value-type="string"><text:p>C1</text:p>
</table:table-cell><table:table-cell office:value-type="date" office:date-value="2025-01-05"><text:p>5. Jan. 25</text:p>
</table:table-cell><table:table-cell office:value-type="float" office:value="1250.5"><text:p>1.250,50 €</text:p>
</table:table-cell></table:table-row></table:table></office:document-content>"""


def zipped(folder, name, **members):
    with zipfile.ZipFile(folder / name, "w") as archive:
        for member, content in members.items():
            archive.writestr(member.replace("_", "."), content)
    return folder / name


def test_a_web_page_saved_as_a_workbook_is_read_with_its_largest_table(tmp_path):
    path = written(tmp_path, PAGE, "orders.xls")
    assert kept(path) == (3, 1310.0)
    notes = " ".join(read(path).notes)
    assert "is a web page or XML file rather than a workbook" in notes
    assert "['Menu', 'Help']" in notes


def test_a_table_of_html_alone_is_no_list_of_records(tmp_path):
    lines = [line.split(",") for line in ORDERS.splitlines()]
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>" for line in lines)
    assert kept(written(tmp_path, f"<table>{rows}</table>")) == (3, 60.5)


def test_an_xml_spreadsheet_and_an_open_document_are_read(tmp_path):
    assert kept(written(tmp_path, SPREADSHEET, "orders.xls")) == (2, 1270.5)
    assert kept(written(tmp_path, SPREADSHEET.encode("utf-16"), "wide.xml")) == (2, 1270.5)
    assert kept(zipped(tmp_path, "orders.ods", content_xml=OPEN_DOCUMENT)) == (2, 2501.0)


def test_a_workbook_saved_as_xls_is_read_by_its_content(tmp_path):
    book = Workbook()
    for row in (["Customer", "Date", "Amount"], ["C1", "2025-01-05", 10.5]):
        book.active.append(row)
    book.save(tmp_path / "orders.xlsx")
    (tmp_path / "orders.xlsx").rename(tmp_path / "orders.xls")
    assert kept(tmp_path / "orders.xls") == (1, 10.5)


def test_markup_without_a_table_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(InputError, match="without a table; open it in a spreadsheet"):
        read(written(tmp_path, "<html><body>Please log in</body></html>", "orders.xls"))


def test_a_description_next_to_tables_is_passed_over_and_told(tmp_path):
    readme = "Thank you for your export.\n\nThe file orders.csv has all orders, one per line.\nSupport: a@b.example\n"
    path = zipped(tmp_path, "export.zip", orders_csv=ORDERS, README_txt=readme, logo_pdf="%PDF")
    assert kept(path) == (3, 60.5)
    assert read(path).notes[:2] == (
        "['logo.pdf'] next to the tables were skipped, because they are not in a supported format.",
        "['README.txt'] next to the tables were skipped, because they do not contain a table.",
    )


def test_archives_of_one_name_and_archives_in_archives_are_all_read(tmp_path):
    days = {place: ORDERS.replace("2025", f"202{place}") for place in range(4)}
    for place in (0, 1):
        written(tmp_path, gzip.compress(days[place].encode()), f"shop/{place}/orders.csv.gz")
        (tmp_path / "inner").mkdir(exist_ok=True)
    inner = [
        zipped(tmp_path / "inner", f"{place}.zip", orders_csv=days[place]).read_bytes() for place in (2, 3)
    ]
    for place, content in enumerate(inner):
        with zipfile.ZipFile(tmp_path / "shop" / str(place) / "export.zip", "w") as archive:
            archive.writestr("orders.zip", content)
    assert kept(tmp_path / "shop") == (12, 4 * 60.5)


def test_an_option_that_decides_nothing_for_a_table_of_python_is_refused():
    table = pd.DataFrame({"customer_id": ["a"], "timestamp": ["2024-01-01"], "amount": [1.0]})
    for options, told in (({"table": "orders"}, "--query orders"), ({"header_row": 3}, "--header-row 3")):
        with pytest.raises(InputError, match=f"the data are one table, so {told} has no effect"):
            read(table, **options)


def test_a_name_that_no_file_bears_is_refused_and_not_passed_over(tmp_path):
    """All files of the folder had been read, and the only table of a file whatever the name was."""
    written(tmp_path, ORDERS, "shop/orders.csv")
    written(tmp_path, ORDERS, "shop/orders-old.csv")
    with pytest.raises(
        InputError, match=r"'shop' contains no file 'order\.csv'; did you mean 'orders\.csv'\?"
    ):
        read(tmp_path / "shop", table="order.csv")
    with pytest.raises(
        InputError, match=r"'orders\.csv' is one table, in which --query 'order' names nothing"
    ):
        read(tmp_path / "shop" / "orders.csv", table="order")
    assert kept(tmp_path / "shop", table="orders.csv") == (3, 60.5)


def test_files_of_the_same_name_are_read_together(tmp_path):
    """The first had been taken in silence."""
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        for year, name in ((2024, "orders.csv"), (2025, "orders.csv"), (2025, "more.csv")):
            archive.writestr(f"{year}/{name}", ORDERS.replace("2025-", f"{year}-"))
    raw = read(tmp_path / "shop.zip", table="orders.csv")
    assert raw.table.count() == 6
    assert "2 files were read as one table" in raw.notes[0]


def test_of_files_that_are_no_one_table_one_is_named(tmp_path):
    products = "sku,title\nA,Shirt\nB,Hat\n"
    path = zipped(tmp_path, "export.zip", orders_csv=ORDERS, products_csv=products)
    with pytest.raises(InputError, match=r"different columns.*--query orders\.csv"):
        read(path)
    assert kept(path, table="orders.csv") == (3, 60.5)
    mixed = zipped(tmp_path, "mixed.zip", orders_csv=ORDERS, orders_json=json.dumps([{"a": 1}]))
    with pytest.raises(InputError, match=r"several kinds.*--query orders\.csv"):
        read(mixed)


def test_no_table_of_a_folder_is_passed_over_in_silence(tmp_path):
    sales = pd.DataFrame({"customer": ["a"], "date": "2024-01-31", "total": 9.0})
    sales.to_parquet(tmp_path / "2023.parquet")
    (tmp_path / "_log").mkdir()
    (tmp_path / "_log" / "1.json").write_text("{}")
    for name in ("2024.ods", "2022", "2021.dat", "_SUCCESS", "Thumbs.db", ".DS_Store", ".trash.csv"):
        (tmp_path / name).touch()
    written(tmp_path, ORDERS, ".ipynb_checkpoints/2020.csv")
    assert "['1.json', '2021.dat', '2022', '2024.ods'] in the folder were not read" in read(tmp_path).notes[0]
    pd.concat([sales] * 5).to_csv(tmp_path / "2024.csv", index=False)
    with pytest.raises(InputError, match=r"several kinds.*2023\.parquet"):
        read(tmp_path)


def test_what_looks_like_a_table_but_is_no_file_of_the_folder_is_told(tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    written(folder, ORDERS.encode(), "a.csv")
    written(tmp_path / "elsewhere", ORDERS.encode(), "b.csv")
    (folder / "2024").symlink_to(tmp_path / "elsewhere")
    (folder / "c.csv").symlink_to(tmp_path / "nowhere.csv")
    os.mkfifo(folder / "d.csv")
    (folder / "e.csv").mkdir()
    raw = read(folder)
    assert len(clean(raw).log) == 3
    assert "['2024', 'c.csv', 'd.csv'] in the folder were not read, because they are no files" in raw.notes[0]


def test_records_of_xml_are_read_like_those_of_json(tmp_path):
    orders = "".join(
        f"<order id='{number}'><customer><name>C{number % 2}</name></customer><date>2025-01-0{number}</date>"
        f"<total currency='EUR'>{number}0.50</total></order>"
        for number in (1, 2, 3)
    )
    path = written(tmp_path, f"<?xml version='1.0'?><export><orders>{orders}</orders></export>", "orders.xml")
    assert kept(path) == (3, 61.5)


def test_headings_as_short_as_codes_are_no_values(tmp_path):
    names = [f"x{number}" for number in range(40)]
    lines = [",".join(["customer", "date", "amount", *names])]
    lines += [f"c{row},2024-01-{row + 1:02d},9.50," + ",".join(["no"] * 40) for row in range(9)]
    raw = read(written(tmp_path, "\n".join(lines).encode(), "codes.csv"))
    assert (raw.mapping["amount"], raw.unused) == ("amount", tuple(names))


NO_HEADER = [("C1", "2024-01-10", "10.50"), ("C2", "2024-02-11", "12.00"), ("C1", "2024-02-12", "7.25")]
BY_NUMBER = {"customer_id": "column_1", "timestamp": "column_2", "amount": "column_3"}


def test_a_file_without_a_header_loses_no_line(tmp_path):
    text = "\n".join(",".join(row) for row in NO_HEADER)
    raw = read(written(tmp_path, text, "bare.csv"), BY_NUMBER)
    assert clean(raw).log["amount"].sum() == 29.75
    assert "--header-row 1 takes the names" in " ".join(raw.notes)
    book = tmp_path / "bare.xlsx"
    pd.DataFrame(NO_HEADER).astype({2: float}).to_excel(book, header=False, index=False)
    raw = read(book, BY_NUMBER)
    assert clean(raw).log["amount"].sum() == 29.75
    assert "--header-row 1 takes the names" in " ".join(raw.notes)
    assert read(book, {"customer_id": "C1", "timestamp": "2024-01-10", "amount": "10.5"}, header_row=1)


def test_years_as_headings_are_no_line_of_data(tmp_path):
    pivot = "customer,2022,2023\nC1,10.50,12.00\nC2,3.00,4.00\nC3,3.00,4.00"
    with pytest.raises(InputError, match=r"Found \['customer', '2022', '2023'\]"):
        read(written(tmp_path, pivot, "years.csv"))


def test_columns_that_blanks_separate_are_read(tmp_path):
    lines = [" 00001 19970101  1   11.77", " 00002 19970112 12  112.00", " 00002 19970113  5   77.00"]
    mapping = {
        "customer_id": "column_1",
        "timestamp": "column_2",
        "quantity": "column_3",
        "amount": "column_4",
    }
    log = clean(
        read(written(tmp_path, "\n".join([*lines, " 00003 19970105  1    5.00"]), "master.txt"), mapping)
    ).log
    assert round(log["amount"].sum(), 2) == 205.77
    assert log["timestamp"].min() == pd.Timestamp("1997-01-01")
    named = ["cust date amount", "C1 2024-01-01 5.00", "C2 2024-01-02 6.00", "C1 2024-01-03 7.50"]
    raw = read(written(tmp_path, "\n".join(named), "named.txt"), {"customer_id": "cust"})
    assert clean(raw).log["amount"].sum() == 18.5


def test_quotes_behind_backslashes_stay_inside_their_field(tmp_path):
    lines = "".join(f'C{n},2025-01-0{n},"Pipe 3\\" x, long",{n}\n' for n in (1, 2, 3))
    cleaned = clean(read(written(tmp_path, f"customer,date,product,amount\n{lines}")))
    assert cleaned.report.money_kept == 6.0
    assert set(cleaned.log["product_id"]) == {'Pipe 3" x, long'}
    paths = "".join(f'C{n},2025-01-0{n},"C:\\",{n}\n' for n in (1, 2, 3))
    assert kept(written(tmp_path, f"customer,date,product,amount\n{paths}", "paths.csv")) == (3, 6.0)


def test_decimal_commas_that_divide_the_fields_are_no_row_names(tmp_path):
    lines = "".join(f"{n},C{n},2025-01-0{n},85,0{n}\n" for n in (1, 2, 3, 4))
    with pytest.raises(InputError, match="Check the delimiter and whether numbers contain it"):
        read(written(tmp_path, f"order_id,customer_id,order_date,total\n{lines}"))


@pytest.mark.parametrize("name", ["orders.csv.bz2", "orders.tar", "orders.tar.gz"])
def test_archives_of_other_kinds_are_named(tmp_path, name):
    content = b"customer,date,amount\na,2025-01-05,1\n"
    if name.endswith("bz2"):
        (tmp_path / name).write_bytes(bz2.compress(content))
    else:
        with tarfile.open(tmp_path / name, "w:gz" if name.endswith("gz") else "w") as packed:
            entry = tarfile.TarInfo("orders.csv")
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    with pytest.raises(InputError, match="is an archive of another kind than gz and zip; unpack it first"):
        read(tmp_path / name)


def test_a_part_of_a_file_without_its_header_is_not_skipped(tmp_path):
    lines = [f"a,2025-01-{n:02d},{n}.50\n" for n in range(1, 21)]
    parts = {
        "part_aa.csv": "customer,date,amount\n" + "".join(lines[:10]),
        "part_ab.csv": "".join(lines[10:]),
    }
    with pytest.raises(InputError, match=r"'part\.aa\.csv' and 'part\.ab\.csv' have different"):
        read(zipped(tmp_path, "parts.zip", **parts))


def test_lines_that_name_their_values_keep_names_of_later_lines_blanks_and_what_stands_first(tmp_path):
    lines = [f"t=2025-01-{1 + n % 28:02d} order={n} customer=Ann Lee {n % 7} sum={n}.50" for n in range(300)]
    lines[-1] = f'late {lines[-1]} coupon="A B"'
    (tmp_path / "till.log").write_text("\n".join(lines) + "\n")
    raw = read(tmp_path / "till.log", mapping={"timestamp": "t", "amount": "sum"})
    assert set(raw.columns) == {"t", "order", "customer", "sum", "start of line", "coupon"}
    log = clean(raw).log
    assert (log["customer_id"].nunique(), log["amount"].sum()) == (7, sum(range(300)) + 150)
