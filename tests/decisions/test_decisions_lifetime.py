"""Lifetime value is a sum of its parts, in revenue and in profit."""

import pandas as pd
import pytest

from cltv_ml.decisions import Costs, compute_lifetime, compute_margins, residual_share, value_to_date
from cltv_ml.errors import InputError

LOG = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b"],
        "timestamp": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-01-15"]),
        "amount": [100.0, 60.0, 40.0],
        "cost": [60.0, 36.0, 30.0],
        "order_id": ["1", "2", "3"],
    }
)
FUTURE = pd.DataFrame(
    {"expected_value": [20.0, 10.0], "residual_value": [30.0, 0.0]},
    index=pd.Index(["a", "b"], name="customer_id"),
)


def test_the_worked_example_of_the_concept_page():
    """A has spent 160 at a cost of 96 and was won for 12; 20 are expected in the horizon and 30 beyond.

    Everybody's margin rate is (64 + 10) / 200 = .37, the mean revenue 100: A's rate is (64 + 37) / 260 = .38846.
    """
    margins = compute_margins(LOG, "customer_id", costs=Costs(acquisition=12.0))
    a = compute_lifetime(value_to_date(LOG), FUTURE, margins).loc["a"]
    assert a["lifetime_value"] == 160 + 20 + 30
    assert a["profit_to_date"] == 64 - 12
    assert a["remaining_profit"] == pytest.approx(50 * (64 + 37) / 260)
    assert a["lifetime_profit"] == pytest.approx(52 + 50 * (64 + 37) / 260)


def test_parts_add_up_for_everybody():
    margins = compute_margins(LOG, "customer_id", costs=Costs(share_of_amount=0.03, acquisition=5.0))
    table = compute_lifetime(value_to_date(LOG), FUTURE, margins)
    for what in ("value", "profit"):
        parts = table[[f"{what}_to_date", f"expected_{what}", f"residual_{what}"]].sum(axis=1)
        pd.testing.assert_series_equal(table[f"lifetime_{what}"], parts, check_names=False)


def test_the_share_beyond_the_horizon_is_shown():
    assert residual_share(compute_lifetime(value_to_date(LOG), FUTURE)) == pytest.approx(30 / 260)


def test_a_customer_without_a_past_is_refused():
    future = FUTURE.rename(index={"b": "stranger"})
    with pytest.raises(InputError, match="1 customers have a future value but no purchase"):
        compute_lifetime(value_to_date(LOG), future)
