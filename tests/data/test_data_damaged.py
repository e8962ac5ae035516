"""Files that are damaged, or hold something else than their names say: read as they are, or refused in one sentence."""

import io
import re
import zipfile

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from cltv_ml.data import clean, judge, read
from cltv_ml.errors import InputError

SALES = pd.DataFrame(
    {
        "customer_id": [f"customer {number * 7919 % 1009}" for number in range(5000)],
        "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(range(5000), unit="h"),
        "amount": [number % 97 + 0.5 for number in range(5000)],
    }
)


def test_parquet_with_a_damaged_column_is_refused_when_the_column_is_read(tmp_path):
    path = tmp_path / "sales.parquet"
    pq.write_table(pa.Table.from_pandas(SALES), path, compression="zstd", use_dictionary=False)
    content, column = bytearray(path.read_bytes()), pq.read_metadata(path).row_group(0).column(2)
    start = column.data_page_offset + 20
    content[start : start + 60] = bytes(60)
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=r"'sales\.parquet' cannot be read to its end: .*The file is damaged"
    ):
        clean(read(path))


def test_content_of_another_kind_than_the_ending_is_read_as_what_it_is(tmp_path):
    pq.write_table(pa.Table.from_pandas(SALES), tmp_path / "parquet.csv")
    assert clean(read(tmp_path / "parquet.csv")).report.rows_in == 5000
    feather.write_feather(SALES, tmp_path / "feather.csv")
    assert clean(read(tmp_path / "feather.csv")).report.rows_in == 5000
    (tmp_path / "broken.feather").write_bytes((tmp_path / "feather.csv").read_bytes()[:2000])
    with pytest.raises(InputError, match=r"'broken\.feather' cannot be read as Feather"):
        read(tmp_path / "broken.feather")


