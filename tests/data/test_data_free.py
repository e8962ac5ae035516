"""Orders for which nothing was paid count as purchases, and are told."""

import pandas as pd

from cltv_ml.data import Rules, clean, read
from tests.data.test_data_by_hand import found

TEXT = """
Order ID,Customer,Date,Product,Quantity,Price
1,ann,2025-01-05,Plan,1,40.00
1,ann,2025-01-05,Sticker,1,0.00
2,bob,2025-01-06,Plan,1,30.00
3,ann,2025-02-07,Trial,1,0.00
4,bob,2025-02-09,Sticker,2,0.00
5,ann,2025-03-10,Plan,1,20.00
"""


def test_orders_without_money_are_told_and_a_rule_leaves_them_out(tmp_path):
    customers, money, told = found(tmp_path, TEXT)
    assert (customers, money) == (2, 90.0)
    assert "2 orders have a total of 0.00 and count as purchases" in told
    told = found(tmp_path, TEXT.replace("4,bob,2025-02-09,Sticker,2,0.00\n", ""))[2]
    assert "One order has a total of 0.00 and counts as a purchase." in told
    found(tmp_path, TEXT)
    cleaned = clean(read(tmp_path / "export.csv"), Rules(on=("free_order",)))
    assert sorted(cleaned.log["order_id"]) == ["1", "1", "2", "5"]
    assert list(cleaned.quarantine["rule"]) == ["free_order", "free_order"]


def test_refunded_orders_whose_total_is_then_zero_are_no_free_orders():
    lines = {
        "order_id": ["1", "2", "3"],
        "customer": ["a", "b", "a"],
        "date": ["2025-01-05", "2025-01-06", "2025-02-06"],
        "Net sales": [10.0, 0.0, 20.0],
        "status": ["completed", "refunded", "completed"],
    }
    assert "have a total of" not in " ".join(clean(read(pd.DataFrame(lines))).report.notes)
    lines["status"][1] = "completed"
    assert "One order has a total of 0.00" in " ".join(clean(read(pd.DataFrame(lines))).report.notes)
