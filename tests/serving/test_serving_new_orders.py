"""New orders with their customers' predicted value: which orders, which money, and what they cannot do without."""

import pandas as pd
import pytest

from cltv_ml.cli.score import show_manifest
from cltv_ml.errors import InputError
from cltv_ml.serving.batch_order import Manifest
from cltv_ml.serving.new_orders import check_new_orders, check_orders, write_new_orders

CUTOFF = pd.Timestamp("2026-03-08")


@pytest.fixture
def log(tmp_path):
    table = pd.DataFrame(
        [
            ("a", "2026-01-01", 5.0, "1"),
            ("a", "2026-03-05", 10.1, "2"),
            ("a", "2026-03-05", 0.2, "2"),
            ("b", "2026-03-01", 7.0, "3"),
            ("b", "2026-02-28", 3.0, "4"),
            ("c", "2026-03-08", 9.0, "5"),
        ],
        columns=["customer_id", "timestamp", "amount", "order_id"],
    ).assign(timestamp=lambda frame: pd.to_datetime(frame["timestamp"]))
    table.to_parquet(tmp_path / "log.parquet")
    return tmp_path / "log.parquet"


@pytest.fixture
def scores(tmp_path):
    table = pd.DataFrame(
        {"customer_id": ["a", "b"], "expected_value": [40.00004321, 8.0], "tier": ["high", "low"]}
    )
    table.to_parquet(tmp_path / "scores.parquet")
    return [tmp_path / "scores.parquet"]


def test_orders_of_the_last_days_carry_their_money_and_their_customers_value(log, scores, tmp_path):
    write_new_orders(log, scores, CUTOFF, 7, tmp_path / "orders.csv")
    found = pd.read_csv(tmp_path / "orders.csv", dtype={"order_id": "str"})
    assert found[["order_id", "amount", "first_order", "expected_value", "tier"]].to_numpy().tolist() == [
        ["2", 10.3, False, 40.0, "high"],
        ["3", 7.0, False, 8.0, "low"],
    ]


def test_an_order_that_began_the_relationship_is_marked(log, scores, tmp_path):
    found = write_new_orders(log, scores, CUTOFF, 10, tmp_path / "orders.csv", "EUR").set_index("order_id")
    assert set(found["currency"]) == {"EUR"}
    assert found["first_order"].to_dict() == {"2": False, "3": False, "4": True}
    assert found["previous_order"].isna().to_dict() == {"2": False, "3": False, "4": True}
    assert (found["previous_order"].dropna() < found["timestamp"][:2]).all()


def test_a_return_is_no_order_and_a_purchase_without_id_came_first(scores, tmp_path):
    table = pd.DataFrame(
        [("a", "2026-02-01", 5.0, None), ("a", "2026-03-05", 9.0, "2"), ("a", "2026-03-06", -4.0, "3")],
        columns=["customer_id", "timestamp", "amount", "order_id"],
    )
    table.assign(timestamp=pd.to_datetime(table["timestamp"])).to_parquet(tmp_path / "log.parquet")
    found = write_new_orders(tmp_path / "log.parquet", scores, CUTOFF, 7, tmp_path / "orders.csv")
    assert found[["order_id", "first_order"]].to_numpy().tolist() == [["2", False]]
    assert found["previous_order"].tolist() == [pd.Timestamp("2026-02-01")]


def test_orders_without_ids_are_refused_with_the_way_out(log):
    check_orders(log)
    pd.read_parquet(log).drop(columns="order_id").to_parquet(log)
    with pytest.raises(InputError, match="map the receipt number to order_id"):
        check_orders(log)


def test_a_database_has_no_place_for_new_orders():
    check_new_orders(0, "sqlite:///shop.db")
    with pytest.raises(InputError, match=r"give a \.parquet or \.csv file with --out"):
        check_new_orders(7, "sqlite:///shop.db")


def test_the_command_tells_where_the_new_orders_are(capsys):
    """The file had been written without a word."""
    about = ("ensemble", 1, "2026-01-01", 90, 3, 3, 9.0, {}, None)
    show_manifest(Manifest("out/scores.parquet", *about), 7)
    assert (
        "Orders    with their customers' value, 7 days: out/scores.new_orders.csv" in capsys.readouterr().out
    )
    show_manifest(Manifest("out/scores.parquet", *about))
    assert "Orders" not in capsys.readouterr().out
