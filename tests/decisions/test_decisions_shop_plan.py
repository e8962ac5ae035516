"""Contribution, equity, scenarios and the last plan, with numbers that can be checked by head."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.plan_against_actual import explain_difference
from cltv_ml.decisions.shop_plan import (
    Parts,
    PlanTerms,
    compute_equity,
    compute_scenarios,
    discount_factors,
    plan_contributions,
)
from cltv_ml.errors import InputError


@pytest.fixture
def parts():
    """Two periods: 100 and 90 of known customers; 10 customers to come each, 5 at first and 0, then 2 later."""
    return Parts(
        known=np.array([100.0, 90.0]),
        first=np.array([50.0, 50.0]),
        repeat=np.array([0.0, 20.0]),
        won=np.array([10.0, 10.0]),
        known_orders=np.array([10.0, 9.0]),
        first_orders=np.array([10.0, 10.0]),
        repeat_orders=np.array([0.0, 2.0]),
    )


def test_contribution_takes_off_every_cost_once(parts):
    found = plan_contributions(
        parts, PlanTerms(margin_rate=0.5, share_of_amount=0.1, per_order=1.0, acquisition_cost=2.0)
    )
    assert found["known"].tolist() == [30.0, 27.0]
    assert found["new"].tolist() == [-10.0, -4.0]


def test_equity_of_the_parts_is_that_of_the_whole(parts):
    draws = Parts(**{name: np.stack([values, values]) for name, values in parts.plain().items()})
    table = compute_equity(draws, PlanTerms(margin_rate=0.5), np.array([365.25, 730.5])).set_index("part")[
        "equity"
    ]
    assert table.to_dict() == {"known": 95.0, "new": 60.0, "total": 155.0}


def test_known_customers_and_those_to_come_add_up_to_the_equity_of_skewed_draws(parts):
    sizes = np.array([[0.1], [0.2], [3.0]])
    draws = Parts(
        **{name: values * sizes ** (1 + (name == "known")) for name, values in parts.plain().items()}
    )
    table = compute_equity(draws, PlanTerms(margin_rate=0.5), np.array([30, 60])).set_index("part")["equity"]
    assert table["total"] == pytest.approx(table["known"] + table["new"])


def test_later_money_is_worth_less():
    factors = discount_factors(np.array([30, 60, 90]), 0.1)
    assert (np.diff(factors) < 0).all()
    assert discount_factors(np.array([30, 60]), 0.0).tolist() == [1.0, 1.0]


def test_equity_discounts_each_period_from_its_middle(parts):
    draws = Parts(**{name: np.stack([values, values]) for name, values in parts.plain().items()})
    after = np.array([365.25, 730.5])
    table = compute_equity(draws, PlanTerms(margin_rate=0.5, discount_rate=0.1), after).set_index("part")
    by_hand = float((parts.known * 0.5 / 1.1 ** np.array([0.5, 1.5])).sum())
    assert table.at["known", "equity"] == pytest.approx(by_hand)


def test_each_scenario_changes_one_thing(parts):
    terms = PlanTerms(margin_rate=0.5, acquisition_cost=2.0)
    table = compute_scenarios(parts, terms, np.array([30, 60]), 0.5).set_index("scenario")
    assert table["revenue"].to_dict() == {
        "as forecast": 310.0,
        "arrivals -20%": 286.0,
        "retention +2 points": pytest.approx(310 + 0.04 * 210),
        "basket +5%": pytest.approx(325.5),
        "acquisition cost +10%": 310.0,
    }
    assert table["won"].to_dict()["arrivals -20%"] == 16.0
    assert table.at["acquisition cost +10%", "equity"] == pytest.approx(table.at["as forecast", "equity"] - 4)


def test_orders_follow_arrivals_and_repeat_purchases_but_not_their_size(parts):
    changed = parts.scaled(arrivals=2.0, kept=0.5, basket=3.0)
    assert changed.known_orders.tolist() == [5.0, 4.5]
    assert changed.first_orders.tolist() == [20.0, 20.0]
    assert changed.repeat_orders.tolist() == [0.0, 2.0]


def test_without_a_margin_there_is_no_equity(parts):
    assert "equity" not in compute_scenarios(parts, PlanTerms(), np.array([30, 60]), 0.5)
    with pytest.raises(InputError, match="needs a margin rate"):
        plan_contributions(parts, PlanTerms())


def test_impossible_terms_are_one_sentence():
    for wrong in ({"margin_rate": 30.0}, {"margin_rate": -1.5}, {"discount_rate": -0.1}, {"per_order": -1.0}):
        with pytest.raises(InputError, match=r"write 0\.1 for 10%"):
            PlanTerms(**wrong)
    with pytest.raises(
        InputError, match="a margin from -1 to 1, and costs not negative, got margin_rate=30; write"
    ):
        PlanTerms(margin_rate=30.0)


def test_each_cause_is_found_where_it_alone_moved():
    plan = pd.DataFrame(
        {"customers": [10.0, 10], "orders": [20.0, 10], "revenue": [200.0, 50]}, index=["known", "new"]
    )
    moved = {
        "volume": plan * 1.2,
        "mix": plan.assign(customers=[15.0, 5.0], orders=[30.0, 5.0], revenue=[300.0, 25.0]),
        "frequency": plan.assign(orders=plan["orders"] * 1.5, revenue=plan["revenue"] * 1.5),
        "basket": plan.assign(revenue=plan["revenue"] * 0.5),
    }
    for cause, actual in moved.items():
        found = explain_difference(plan, actual).set_index("cause")["change"]
        assert found[cause] == found["total"] != 0, cause
        assert found.drop([cause, "total"]).abs().max() == 0, cause


def test_causes_sum_to_the_difference():
    rng = np.random.default_rng(0)
    columns = ["customers", "orders", "revenue"]
    plan, actual = (pd.DataFrame(rng.uniform(1, 9, (2, 3)), ["known", "new"], columns) for _ in range(2))
    found = explain_difference(plan, actual).set_index("cause")["change"]
    assert found.drop("total").sum() == pytest.approx(found["total"], abs=1e-9)


def test_a_part_that_nobody_planned_is_mix():
    plan = pd.DataFrame(
        {"customers": [10.0, 0], "orders": [10.0, 0], "revenue": [100.0, 0]}, ["known", "new"]
    )
    actual = pd.DataFrame(
        {"customers": [8.0, 2], "orders": [8.0, 2], "revenue": [80.0, 40]}, ["known", "new"]
    )
    found = explain_difference(plan, actual).set_index("cause")["change"]
    assert found.to_dict() == {"volume": 0.0, "mix": 20.0, "frequency": 0.0, "basket": 0.0, "total": 20.0}
