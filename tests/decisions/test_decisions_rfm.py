import itertools
import json

import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.rfm import (
    SEGMENTS,
    apply_rfm,
    compute_rfm,
    fit_rfm,
    segment_definitions,
    segment_of,
)


def _inside(box, cell):
    return all(
        low <= score <= high
        for score, (low, high) in zip(cell, (box.recency, box.frequency, box.money), strict=True)
    )


def test_each_of_the_125_cells_belongs_to_exactly_one_segment():
    cells = list(itertools.product(range(1, 6), repeat=3))
    owners = [sum(_inside(box, cell) for box in SEGMENTS.values()) for cell in cells]
    assert len(cells) == 125
    assert owners == [1] * 125


def test_the_table_of_definitions_covers_all_cells():
    assert segment_definitions()["cells"].sum() == 125


@pytest.mark.parametrize(
    ("cell", "name"),
    [((5, 5, 5), "Champions"), ((1, 5, 5), "Cannot lose"), ((1, 1, 1), "Lost"), ((5, 1, 3), "New")],
)
def test_a_marketer_finds_the_usual_names(cell, name):
    assert segment_of(*cell) == name


def test_scores_equal_a_slow_count_of_who_is_worse():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "days_since_last": rng.integers(0, 30, 200),
            "purchase_days": rng.geometric(0.6, 200),
            "spend": rng.gamma(1, 10, 200).round(1),
        }
    )
    scored = apply_rfm(table, fit_rfm(table))
    slow = [1 + int(5 * (table["spend"] < value).mean() + 1e-9) for value in table["spend"]]
    assert scored["money_score"].tolist() == slow
    slow = [
        1 + int(5 * (table["days_since_last"] > value).mean() + 1e-9) for value in table["days_since_last"]
    ]
    assert scored["recency_score"].tolist() == slow


def test_one_time_buyers_score_one_for_frequency_however_many_they_are():
    table = pd.DataFrame(
        {"days_since_last": range(100), "purchase_days": [1] * 95 + [2] * 5, "spend": range(100)}
    )
    assert apply_rfm(table, fit_rfm(table))["frequency_score"].tolist() == [1] * 95 + [5] * 5


def test_customers_who_are_all_alike_get_the_middle_score():
    table = pd.DataFrame({"days_since_last": [3] * 8, "purchase_days": [1] * 8, "spend": [9.0] * 8})
    assert apply_rfm(table, fit_rfm(table))["rfm"].unique().tolist() == ["333"]


def test_stored_cut_points_score_next_month_without_looking_at_it():
    table = pd.DataFrame({"days_since_last": range(50), "purchase_days": range(1, 51), "spend": range(50)})
    cuts = json.loads(json.dumps(fit_rfm(table), allow_nan=False))
    alone = apply_rfm(table.iloc[[7]], cuts)
    assert alone["rfm"].tolist() == [apply_rfm(table, cuts)["rfm"].iloc[7]]


def test_spend_of_all_customers_adds_up_to_the_log(shop):
    table = compute_rfm(shop, "2024-01-01")
    assert round(table["spend"].sum(), 2) == round(shop["amount"].sum(), 2)
    assert (table["days_since_last"] >= 1).all()


def test_nothing_from_the_cutoff_on_is_counted(shop):
    early = shop[shop["timestamp"] < "2023-06-01"]
    pd.testing.assert_frame_equal(compute_rfm(shop, "2023-06-01"), compute_rfm(early, "2023-06-01"))
