"""Names of products, read from the column that names them."""

import pandas as pd

from cltv_ml.data import read, read_product_names


def sold(**columns) -> pd.DataFrame:
    return pd.DataFrame(
        {"Customer": ["a", "b", "a", "c"], "Date": "2025-03-01", "Total": [2.0, 3.0, 2.0, 4.0], **columns}
    )


def test_the_most_frequent_name_counts_and_articles_are_spelled_as_in_the_log():
    lines = sold(
        SKU=[" 1001", "1002", "1001", "1001"], Bezeichnung=["Tee", "Marmelade", "Tee", "Tee, damaged"]
    )
    lines = pd.concat([lines.iloc[:3]] * 4 + [lines.iloc[3:]])
    assert read_product_names(read(lines)) == {"1001": "Tee", "1002": "Marmelade"}


def test_a_column_that_says_something_else_on_each_line_names_no_product():
    lines = sold(SKU=["1", "1", "1", "1"], Description=["call back", "gift", "urgent", "paid in shop"])
    assert read_product_names(read(lines)) == {}


def test_without_articles_or_names_there_are_none():
    assert read_product_names(read(sold(Description=["Tea", "Jam", "Tea", "Tea"]))) == {}
    assert read_product_names(read(sold(SKU=["1", "2", "1", "1"]))) == {}
