"""Delta and Iceberg tables: their newest state is read, and scores are kept by customer and cutoff."""

import pandas as pd
import pyarrow as pa
import pytest

from cltv_ml import clean, read
from cltv_ml.errors import InputError
from cltv_ml.serving.batch_targets import Target

ORDERS = pa.table(
    {
        "customer_id": ["a", "b"],
        "timestamp": pd.to_datetime(["2024-01-01", "2024-01-02"]).as_unit("us"),
        "amount": [5.5, 7.0],
    }
)


def scores(customers, cutoff, value):
    count = len(customers)
    columns = {"customer_id": customers, "cutoff": pd.to_datetime([cutoff] * count).as_unit("us")}
    return pa.table({**columns, "expected_value": [value] * count})


def write(place, table):
    target = Target(place)
    target.check()
    target.write(table.schema, table.to_batches())


def by_key(frame):
    return {
        (row.customer_id, f"{row.cutoff:%Y-%m-%d}"): row.expected_value
        for row in frame.itertuples(index=False)
    }


UPSERTED = {("a", "2024-01-01"): 3.0, ("b", "2024-01-01"): 1.0, ("a", "2024-01-08"): 2.0}


@pytest.fixture
def delta(tmp_path):
    """A Delta table that was written twice: its folder holds the files of both."""
    deltalake = pytest.importorskip("deltalake", reason="the extra 'delta' is not installed")
    folder = str(tmp_path / "orders")
    deltalake.write_deltalake(folder, ORDERS)
    deltalake.write_deltalake(folder, ORDERS.slice(0, 1), mode="overwrite")
    return folder


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """An Iceberg catalogue `shop` in a file of its own, which the environment names."""
    catalogues = pytest.importorskip("pyiceberg.catalog", reason="the extra 'iceberg' is not installed")
    from pyiceberg.utils.config import Config

    folder = tmp_path_factory.mktemp("iceberg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYICEBERG_CATALOG__SHOP__TYPE", "sql")
        patch.setenv("PYICEBERG_CATALOG__SHOP__URI", f"sqlite:///{folder}/catalogue.db")
        patch.setenv("PYICEBERG_CATALOG__SHOP__WAREHOUSE", folder.as_uri())
        # It reads the environment when it is imported, which an earlier test may have done.
        patch.setattr(catalogues, "_ENV_CONFIG", Config())
        found = catalogues.load_catalog("shop")
        found.create_namespace("sales")
        yield found
        found.close()


@pytest.fixture(scope="module")
def iceberg(catalogue):
    """An Iceberg table that was written twice."""
    table = catalogue.create_table("sales.orders", schema=ORDERS.schema)
    table.append(ORDERS)
    table.overwrite(ORDERS.slice(0, 1))
    return table


def test_of_a_delta_table_the_newest_state_is_read(delta):
    for place in (delta, f"delta://{delta}"):
        assert clean(read(place)).report.money_in == 5.5


def test_of_an_iceberg_table_the_newest_state_is_read(iceberg):
    for place in (iceberg.location().removeprefix("file://"), "iceberg://shop/sales.orders"):
        assert clean(read(place)).report.money_in == 5.5


def test_scores_of_a_customer_and_cutoff_are_replaced_in_a_delta_table(tmp_path, monkeypatch):
    deltalake = pytest.importorskip("deltalake", reason="the extra 'delta' is not installed")
    monkeypatch.chdir(tmp_path)
    for table in (scores(["a", "b"], "2024-01-01", 1.0), scores(["a"], "2024-01-08", 2.0)):
        write(f"delta://{tmp_path}/scores", table)
    write(f"{tmp_path}/scores", scores(["a"], "2024-01-01", 3.0))  # a folder that is a Delta table
    found = deltalake.DeltaTable(str(tmp_path / "scores")).to_pyarrow_table().to_pandas()
    assert by_key(found) == UPSERTED


def test_scores_of_a_customer_and_cutoff_are_replaced_in_an_iceberg_table(catalogue):
    place = "iceberg://shop/sales.scores"
    write(place, scores(["a", "b"], "2024-01-01", 1.0))
    write(place, scores(["a"], "2024-01-08", 2.0))
    write(place, scores(["a"], "2024-01-01", 3.0))
    assert by_key(catalogue.load_table("sales.scores").scan().to_arrow().to_pandas()) == UPSERTED


def test_a_table_that_is_not_there_is_said_in_a_sentence(catalogue, delta, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read(f"delta://{tmp_path}/nothing")
    with pytest.raises(InputError, match="cannot be read"):
        read("iceberg://shop/sales.nothing")
    with pytest.raises(InputError, match="does not know the catalogue 'unknown'"):
        read("iceberg://unknown/sales.orders")
    with pytest.raises(InputError, match="cannot be written"):
        Target("iceberg://shop/nowhere.scores").check()


def test_a_missing_library_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "deltalake", None)
    (tmp_path / "_delta_log").mkdir()
    with pytest.raises(InputError, match=r"install cltv-ml\[delta\]"):
        read(tmp_path)
