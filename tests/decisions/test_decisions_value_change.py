import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cltv_ml.decisions.value_change import account_for_change, change_by_customer, price_index
from cltv_ml.windows import Window

_MONEY = st.floats(0, 1e6, allow_nan=False)
_SCORES = st.dictionaries(st.integers(0, 30).map(str), _MONEY, min_size=1, max_size=20)


def _frame(values):
    return pd.DataFrame({"expected_value": pd.Series(values, dtype=float)})


def by_cause(before, after, **options):
    return account_for_change(change_by_customer(before, after, **options)).set_index("part")


@given(_SCORES, _SCORES, st.floats(0.5, 2.0), st.floats(0.5, 2.0))
def test_the_parts_sum_exactly_to_the_total(before, after, ratio, drift):
    before, after = _frame(before), _frame(after)
    table = change_by_customer(before, after, same_model=after["expected_value"] * drift, price_ratio=ratio)
    total = int(
        (after["expected_value"] * 10_000).round().sum() - (before["expected_value"] * 10_000).round().sum()
    )
    assert int(table[["behaviour", "prices_and_margins", "model"]].sum().sum()) == total


def test_a_pure_price_rise_is_all_prices():
    before = _frame({"a": 10.0, "b": 100.0})
    table = by_cause(before, before * 1.05, price_ratio=1.05)["change"]
    assert table["prices and margins"] == pytest.approx(5.5)
    assert table.drop(["prices and margins", "total"]).abs().sum() == 0


def test_a_new_model_on_the_same_customers_is_all_model():
    before = _frame({"a": 10.0, "b": 100.0})
    table = by_cause(before, before + 1, same_model=before["expected_value"])["change"]
    assert table["model"] == 2.0
    assert table["total"] == 2.0


def test_new_customers_have_one_value_whatever_prices_and_the_model():
    """The report said 5,991 for 61 new customers, the page of actions less, at earlier prices."""
    before, after = _frame({"a": 10.0}), _frame({"a": 10.0, "joins": 8.0})
    table = by_cause(before, after, price_ratio=1.25, same_model=after["expected_value"] / 2)
    assert table.loc["new"].tolist() == [1, 8.0]


def test_each_customer_of_behaviour_is_in_one_part():
    before = _frame(
        {"lapses": 5.0, "returns": 1.0, "climbs": 10.0, "falls": 90.0, "stays": 60.0, "leaves": 3.0}
    )
    after = _frame(
        {"lapses": 1.0, "returns": 8.0, "climbs": 70.0, "falls": 20.0, "stays": 61.0, "joins": 4.0}
    )
    before["lifecycle"] = ["active", "lapsed", "active", "active", "active", "active"]
    after["lifecycle"] = ["lapsed", "active", "active", "active", "active", "new"]
    parts = change_by_customer(before, after, tiers={"high": 50.0, "low": 0.0})["part"].to_dict()
    assert parts == {
        "lapses": "lost",
        "returns": "reactivated",
        "climbs": "upgraded",
        "falls": "downgraded",
        "stays": "same tier",
        "leaves": "lost",
        "joins": "new",
    }


def test_a_missing_value_is_refused():
    with pytest.raises(ValueError, match="1 value is missing"):
        change_by_customer(_frame({"a": np.nan}), _frame({"a": 1.0}))


def test_the_price_index_finds_a_known_rise_and_ignores_what_is_bought():
    rng = np.random.default_rng(0)
    product, later = rng.integers(0, 20, 3000), rng.random(3000) < 0.5
    quantity = rng.integers(1, 5, 3000) * np.where(later & (product > 10), 3, 1)
    log = pd.DataFrame(
        {
            "customer_id": "a",
            "timestamp": np.where(later, np.datetime64("2024-01-05"), np.datetime64("2023-01-05")),
            "amount": (5.0 + product) * quantity * np.where(later, 1.08, 1.0),
            "product_id": product.astype(str),
            "quantity": quantity,
        }
    )
    assert price_index(log, Window("2023-01-01", 31), Window("2024-01-01", 31)) == pytest.approx(
        1.08, abs=1e-6
    )


def test_a_price_index_without_shared_products_says_so(shop):
    with pytest.raises(ValueError, match="no product was sold both"):
        price_index(shop, Window("2020-01-01", 31), Window("2023-01-01", 31))


def test_nobody_before_makes_everybody_new():
    table = by_cause(_frame({}), _frame({"a": 4.0}), tiers={"high": 50.0, "low": 0.0})
    assert table.loc["new"].tolist() == [1.0, 4.0]