def test_a_zero_byte_makes_no_file_utf_16(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_bytes(b"customer_id,timestamp,amount\nann\0,2024-01-01,5\nbob,2024-01-02,7\n")
    assert clean(read(path)).report.money_kept == 12.0


def test_json_of_endless_depth_is_refused(tmp_path):
    path = tmp_path / "sales.json"
    path.write_text('{"orders": ' + "[" * 100_000 + "]" * 100_000 + "}")
    with pytest.raises(InputError, match="nests objects or lists hundreds of levels deep"):
        read(path)


def test_a_row_that_fills_the_reader_s_memory_is_named(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text('customer_id,timestamp,amount\nann,2024-01-01,5\nbob,"' + "x" * 40_000_000 + '",7\n')
    with pytest.raises(InputError, match=r"a row is longer than \d+ MB"):
        read(path)


def test_a_workbook_is_read_to_its_end_whatever_it_says_of_its_size(tmp_path):
    book, whole = openpyxl.Workbook(), io.BytesIO()
    for row in [tuple(SALES.columns), *SALES.head(50).itertuples(index=False)]:
        book.active.append(row)
    book.save(whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(tmp_path / "sales.xlsx", "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("sheet1.xml"):
                content = re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:C3"', content)
            copy.writestr(name, content)
    assert clean(read(tmp_path / "sales.xlsx")).report.rows_in == 50


def test_a_damaged_workbook_is_refused_wherever_it_breaks(tmp_path):
    book, sound = openpyxl.Workbook(), io.BytesIO()
    for row in ["customer_id", "timestamp", "amount"], *SALES.head(300).astype(str).values.tolist():
        book.active.append(row)
    book.save(sound)
    parts = {name: zipfile.ZipFile(sound).read(name) for name in zipfile.ZipFile(sound).namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    damaged = {
        "the header": {sheet: parts[sheet].replace(b"<c ", b"<c <", 1)},
        "the last row": {sheet: parts[sheet].replace(b"</sheetData>", b"</sheet>")},
        "the styles": {"xl/styles.xml": parts["xl/styles.xml"].replace(b"count=", b"co=")},
        "the properties": {"docProps/core.xml": b"<"},
    }
    files = {}
    for place, changed in damaged.items():
        files[place] = io.BytesIO()
        with zipfile.ZipFile(files[place], "w") as written:
            for name, content in {**parts, **changed}.items():
                written.writestr(name, content)
    files["the packing"] = io.BytesIO(sound.getvalue().replace(b"xl/workbook.xml", b"xl/workbook.xm\0", 1))
    for place, content in files.items():
        (tmp_path / "sales.xlsx").write_bytes(content.getvalue())
        with pytest.raises(InputError, match=r"'sales\.xlsx' cannot be read as a workbook"):
            pytest.fail(f"{place}: {len(clean(read(tmp_path / 'sales.xlsx')).log)} rows were read")


def test_a_table_of_a_thousand_columns_is_read(tmp_path):
    sold = [("ann", "2024-01-01", "5"), ("bob", "2024-01-02", "7"), ("ann", "2024-02-02", "9")]
    lines = [",".join([*line, *["1"] * 1000, '"a\nb"']) for line in sold]
    names = ["customer_id", "timestamp", "amount", *(f"x{number}" for number in range(1001))]
    (tmp_path / "wide.csv").write_text("\n".join([",".join(names), *lines]))
    assert clean(read(tmp_path / "wide.csv")).report.money_kept == 21.0


def test_a_table_of_a_hundred_thousand_columns_is_refused_at_once(tmp_path):
    (tmp_path / "wider.csv").write_text(f"{'a,' * 100_000}b\n")
    with pytest.raises(InputError, match="at least 100,001 columns, but at most 16,384"):
        read(tmp_path / "wider.csv")


def test_arrow_decodes_no_text_with_pythons_decoder(tmp_path, monkeypatch):
    """It does so in threads of its own: one that had work left when a command was refused aborted or held it up."""
    given, open_csv = [], pyarrow.csv.open_csv

    def noted(file, *, read_options, **options):
        given.append(read_options.encoding)
        return open_csv(file, read_options=read_options, **options)

    monkeypatch.setattr(pyarrow.csv, "open_csv", noted)
    file = tmp_path / "orders.csv"
    file.write_bytes("customer_id,timestamp,amount\nJosé,2024-01-31,9.5\n".encode("cp1252"))
    assert clean(read(file)).log["customer_id"].tolist() == ["José"]
    assert given == ["utf8"]


def lines_with(change, every=25):
    lines = [
        [f"C{n % 90}", f"2024-0{1 + n % 9}-{1 + n % 28:02}", "10.50", f"O{n}", "mug"] for n in range(1000)
    ]
    texts = [",".join(change(line) if n % every == 0 else line) for n, line in enumerate(lines)]
    return "\n".join(["customer,date,amount,order,product", *texts, ""])


BROKEN_LINES = {
    "a sign in the amount": (lambda line: [*line[:2], "1,050.00", *line[3:]], 40 * 1050),
    "a comma in the product": (lambda line: [*line[:4], "mug, blue"], 40 * 10.5),
    "a comma in the customer": (lambda line: ["Doe, Ann", *line[1:]], 40 * 10.5),
    "the end cut off": (lambda line: line[:3], 40 * 10.5),
    "no amount to be read": (lambda line: [*line[:2], "a", "b", *line[3:]], 40 * 10.5),
}


@pytest.mark.parametrize(("change", "money"), BROKEN_LINES.values(), ids=BROKEN_LINES)
def test_the_money_of_broken_lines_is_estimated_and_stops_a_go(tmp_path, change, money):
    path = tmp_path / "sales.csv"
    path.write_text(lines_with(change))
    cleaned = clean(read(path))
    report = cleaned.report
    assert report.money_kept == pytest.approx(960 * 10.5)
    assert (report.rows_unreadable, report.money_unreadable) == (40, pytest.approx(money))
    verdict = judge(cleaned.log, report=report)
    assert any("40 lines cannot be read (about" in reason for reason in verdict.reasons)


def test_the_money_of_lines_with_undecodable_bytes_is_read_from_them(tmp_path):
    path = tmp_path / "sales.csv"
    text = lines_with(lambda line: [*line[:2], "99.00", line[3], "M\udcfctze"])
    path.write_bytes(text.replace("mug", "Tüte").encode("utf-8", "surrogateescape"))
    report = clean(read(path)).report
    assert (report.rows_unreadable, report.money_unreadable) == (40, pytest.approx(40 * 99))


def test_lines_below_the_table_that_are_no_sales_have_no_money(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text(lines_with(lambda line: line) + "Exported by Ann\nPage 1,of 1\n")
    report = clean(read(path)).report
    assert (report.rows_unreadable, report.money_unreadable) == (0, 0)


def test_the_money_of_lines_that_an_open_quote_swallowed_is_estimated(tmp_path):
    path = tmp_path / "sales.csv"
    lines = lines_with(lambda line: line).splitlines()
    lines[901] = '"' + lines[901]
    path.write_text("\n".join(lines) + "\n")
    report = clean(read(path)).report
    assert report.money_kept == pytest.approx(900 * 10.5)
    assert (report.rows_unreadable, report.money_unreadable) == (100, pytest.approx(100 * 10.5))
    lines[951] = '"' + lines[951]  # the quote is closed fifty lines later
    path.write_text("\n".join(lines) + "\n")
    report = clean(read(path)).report
    assert report.money_kept + report.money_unreadable == pytest.approx(1000 * 10.5)
    assert report.rows_unreadable == 51
