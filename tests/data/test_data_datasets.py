import os
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cltv_ml.data import DATASETS, clean, fetch, read


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_that_is_here_reads_and_reconciles(name):
    if name != "synthetic" and DATASETS[name].find() is None:
        pytest.skip(f"data set {name!r} is not on this machine")
    report = clean(read("synthetic:300" if name == "synthetic" else name)).report
    assert report.rows_kept > 0.6 * report.rows_in
    assert DATASETS[name].traps


def test_lines_of_complete_journey_get_their_category_from_the_table_of_products(monkeypatch, tmp_path):
    folder = tmp_path / "completejourney"
    folder.mkdir()
    lines = pd.DataFrame(
        {
            "household_id": [1, 2, 1],
            "transaction_timestamp": pd.to_datetime(["2017-01-02 12:00"] * 3),
            "sales_value": [1.0, 2.0, 3.0],
            "basket_id": [7, 8, 7],
            "product_id": [30, 10, 99],
            "retail_disc": 0.0,
        }
    )
    lines.to_parquet(folder / "transactions.parquet")
    monkeypatch.setenv("CLTV_DATA_DIR", str(tmp_path))
    with pytest.raises(
        ValueError, match=r"'products\.parquet' is missing; put it into the same folder as the lines"
    ):
        read("complete_journey")
    products = pd.DataFrame({"product_id": [10, 20, 30], "product_category": ["BEEF", "CHEESE", None]})
    products.to_parquet(folder / "products.parquet")
    log = clean(read("complete_journey")).log
    assert dict(zip(log["product_id"], log["category"].fillna("none"), strict=True)) == {
        "30": "none",
        "10": "BEEF",
        "99": "none",
    }


def test_complete_journey_keeps_every_cent_beside_its_categories():
    if DATASETS["complete_journey"].find() is None:
        pytest.skip("data set 'complete_journey' is not on this machine")
    log = clean(read("complete_journey")).log
    assert round(log["amount"].sum(), 2) == 4_596_039.58
    assert log["category"].isna().sum() == 7_045


def test_a_data_set_that_is_not_here_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.delenv("CLTV_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(
        ValueError, match=r"not on this machine\. To get it, run `cltv data fetch online_retail_ii`"
    ):
        read("online_retail_ii")
    with pytest.raises(ValueError, match=r"Unknown data set 'nothing'\. Available"):
        fetch("nothing")


def test_a_fetched_data_set_is_checked_against_its_checksum(monkeypatch, tmp_path):
    import hashlib
    import threading
    import zipfile
    from http.server import HTTPServer, SimpleHTTPRequestHandler

    from openpyxl import Workbook

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def translate_path(self, _):
            return str(tmp_path / "served.zip")

    book = Workbook()
    for row in (
        ["Invoice", "StockCode", "Quantity", "InvoiceDate", "Price", "Customer ID"],
        ["1", "x", 2, "2010-01-01", 1.5, 7],
    ):
        book.active.append(row)
    book.save(tmp_path / "book.xlsx")
    with zipfile.ZipFile(tmp_path / "served.zip", "w") as archive:
        archive.write(tmp_path / "book.xlsx", "book.xlsx")
    server = HTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.delenv("CLTV_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    try:
        url = f"http://127.0.0.1:{server.server_port}/book.zip"
        good = hashlib.sha256(Path(tmp_path, "book.xlsx").read_bytes()).hexdigest()
        monkeypatch.setitem(
            DATASETS, "online_retail_ii", replace(DATASETS["online_retail_ii"], url=url, sha256="0" * 64)
        )
        with pytest.raises(ValueError, match=r"checksum .* instead of 0000"):
            fetch("online_retail_ii")
        monkeypatch.setitem(
            DATASETS, "online_retail_ii", replace(DATASETS["online_retail_ii"], url=url, sha256=good)
        )
        assert os.path.exists(fetch("online_retail_ii"))
        assert clean(read("online_retail_ii")).log["amount"].tolist() == [3.0]
    finally:
        server.shutdown()
        server.server_close()
