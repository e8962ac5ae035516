"""What a campaign is worth, recomputed from a few hundred points."""

import numpy as np
import pandas as pd
import pytest
from pages import recompute_totals

from cltv_ml.decisions.retention import compute_treatment, profit_curve
from cltv_ml.decisions.shop_plan import Parts, PlanTerms
from cltv_ml.money import format_money
from cltv_ml.reporting import glance, plots
from cltv_ml.reporting.list_totals import compute_list_totals
from cltv_ml.reporting.scenarios import _sliders
from cltv_ml.reporting.sections import campaign_section
from cltv_ml.reporting.what_if import compute_what_if, plan_campaign, present_value, recompute

rng = np.random.default_rng(0)
CUSTOMERS = pd.DataFrame(
    {"expected_value": rng.gamma(0.5, 80, 5000), "p_alive": rng.random(5000)},
    index=[f"c{n:04d}" for n in range(5000)],
)
AT_RISK = CUSTOMERS["expected_value"] * (1 - CUSTOMERS["p_alive"])


def test_profit_is_that_of_the_decisions():
    inputs = compute_what_if(AT_RISK, CUSTOMERS["expected_value"].sum(), 91)["inputs"]
    found = recompute(inputs, {"uplift": 20, "margin": 40, "cost": 2, "discount": 0})
    treatment = compute_treatment(CUSTOMERS, uplift=0.2, margin_rate=0.4, cost=2.0)
    expected = profit_curve(treatment, points=5000).set_index("customers")["expected_profit"]
    listed = found[found["customers"] > 0].set_index("customers")["expected_profit"]
    np.testing.assert_allclose(listed, expected[listed.index], atol=0.01)


def test_a_million_customers_are_a_few_hundred_numbers():
    many = pd.Series(rng.gamma(0.5, 80, 1_000_000))
    made = compute_what_if(many, float(many.sum()), 182)
    assert len(made["inputs"]["customers"]) < 700
    assert made["inputs"]["at_risk"][-1] == pytest.approx(many.sum())


def test_discount_is_the_mean_of_the_daily_discount_factors():
    days = np.arange(365_000) / 1000 / 365.25
    assert present_value(12, 365) == pytest.approx(np.mean(1.12**-days), rel=1e-5)


def test_a_control_starts_at_every_digit_of_its_number():
    made = compute_what_if(pd.Series([5.0, 1.0]), 10.0, 30, assumed={"cost": 1234567.25})
    assert {one["name"]: one["value"] for one in made["controls"]}["cost"] == "1234567.25"


def test_two_customers_are_enough():
    made = compute_what_if(pd.Series([5.0, 1.0]), 10.0, 30)
    assert made["inputs"]["customers"] == [0, 1, 2]


def test_currency_without_cents_is_shown_whole_in_the_page_too():
    assert compute_what_if(pd.Series([5.0, 1.0]), 10.0, 30, currency="JPY")["inputs"]["digits"] == 0
    assert compute_what_if(pd.Series([5.0, 1.0]), 10.0, 30, currency="R$")["inputs"]["digits"] == 2


def test_a_cost_below_a_cent_is_named_as_the_controls_have_it():
    few_cents = CUSTOMERS.assign(expected_value=CUSTOMERS["expected_value"] / 100)
    campaign = plan_campaign(few_cents, 91)
    section = campaign_section(campaign, pd.Series("New", index=few_cents.index), currency="USD")
    shown = {control["name"]: control["value"] for control in section["what_if"]["controls"]}
    assert 0 < float(shown["cost"]) < 0.01
    assert f"costs {shown['cost']} USD per customer" in section["warnings"][0]


def test_the_profits_of_the_segments_add_up_to_that_of_the_best_list_in_the_page():
    segments = pd.Series(rng.choice(["New", "Lost", "Loyal"], len(CUSTOMERS)), index=CUSTOMERS.index)
    campaign = plan_campaign(CUSTOMERS, 91)
    by_segment = campaign.by(segments)
    made = compute_what_if(AT_RISK, campaign.total, 91)
    curve = recompute(made["inputs"], campaign.terms)
    best = curve.loc[curve["expected_profit"].idxmax()]
    assert 0 < best["customers"] < len(CUSTOMERS)
    assert by_segment["listed"].sum() == best["customers"]
    assert by_segment["expected_profit"].sum() == pytest.approx(best["expected_profit"])
    assert {one["name"]: one["value"] for one in made["controls"]}["list"] == f"{best['customers']:.0f}"


