"""Bundles beside their priced parts count once; parts of a price of their own count too."""

import pandas as pd

from cltv_ml.data import Rules, clean, read
from tests.data.test_data_by_hand import found

ORDERS = [
    # order, customer, day, sku, parent, quantity, line total
    ("1", "a", "2024-01-05", "SET", None, 1, 54.0),
    ("1", "a", "2024-01-05", "CUP", "SET", 2, 24.0),
    ("1", "a", "2024-01-05", "POT", "SET", 1, 30.0),
    ("2", "b", "2024-01-09", "CUP", None, 1, 12.0),
    ("3", "c", "2024-02-01", "SET", None, 1, 54.0),
    ("3", "c", "2024-02-01", "CUP", "SET", 2, 24.0),
    ("3", "c", "2024-02-01", "POT", "SET", 1, 30.0),
    ("3", "c", "2024-02-01", "TEA", None, 1, 6.5),
    ("4", "a", "2024-03-11", "TEA", None, 2, 13.0),
]


def table(**columns) -> pd.DataFrame:
    names = ["order_id", "customer_id", "date", "sku", "parent_sku", "qty", "line_total"]
    return pd.DataFrame(ORDERS, columns=names).assign(**columns)


def test_parts_that_sum_up_to_their_bundle_are_set_aside_and_told():
    cleaned = clean(read(table()))
    assert cleaned.log["amount"].sum() == 54 + 12 + 54 + 6.5 + 13
    assert (cleaned.quarantine["rule"] == "repeated_total").sum() == 4
    assert any(
        "4 lines with a total of 108.00 are parts of another line" in note for note in cleaned.report.notes
    )
    assert clean(read(table()), Rules(amount_per="line")).log["amount"].sum() == table()["line_total"].sum()


def test_extras_with_a_price_of_their_own_count_and_are_told():
    extras = table()["line_total"].where(table()["sku"] != "POT", 9.0)
    cleaned = clean(read(table(line_total=extras)))
    assert cleaned.log["amount"].sum() == extras.sum()
    assert any("have amounts, and both count" in note for note in cleaned.report.notes)


def test_parents_are_found_by_the_number_of_their_line():
    parents = [None, "0", "0", None, None, "4", "4", None, None]
    numbered = table(item_id=[str(n) for n in range(9)], parent_item_id=parents)
    as_numbers = numbered.assign(
        **{name: pd.to_numeric(numbered[name]) for name in ("item_id", "parent_item_id")}
    )
    for lines in (numbered, as_numbers):
        cleaned = clean(read(lines.drop(columns="parent_sku")))
        assert cleaned.log["amount"].sum() == 54 + 12 + 54 + 6.5 + 13


def test_parts_that_name_the_line_or_the_title_of_their_bundle_count_once(tmp_path):
    text = """
order_id,customer,date,line_id,composite_parent,product,line_total
1,ann,2025-01-05,11,,PC bundle,40.00
1,ann,2025-01-05,12,11,Case,15.00
1,ann,2025-01-05,13,11,Board,25.00
2,bob,2025-01-06,14,,Mouse,50.00
"""
    customers, money, told = found(tmp_path, text)
    assert (customers, money) == (2, 90.0)
    assert "(column 'composite_parent') and add up to it" in told
    text = """
Order,Customer,Date,Item,Package name,Amount
1,ann,2025-01-05,Gift set,,40.00
1,ann,2025-01-05,Soap,Gift set,15.00
1,ann,2025-01-05,Towel,Gift set,25.00
2,bob,2025-01-06,Mug,,50.00
"""
    assert found(tmp_path, text)[:2] == (2, 90.0)


def test_the_variant_of_a_configurable_product_counts_once(tmp_path):
    text = """
order_id,customer_email,created_at,product_type,sku,qty_ordered,row_total
1,ann@x.example,2025-01-05,configurable,TEE-M,2,40.00
1,ann@x.example,2025-01-05,simple,TEE-M,2,40.00
1,ann@x.example,2025-01-05,simple,PIN,1,5.00
2,bob@x.example,2025-01-06,configurable,HAT-L,1,50.00
2,bob@x.example,2025-01-06,simple,HAT-L,1,50.00
"""
    assert found(tmp_path, text)[:2] == (2, 95.0)
