"""The section on lifetime value shows every part with its interval, and tiers by the value that was chosen."""

import pandas as pd

from cltv_ml.reporting.sections import against_headline, lifetime_fact, lifetime_section

ACCOUNT = {
    "cutoff": "2024-01-01",
    "horizon": 91,
    "end": 1826,
    "discount_rate": 0.1,
    "notes": ["half lies beyond"],
    "totals": [
        {"part": "value_to_date", "total": 1000.0, "lower": None, "upper": None},
        {"part": "expected_value", "total": 50.0, "lower": 40.0, "upper": 60.0},
        {"part": "residual_value", "total": 150.0, "lower": 90.0, "upper": 200.0},
        {"part": "remaining_value", "total": 200.0, "lower": 130.0, "upper": 260.0},
        {"part": "lifetime_value", "total": 1200.0, "lower": 1130.0, "upper": 1260.0},
    ],
}


def test_parts_stand_with_their_intervals_and_without_a_profit_that_is_not_known():
    found = lifetime_section(ACCOUNT, pd.Series(range(10), dtype=float), "remaining revenue", currency="EUR")
    table = found["tables"][0]
    assert table["head"] == ["Part", "Revenue", "Revenue, 90% interval"]
    assert ["Remaining: expected and residual", "200.00 EUR", "130.00 EUR to 260.00 EUR"] in table["rows"]
    assert found["warnings"] == ["half lies beyond"]
    assert "discounted at 10.0% a year" in found["sentences"][0]


def test_tiers_go_by_the_chosen_value():
    found = lifetime_section(ACCOUNT, pd.Series(range(10), dtype=float), "remaining revenue")
    assert [row[:2] for row in found["tables"][1]["rows"]] == [["High", "2"], ["Medium", "3"], ["Low", "5"]]


def test_the_fact_names_the_total_its_interval_and_how_far_it_reaches():
    fact = lifetime_fact(ACCOUNT, "remaining_value", "remaining revenue", "EUR")
    assert (fact["name"], fact["value"]) == ("Remaining revenue", "200.00 EUR")
    assert fact["note"] == "130.00 EUR to 260.00 EUR with 90% probability; up to 5 years ahead"


def test_another_revenue_of_the_same_days_than_the_first_screen_is_told():
    """The page had said 107,466 EUR for 90 days at its top and 107,903 EUR in the table below, and not why."""
    account = {**ACCOUNT, "discount_rate": 0.0}
    first = {"value": "52.00 EUR", "note": "40.00 EUR to 60.00 EUR; 9 customers, 91 days from 2024-01-01"}
    (told,) = against_headline(account, first, "EUR")
    assert told.startswith("Within the horizon this table expects 50.00 EUR, the first screen 52.00 EUR")
    assert against_headline(account, {**first, "note": "9 customers, 30 days from 2024-01-01"}, "EUR") == []
    assert against_headline(ACCOUNT, first, "EUR") == []  # discounted


def test_tiers_that_the_page_has_already_are_not_told_again():
    found = lifetime_section(ACCOUNT, None, "expected revenue", currency="EUR")
    assert [table["caption"] for table in found["tables"]] == ["Parts of the lifetime value, all customers"]
    assert found["figures"] == []


def test_the_figure_of_the_tiers_names_the_value_that_they_go_by():
    found = lifetime_section(ACCOUNT, pd.Series(range(10), dtype=float), "remaining profit")
    assert found["figures"][0]["title"].endswith("of the remaining profit")
