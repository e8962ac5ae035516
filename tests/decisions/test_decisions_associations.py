import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.associations import find_associations


def _orders(baskets):
    lines = [(f"o{number}", item) for number, basket in enumerate(baskets) for item in basket]
    log = pd.DataFrame(lines, columns=["order_id", "category"])
    return log.assign(customer_id="a", timestamp=pd.Timestamp("2024-01-01"), amount=1.0)


def test_support_confidence_and_lift_by_hand():
    table = find_associations(_orders([["tea", "milk"]] * 30 + [["tea"]] * 10 + [["salt"]] * 60))
    row = table[table["bought"] == "tea"].iloc[0]
    assert row[["also_bought", "orders", "support", "confidence", "lift"]].tolist() == [
        "milk",
        30,
        0.3,
        0.75,
        2.5,
    ]


def test_intervals_hold_the_true_lift_as_often_as_promised():
    rng, covered = np.random.default_rng(0), []
    for _ in range(40):
        tea = (rng.random(1500) < 0.3).astype(int)
        milk = (rng.random(1500) < np.where(tea, 0.5, 0.2)).astype(int)
        pairs = zip(tea, milk, strict=True)
        row = find_associations(
            _orders([["salt"] + ["tea"] * t + ["milk"] * m for t, m in pairs]), confidence=0.9
        )
        row = row[(row["bought"] == "tea") & (row["also_bought"] == "milk")].iloc[0]
        covered.append(row["lift_lower"] <= 0.5 / 0.29 <= row["lift_upper"])
    assert 0.78 <= np.mean(covered) <= 0.99


def test_items_bought_together_by_chance_are_left_out():
    rng = np.random.default_rng(1)
    baskets = [
        ["salt"] + ["tea"] * int(rng.random() < 0.4) + ["milk"] * int(rng.random() < 0.4) for _ in range(400)
    ]
    table = find_associations(_orders(baskets), confidence=0.999)
    assert table.empty


def test_a_rare_pair_is_left_out():
    assert find_associations(_orders([["tea", "milk"]] * 19 + [["salt"]] * 100)).empty


def test_without_the_column_the_message_says_which():
    with pytest.raises(ValueError, match="needs the column 'category'"):
        find_associations(_orders([["tea"]]).drop(columns="category"))
