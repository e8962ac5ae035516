"""The data report shows at its top how the source was read."""

import pandas as pd
import pytest

from cltv_ml.data import REASONS, clean, judge
from cltv_ml.reporting.rule_names import SHORT_REASONS
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
        ["read", "", "4", "35.50"],
        ["not a completed sale", "not_completed", "-1", "-20.00"],
        ["unreadable amount", "bad_amount", "-1", "0.00"],
        ["kept", "", "2", "15.50"],
    ]


def test_every_rule_has_a_name_in_words():
    assert list(SHORT_REASONS) == list(REASONS)
    assert [name for name in SHORT_REASONS.values() if "_" in name or len(name) > 25] == []


def test_the_account_says_how_each_status_was_read(account):
    _, tables = account
    assert [row[:2] for row in rows(tables["Which lines are completed sales"])] == [
        ["Status: paid", "a sale"],
        ["Status: failed", "not a sale, left out"],
    ]


def test_the_account_names_columns_that_are_not_used(account):
    sentences, tables = account
    assert ["Amount", "amount"] in rows(tables["Which column is which"])
    assert any("not used: Warehouse" in sentence for sentence in sentences)


def test_every_column_of_the_log_is_profiled_with_its_source():
    source = pd.DataFrame(
        {
            "Customer": ["a", "b", "a", "c"],
            "Date": ["2025-01-05", "2025-02-05", "2025-03-05", "2025-04-05"],
            "Amount": [10.0, 20.0, 5.5, 4.0],
            "Category": ["tea", "tea", "tea", None],
        }
    )
    cleaned = clean(source)
    sections = check_sections(cleaned, judge(cleaned.log, None, cleaned.report))
    held = next(part for part in sections if part["title"] == "What the clean log contains")
    table = held["tables"][1]
    assert [row[0] for row in table["rows"]] == list(cleaned.log.columns)
    shown = {row[0]: row for row in table["rows"]}
    assert shown["category"] == ["category", "Category", "text", "25.0%", "1", "tea 75.0%"]
    assert shown["customer_id"][-1] == ""
    assert shown["amount"][1:] == ["Amount", "number", "0.0%", "4", "4 to 20, median 7.75"]
    assert shown["timestamp"][-1].startswith("2025-01-05 to 2025-04-05, median 2025-0")