def test_the_first_screen_names_the_three_segments_with_the_highest_expected_profit():
    segments = pd.Series(
        rng.choice(["New", "Lost", "Loyal", "Champions"], len(CUSTOMERS)), index=CUSTOMERS.index
    )
    campaign = plan_campaign(CUSTOMERS, 91)
    told = glance.without_lists(campaign, segments, currency="EUR")
    for sentence, row in zip(told[:3], campaign.by(segments).itertuples(), strict=False):
        assert f"{row.listed} customers in the segment “{row.Index}”" in sentence
        assert f"expected profit {format_money(row.expected_profit, 'EUR')}" in sentence
    rest = format_money(float(campaign.by(segments)["expected_profit"].iloc[3:].sum()), "EUR")
    assert f"All other segments together: expected profit {rest}" in told[3]
    all_shown = glance.without_lists(campaign, segments.replace("Champions", "New"), currency="EUR")
    assert "All other segments" not in all_shown[3]
    assert "a margin of 30% (an assumption)" in told[3]


def test_the_first_screen_ranks_nobody_where_the_test_shows_no_ranking():
    told = glance.without_lists(plan_campaign(CUSTOMERS, 91), pd.Series(dtype=str), ordered=False)
    assert told[0].startswith("The test does not show that the model ranks")
    part = campaign_section(plan_campaign(CUSTOMERS, 91), pd.Series(dtype=str), ordered=False)
    assert part["warnings"][0] == told[0]
    assert not any("Write to" in sentence for sentence in part["sentences"])


def test_a_list_as_stated_is_one_of_the_lengths_that_the_page_knows():
    profit = pd.Series(range(3000, 0, -1)) / 10.0 - 123.45
    table = pd.DataFrame({"cost": 1.0, "expected_profit": profit})
    stated = [int((profit > 0).sum()), 777]
    for length, budget in zip(stated, (None, 777.0), strict=True):
        inputs = compute_list_totals({"mail": table}, cost=1.0, budget=budget)["inputs"]
        wanted = {"margin": 100, "effect": 100, "cost": 1.0, "budget": budget}
        assert recompute_totals(inputs, wanted)["customers"].tolist() == [length]


def test_a_budget_pays_for_the_whole_stated_list_whatever_its_cost():
    """1.20 each for 750 customers adds up to a hair above 900, and the page began with 749."""
    people = pd.DataFrame({"cost": 1.2, "expected_profit": np.linspace(9, 0.1, 1000)})
    found = compute_list_totals({"mail": people}, cost=1.2, budget=900.0)
    assert 750 in found["inputs"]["lists"][0]["customers"]
    wanted = {"margin": 100, "effect": 100, "cost": 1.2}
    for budget, length in ((0.0, 0), (1.2 * 733, 733), (None, 1000)):
        assert recompute_totals(found["inputs"], {**wanted, "budget": budget})["customers"].tolist() == [
            length
        ]


def test_the_share_who_buy_again_stays_a_share_wherever_its_slider_stands():
    parts = Parts(*np.ones((7, 3)))
    ends = [_sliders(parts, PlanTerms(), share)["retention"][1:3] for share in (0.032, 0.5, 0.98)]
    assert ends == [(-3.0, 10), (-10, 10), (-10, 2.0)]


def test_a_campaign_that_only_loses_has_no_best_list_in_its_figure():
    """A star had marked a list of one customer as the best, below a sentence that no list pays."""
    curve = pd.DataFrame({"customers": [1, 2], "expected_profit": [-1.0, -3.0]})
    curve = curve.assign(cost=curve["customers"], profit_lower=-4.0, profit_upper=1.0)
    drawn = {trace.name: trace for trace in plots.campaign_profit(curve, listed=0).data}
    assert [len(drawn[name].x) for name in ("best list", "your list", "expected profit")] == [0, 0, 2]
    assert drawn["interval"].mode == "lines"
