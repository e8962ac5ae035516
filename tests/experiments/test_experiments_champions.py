import numpy as np
import pytest

from experiments.benchmark import champions, rows
from experiments.benchmark.champions_table import SETS, summarise_champions, training_line
from experiments.worlds import WORLDS

MODELS = {
    "champion": (0.70, 0.02, 0.10, 0.90, "hybrid"),
    "same_rate": (0.90, 0.40, 0.50, np.nan, "nothing"),
    "pareto": (0.68, 0.02, 0.20, 0.90, "histories"),
    "tweedie": (0.71, 0.02, 0.30, 0.90, "labels"),
    "hybrid": (0.70, 0.02, 0.10, 0.90, "labels"),
}


def results(**changes):
    found = []
    for model, (*values, about) in {**MODELS, **changes}.items():
        for metric, value in zip(champions.METRICS, values, strict=True):
            row = {
                "task": "report shop",
                "cutoff": "2024-01-01",
                "horizon": 91,
                "model": model,
                "commit": "x",
            }
            found.append({**row, "metric": metric, "value": value, "parameters": about, "note": "."})
    return rows.frame(found)


def test_every_set_names_a_log_a_cutoff_and_a_horizon():
    found = [one for purpose in SETS for one in champions.read_trainings(purpose)]
    assert len(found) >= 32
    assert all(one.cutoff and one.horizon for one in found)
    assert all(bool(one.data) != bool(one.sql) for one in found)


def test_no_window_is_in_both_sets():
    logs = [{(one.sql, one.data, one.cutoff) for one in champions.read_trainings(each)} for each in SETS]
    assert not logs[0] & logs[1]


def test_simulated_shops_of_the_two_sets_have_seeds_of_their_own():
    first, second = (
        {one.seed for one in champions.read_trainings(each) if one.data in WORLDS} for each in SETS
    )
    assert not first & second


def test_the_champion_is_held_against_the_best_competitor_but_the_naive_rule():
    row = summarise_champions(results()).iloc[0]
    assert (row["champion"], row["gini"], row["best"], row["histories"], row["naive"]) == (
        "hybrid",
        0.70,
        0.71,
        0.68,
        0.90,
    )
    assert row["missed"] == "order"


def test_a_total_far_off_and_intervals_too_narrow_are_misses():
    row = summarise_champions(results(champion=(0.71, -0.2, 0.1, 0.6, "tweedie"))).iloc[0]
    assert row["missed"] == "level, coverage"


def test_a_training_is_summarised_in_one_line():
    assert training_line(results()) == (
        "hybrid, Gini 0.700 of 0.710, bias +2.0%, decile error 0.10, coverage 90%; missed: order"
    )


def test_an_unknown_set_is_refused():
    with pytest.raises(ValueError, match="Unknown set 'all'"):
        champions.read_trainings("all")
