"""Lifetime value is a sum of its parts, in revenue and in profit."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions import (
    Costs,
    choose_value,
    compute_lifetime,
    compute_margins,
    customer_margin_rates,
    margin_credibility,
    residual_share,
    value_to_date,
)
from cltv_ml.errors import InputError
from cltv_ml.models import ParetoNBD
from cltv_ml.models.value_curve import ValueCurve

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

    Everybody's margin rate is (64 + 10) / 200 = .37. Lines of one customer do not differ, so one average line, 200 / 3,
    is what a rate needs to count half: A's is (64 + .37 * 66.67) / (160 + 66.67) = .3912.
    """
    margins = compute_margins(LOG, "customer_id", costs=Costs(acquisition=12.0))
    prior = margin_credibility(LOG)
    rates = customer_margin_rates(margins, prior)
    a = compute_lifetime(value_to_date(LOG), FUTURE, margins, rates=rates).loc["a"]
    assert prior == pytest.approx(200 / 3)
    assert a["lifetime_value"] == 160 + 20 + 30
    assert a["profit_to_date"] == 64 - 12
    assert a["margin_rate"] == pytest.approx(0.3912, abs=1e-4)
    assert a["lifetime_profit"] == pytest.approx(71.56, abs=0.005)


def test_a_discounted_part_of_the_worked_example():
    """100 expected evenly over five years, at 10% a year: the integral of 20 * 1.1 ** -u is 79.55."""
    X = pd.DataFrame({"frequency": [3.0] * 40, "recency": [90.0] * 40, "T": [100.0] * 40})
    steady = ParetoNBD().with_params({"r": 1e6, "alpha": 5e7, "s": 1e-6, "beta": 1e6})
    curve = ValueCurve(horizon=1826)
    curve.purchases_ = steady
    assert 100 * curve.multiples(X, [1826], 0.1)[1826].iloc[0] == pytest.approx(79.55, abs=0.05)


def test_margins_between_customers_whose_lines_differ_need_more_lines():
    noisy = pd.DataFrame(
        {
            "customer_id": list("aaaabbbb"),
            "timestamp": pd.Timestamp("2024-01-01"),
            "amount": 10.0,
            "cost": [1.0, 9, 2, 8, 9, 2, 8, 1],
        }
    )
    assert (
        margin_credibility(noisy) == 40.0
    )  # customers do not differ: everybody's rate, as for an average customer


def test_the_weight_of_a_rate_is_the_same_to_the_bit_in_any_order_of_lines():
    """Two runs with the same data had listed customers in two orders, because threads added lines in another order."""
    rng = np.random.default_rng(4)
    lines = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 60, 900).astype("str"),
            "timestamp": pd.Timestamp("2024-01-01"),
            "amount": rng.gamma(2, 40, 900).round(2) + 0.01,
        }
    )
    costs = Costs(margin_rate=0.3)
    assert margin_credibility(lines, costs) == margin_credibility(
        lines.sample(frac=1.0, random_state=1), costs
    )


def test_rates_beyond_everything_are_held_between_minus_one_and_one():
    margins = compute_margins(LOG, "customer_id", costs=Costs())
    rates = pd.Series({"a": -3.0, "b": 0.2})
    table = compute_lifetime(value_to_date(LOG), FUTURE, margins, rates=rates)
    assert table.loc["a", "remaining_profit"] == -50


def test_a_customer_without_margins_has_no_profit_but_a_value():
    margins = compute_margins(LOG, "customer_id", costs=Costs()).drop("b")
    b = compute_lifetime(value_to_date(LOG), FUTURE, margins).loc["b"]
    assert b["lifetime_value"] == 50
    assert pd.isna(b["lifetime_profit"])


def test_the_value_to_go_by_is_a_column_and_profit_must_be_known():
    table = compute_lifetime(value_to_date(LOG), FUTURE)
    assert choose_value(table, "remaining", "revenue").tolist() == [50, 10]
    with pytest.raises(InputError, match=r"have no remaining profit; .* map a cost column"):
        choose_value(table, "remaining", "profit")


def test_margin_rates_beyond_one_are_asked_for_as_shares():
    for rate, told in (
        (30.0, "from -1 to 1"),
        (-1.2, "got -1.2"),
        ({"tea": 40.0}, "of 'tea' must be a share from -1 to 1, got 40; write 0.4 for 40%"),
    ):
        with pytest.raises(InputError, match=told):
            Costs(margin_rate=rate)


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
    with pytest.raises(InputError, match="1 customer has a future value but no purchase"):
        compute_lifetime(value_to_date(LOG), future)
