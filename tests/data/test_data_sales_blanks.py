"""Columns of cancellations that are filled in where nothing was cancelled."""

import pandas as pd
import pytest

from cltv_ml.columns.levels import BLANK
from cltv_ml.data import QuestionsError, clean, read


def test_what_stands_for_nothing_in_a_column_of_cancellations_cancels_no_sale():
    for blank in sorted(BLANK):
        source = pd.DataFrame(
            {
                "Customer": ["a", "b", "c", "d"],
                "Date": ["2025-01-05", "2025-02-05", "2025-03-05", "2025-04-05"],
                "Amount": [10.0, 20.0, 30.0, 40.0],
                "Cancelled at": [blank, "2025-02-06", blank, blank],
            }
        )
        mapping = {
            "customer_id": "Customer",
            "timestamp": "Date",
            "amount": "Amount",
            "cancelled_at": "Cancelled at",
        }
        assert clean(read(source, mapping)).log["amount"].sum() == 80.0, blank


PLACEHOLDERS = [
    "9999-12-31",
    "31/12/9999",
    "1900-01-01",
    "01.01.0001",
    "1970-01-01T00:00:00Z",
    "20991231",
    "Never",
]


@pytest.mark.parametrize("heading", ["cancelled_on", "refunded_at", "deleted_at"])
def test_a_placeholder_of_a_date_says_that_nothing_happened(heading):
    for placeholder in PLACEHOLDERS:
        lines = pd.DataFrame(
            {"customer": list("abcd") * 5, "date": "2024-03-05", "amount": 10.0, heading: placeholder}
        )
        lines.loc[:2, heading] = "2024-04-0" + lines.index[:3].astype(str)
        outcome = clean(read(lines, {"cancelled_at": heading}))
        assert outcome.report.money_kept == 170.0, placeholder
        assert len(outcome.log) == 17


def test_refunds_on_some_of_many_days_are_asked_about_though_the_other_lines_have_a_placeholder():
    days = pd.date_range("2024-01-01", periods=200).astype(str)
    lines = pd.DataFrame({"customer": ["a", "b"] * 100, "date": days, "amount": 10.0, "refunded_at": days})
    lines.loc[lines.index % 5 > 0, "refunded_at"] = "9999-12-31"
    with pytest.raises(QuestionsError, match=r"refunded_at.*40 of 200 lines"):
        read(lines)
