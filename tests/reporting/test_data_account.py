"""The data report shows at its top how the source was read."""

import pandas as pd
import pytest

from cltv_ml.data import clean, judge
from cltv_ml.reporting.sections.data import check_sections


@pytest.fixture(scope="module")
def account():
    source = pd.DataFrame(
        {
            "Customer": ["a", "b", "a", "c"],
            "Date": ["2025-01-05", "2025-02-05", "2025-03-05", "2025-04-05"],
            "Amount": ["10.00", "20.00", "5.50", "?"],
            "Status": ["paid", "failed", "paid", "paid"],
            "Warehouse": ["North"] * 4,
        }
    )
    cleaned = clean(source)
    section = check_sections(cleaned, judge(cleaned.log, None, cleaned.report))[1]
    return section["sentences"], {table["caption"]: table for table in section["tables"]}


def rows(table):
    return [[cell["text"] if isinstance(cell, dict) else cell for cell in row] for row in table["rows"]]


def test_the_account_says_where_lines_and_money_went_to_the_cent(account):
    _, tables = account
    assert rows(tables["Where the lines and the money went"]) == [
        ["read", "4", "35.50"],
        ["not_completed", "-1", "-20.00"],
        ["bad_amount", "-1", "0.00"],
        ["kept", "2", "15.50"],
    ]


def test_the_account_says_how_each_status_was_read(account):
    _, tables = account
    assert [row[:2] for row in rows(tables["Which lines are completed sales"])] == [
        ["Status: paid", "a sale"],
        ["Status: failed", "no sale, left out"],
    ]


def test_the_account_names_columns_that_are_not_used(account):
    sentences, tables = account
    assert ["Amount", "amount"] in rows(tables["Which column is which"])
    assert any("not used: Warehouse" in sentence for sentence in sentences)
