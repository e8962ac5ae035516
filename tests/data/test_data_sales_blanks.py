"""Columns of cancellations that are filled in where nothing was cancelled."""

import pandas as pd

from cltv_ml.data import clean, read
from cltv_ml.data.levels import BLANK


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
