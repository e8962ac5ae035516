"""Features as SQL of warehouses: generated, parsed, translated back and run on DuckDB."""

import duckdb
import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.features import build_features
from cltv_ml.features.warehouse import warehouse_sql
from tests.contracts.test_contract_features import CUTOFFS, make_log

sqlglot = pytest.importorskip("sqlglot", reason="the extra 'warehouse' is not installed")


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "databricks"])
def test_the_sql_of_a_warehouse_means_what_the_builder_computes(dialect):
    log, cutoff = make_log(customers=20), CUTOFFS[1]
    sql = warehouse_sql(log.head(3), cutoff, "all", table="shop.orders", dialect=dialect)
    con = duckdb.connect()
    con.execute("create schema shop; create table shop.orders as from log")
    found = con.sql(sqlglot.transpile(sql, read=dialect, write="duckdb")[0]).df()
    found = found.set_index("customer_id").sort_index()
    ours = build_features(log, cutoff, "all")
    medians = {"gap_median", "price_level_in_category"}
    assert set(ours) - set(found) == (medians if dialect == "bigquery" else set())
    pd.testing.assert_frame_equal(found, ours[list(found)], check_dtype=False, rtol=1e-9)


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake"])
def test_no_type_of_another_engine_stays_in_the_sql(dialect):
    sql = warehouse_sql(make_log(customers=2), CUTOFFS[1], table="shop.orders", dialect=dialect).lower()
    for word in ("hugeint", "int128", "filter(", "datediff(cast"):
        assert word not in sql
    assert ("bignumeric" in sql) == (dialect == "bigquery")


def test_a_median_is_refused_for_bigquery_where_it_is_named():
    with pytest.raises(InputError, match="no exact median: leave out"):
        warehouse_sql(make_log(customers=2), CUTOFFS[1], ["gap_median"], table="orders", dialect="bigquery")


def test_names_of_tables_may_have_a_project_and_nothing_else():
    log = make_log(customers=2)
    sql = warehouse_sql(log, CUTOFFS[1], ["orders"], table="my-project.shop.orders", dialect="bigquery")
    assert "FROM `my-project`.shop.orders" in sql
    with pytest.raises(InputError, match="must be the name of a table"):
        warehouse_sql(log, CUTOFFS[1], table="orders; drop", dialect="snowflake")
