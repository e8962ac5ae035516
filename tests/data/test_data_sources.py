import gzip
import os
import sqlite3
import zipfile
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from openpyxl import Workbook

from cltv_ml import engine
from cltv_ml.addresses import is_url, without_secrets
from cltv_ml.data import clean, read
from cltv_ml.errors import InputError
from cltv_ml.sources import archives, folders, frames
from cltv_ml.sources.databases import read_database

REFERENCE = pd.DataFrame(
    {
        "customer_id": ["a", "b", "ä", "d"],
        "timestamp": [
            pd.Timestamp(t) for t in ("2024-01-31", "2024-02-01 10:15", "2024-02-02", "2024-02-03 23:59:59")
        ],
        "amount": [9.5, 1234.56, 0.0, 3.0],
    }
)
CSV = (
    "customer_id,timestamp,amount\n"
    "a,2024-01-31,9.50\n"
    'b,2024-02-01 10:15,"1,234.56"\n'
    "ä,2024-02-02,0\n"
    "d,2024-02-03T23:59:59,3\n"
)


def assert_is_the_reference(raw):
    pd.testing.assert_frame_equal(clean(raw).log, REFERENCE, check_dtype=False)


def written(folder, content, name="orders.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_csv_of_any_encoding_gives_the_reference(tmp_path, encoding):
    assert_is_the_reference(read(written(tmp_path, CSV.encode(encoding))))


@pytest.mark.parametrize("ends", ["\r", "\r\n", "\n\r\n\r"])
def test_any_ends_of_lines_give_the_reference(tmp_path, ends):
    """Lone carriage returns, as old spreadsheets of the Mac write them, and a file of several kinds."""
    lines = CSV.splitlines()
    kinds = {"\r": ["\r"], "\r\n": ["\r\n"]}.get(ends, ["\n", "\r\n", "\r"])
    text = "".join(line + kinds[number % len(kinds)] for number, line in enumerate(lines))
    assert_is_the_reference(read(written(tmp_path, text.encode())))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_csv_of_any_delimiter_gives_the_reference(tmp_path, delimiter):
    frame = pd.read_csv(written(tmp_path, CSV), dtype=str)
    frame.to_csv(tmp_path / "other.csv", sep=delimiter, index=False)
    assert_is_the_reference(read(tmp_path / "other.csv"))


def test_gz_gives_the_reference(tmp_path):
    assert_is_the_reference(read(written(tmp_path, gzip.compress(CSV.encode()), "orders.csv.gz")))


def test_zip_gives_the_reference(tmp_path):
    with zipfile.ZipFile(tmp_path / "orders.zip", "w") as archive:
        archive.writestr("orders.csv", CSV)
        archive.writestr("__MACOSX/._orders.csv", "x")
    assert_is_the_reference(read(tmp_path / "orders.zip"))


def test_parquet_file_folder_and_glob_give_the_reference(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    REFERENCE[:2].to_parquet(folder / "1.parquet")
    REFERENCE[2:].to_parquet(folder / "2.parquet")
    assert_is_the_reference(read(folder))
    assert_is_the_reference(read(str(folder / "*.parquet")))
    REFERENCE.to_parquet(tmp_path / "one.parquet")
    assert_is_the_reference(read(tmp_path / "one.parquet"))


def test_rows_are_numbered_through_all_parquet_files(tmp_path):
    REFERENCE.to_parquet(tmp_path / "1.parquet")
    REFERENCE.assign(amount=float("nan")).to_parquet(tmp_path / "2.parquet")
    assert clean(read(tmp_path)).quarantine["source_row"].tolist() == [5, 6, 7, 8]


def test_pandas_and_arrow_tables_give_the_reference():
    assert_is_the_reference(read(REFERENCE))
    assert_is_the_reference(read(pa.Table.from_pandas(REFERENCE)))
    first, second, *_ = REFERENCE.columns
    assert_is_the_reference(
        read(REFERENCE.set_index([first, second]))
    )  # named levels of an index are columns


def test_periods_of_pandas_are_the_dates_on_which_they_begin():
    times = pd.to_datetime(["2024-01-31 10:00", "2024-02-01 10:15", "2024-02-02 00:00", None])
    for grain in ("h", "D", "W", "M"):
        periods = times.to_period(grain)
        read_as = clean(REFERENCE.assign(timestamp=periods)).log["timestamp"]
        assert read_as.tolist() == periods[:3].to_timestamp().tolist(), grain


def workbook(path, **sheets):
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


HEADER = list(REFERENCE.columns)
ROWS = [[row.customer_id, row.timestamp.to_pydatetime(), row.amount] for row in REFERENCE.itertuples()]


def test_excel_gives_the_reference(tmp_path):
    assert_is_the_reference(read(workbook(tmp_path / "orders.xlsx", Orders=[HEADER, *ROWS])))


def test_excel_sheets_with_one_header_are_stacked(tmp_path):
    book = workbook(tmp_path / "orders.xlsx", A=[HEADER, *ROWS[:1]], B=[HEADER, *ROWS[1:]], Empty=[])
    assert_is_the_reference(read(book))


def test_excel_sheets_with_different_headers_ask_for_one(tmp_path):
    book = workbook(tmp_path / "orders.xlsx", Orders=[HEADER, *ROWS], Notes=[["hello"], ["x"]])
    with pytest.raises(
        ValueError,
        match=r"different headers; name one as table, such as --query Orders\. Available: \['Orders', 'Notes'\]",
    ):
        read(book)
    assert_is_the_reference(read(book, table="Orders"))


def test_a_duckdb_file_gives_the_reference(tmp_path):
    with duckdb.connect(tmp_path / "shop.duckdb") as con:
        con.register("reference", REFERENCE)
        con.execute("create table orders as from reference")
    assert_is_the_reference(read(f"duckdb:///{tmp_path}/shop.duckdb"))


def test_a_duckdb_file_is_read_by_its_path(tmp_path):
    path = tmp_path / "shop.db"
    with duckdb.connect(path) as con:
        con.register("reference", REFERENCE)
        con.execute("create table orders as from reference")
    assert_is_the_reference(read(path))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"duckdb:///.*shop\.db cannot be read"):
        read(path)


@pytest.fixture
def sqlite_url(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as con:
        REFERENCE.assign(timestamp=REFERENCE["timestamp"].astype(str)).to_sql("orders", con, index=False)
        con.execute("create table empty (x)")
    con.close()
    return f"sqlite:///{tmp_path}/shop.db"


def test_a_sqlite_table_and_query_give_the_reference(sqlite_url):
    assert_is_the_reference(read(sqlite_url, table="orders"))
    assert_is_the_reference(read(sqlite_url, table="select * from orders where amount >= 0; "))


@pytest.mark.parametrize(
    "statement",
    [
        "drop table orders",
        "select 1; drop table orders",
        "/* select */ delete from orders",
        "pragma user_version = 7",
    ],
)
def test_sql_that_is_no_select_is_refused(sqlite_url, statement):
    with pytest.raises(ValueError, match="table must be a single SELECT or the name of a table"):
        read(sqlite_url, table=statement)
    assert_is_the_reference(read(sqlite_url, table="orders"))


@pytest.mark.parametrize(
    "statement",
    [
        "copy orders to '{0}/stolen.csv'",
        "select 1) as x; copy orders to '{0}/stolen.csv'; select * from (select 1",
        "select E'\\'' ; copy orders to '{0}/stolen.csv' --'",
        "select * from read_csv('{0}/secret.csv')",
        "select * from '{0}/secret.csv'",
        "from read_text('{0}/secret.csv')",
        "attach '{0}/other.duckdb' as other",
        "with gone as (delete from orders returning *) select * from gone",
        "explain analyze select 1",
        "install httpfs",
    ],
)
def test_a_query_reads_its_database_and_nothing_else(tmp_path, statement):
    (tmp_path / "secret.csv").write_text("customer_id,timestamp,amount\nme,2024-01-01,1\n")
    with duckdb.connect(tmp_path / "shop.duckdb") as con:
        con.register("reference", REFERENCE)
        con.execute("create table orders as from reference")
    with pytest.raises(ValueError, match=r"must be a single SELECT|cannot be read"):
        read(f"duckdb:///{tmp_path}/shop.duckdb", table=statement.format(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.csv", "shop.duckdb"]
    raw = read(f"duckdb:///{tmp_path}/shop.duckdb", table="-- mine\nselect * from orders -- ;\n;")
    assert_is_the_reference(raw)


def test_a_database_with_several_tables_asks_for_one(sqlite_url):
    with pytest.raises(ValueError, match=r"name the table .* Available: \['empty', 'orders'\]"):
        read(sqlite_url)


def test_a_missing_database_file_is_named_and_not_created(tmp_path):
    with pytest.raises(ValueError, match="the database file does not exist"):
        read(f"sqlite:///{tmp_path}/none.db", table="orders")
    assert not (tmp_path / "none.db").exists()


def test_postgresql_gives_the_reference(postgres_url):
    import psycopg

    with psycopg.connect(postgres_url) as con:
        con.execute('create table "Orders" (customer_id text, timestamp timestamptz, amount numeric(12, 2))')
        con.execute("set timezone = 'UTC'")
        con.cursor().executemany(
            'insert into "Orders" values (%s, %s, %s)', REFERENCE.astype(object).values.tolist()
        )
    assert_is_the_reference(read(postgres_url, table="Orders"))
    assert_is_the_reference(read(postgres_url, table='select * from "Orders" order by timestamp'))
    with pytest.raises(ValueError, match=r"cannot be read: .*(WITH|read-only)"):
        read(postgres_url, table='with gone as (delete from "Orders" returning *) select * from gone')


def test_postgresql_hands_every_kind_of_value_over_as_text(postgres_url):
    query = """select 'a,"b"' || chr(13) || chr(10) || 'é' || chr(13) as id,
        timestamptz '2024-03-01 12:00+00' as "Date", 1.50 as amount,
        true as paid, '' as note, null::text as channel, 0.1::float8 as share, date '2024-02-29' as "date"
        union all select null, null, null, null, null, null, null, null
        union all select 'b', null, -2, false, 'x%', '', null, null"""
    table = read_database(engine.connect(), postgres_url, query).table
    assert list(table.kinds) == [
        *frames.inner_names(["id", "Date", "amount", "paid", "note", "channel", "share", "date"]),
        "source_row",
    ]
    assert table.rows(f"from {table}") == [
        ('a,"b"\r\né\r', "2024-03-01 12:00:00+00", "1.50", "true", "", None, "0.1", "2024-02-29", 0),
        ("b", None, "-2", "false", "x%", "", None, None, 1),
    ]


def test_passwords_do_not_appear_in_errors_or_reports(postgres_url):
    with pytest.raises(ValueError, match="cannot be read") as caught:
        read(postgres_url.replace("/postgres", "/nowhere"), table="orders")
    assert "hush-hush" not in str(caught.value)
    assert (
        "hush-hush"
        not in read(postgres_url, table="select 'a' as customer_id, current_date as date, 1 as amount").source
    )


def test_a_url_is_shown_without_user_and_password():
    assert is_url("mysql+pymysql://me@host/shop")
    assert without_secrets("mysql://me:p@ss@host/shop?password=x#y") == "mysql://host/shop"


def test_a_zip_bomb_is_refused_before_it_fills_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LIMIT", 10_000_000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("orders.csv", b"0" * 50_000_000)
    with pytest.raises(ValueError, match=r"unpacks from .* to more than 10,000,000 bytes"):
        read(tmp_path / "bomb.zip")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n\n  \n", "is empty"),
        ("header.csv", b"customer_id,timestamp,amount\n", "contains no rows"),
        ("broken.gz", b"no gzip", "cannot be unpacked"),
        ("broken.zip", b"no zip", "cannot be unpacked"),
        ("broken.xlsx", b"no workbook", "is not an Excel workbook"),
        ("broken.parquet", b"no parquet", "cannot be read as Parquet"),
        ("old.xls", b"x", "save it as xlsx"),
        ("quote.csv", b'customer_id,timestamp,amount\na,"2024-01-01,1\nb,2024-01-01,2\n', "."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message) as caught:
        clean(read(written(tmp_path, content, name)))
    assert str(caught.value).count("\n") == 0


@pytest.mark.skipif(os.name != "posix", reason="Windows has other devices and pipes")
def test_a_device_that_never_ends_is_refused_and_a_pipe_is_read(tmp_path):
    with pytest.raises(
        InputError, match="'/dev/zero' is a device, not a file; name a file, a folder, a pipe"
    ):
        read("/dev/zero")
    reading, writing = os.pipe()
    os.write(writing, b"customer_id,date,amount\na,2024-01-01,5\nb,2024-01-02,7\n")
    os.close(writing)
    assert clean(read(f"/dev/fd/{reading}")).log["amount"].tolist() == [5.0, 7.0]
    os.close(reading)


def test_a_folder_that_may_not_be_read_in_full_is_named(tmp_path, monkeypatch):
    written(tmp_path, b"customer_id,date,amount\na,2024-01-01,5\n", "orders.csv")

    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(InputError, match=r"orders\.csv' in folder .* cannot be read \(Permission denied\)"):
        folders.find(tmp_path)


def test_a_missing_file_is_named():
    with pytest.raises(ValueError, match=r"'nowhere.csv' is not a file.*Data sets: \["):
        read("nowhere.csv")


def test_ragged_lines_keep_their_number_and_text(tmp_path):
    path = written(
        tmp_path,
        'customer_id,timestamp,amount\na,2024-01-31,"1\n"\n\nb,2024\nc,2024-01-31,2,x\nd,2024-01-31,3\n',
    )
    cleaned = clean(read(path))
    broken = cleaned.quarantine
    assert broken[["source_row", "rule", "line"]].values.tolist() == [
        [3, "broken_line", "b,2024"],
        [4, "broken_line", "c,2024-01-31,2,x"],
    ]
    assert cleaned.log["customer_id"].tolist() == ["a", "d"]


def test_columns_of_the_same_name_are_told_apart():
    frame = pd.DataFrame(
        [["a", "2024-01-31", 1, 2]], columns=["customer_id", "timestamp", "amount", "amount"]
    )
    with pytest.raises(ValueError, match="could each be"):
        read(frame)


def test_what_is_no_database_is_refused_with_the_way_out():
    with pytest.raises(
        ValueError, match=r"ftp://host/x.parquet is not a supported database\. Use .*download"
    ):
        read("ftp://host/x.parquet")


@pytest.mark.spark
def test_a_spark_table_gives_the_reference():
    sql = pytest.importorskip("pyspark.sql", reason="the extra 'spark' is not installed")
    spark = (
        sql.SparkSession.builder.master("local[1]").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    )
    try:
        rows = [
            (row.customer_id, row.timestamp.to_pydatetime(), row.amount) for row in REFERENCE.itertuples()
        ]
        assert_is_the_reference(read(spark.createDataFrame(rows, HEADER)))
    finally:
        spark.stop()
