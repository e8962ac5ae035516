"""The table of levels: what is measured, and what it comes to."""

import numpy as np
import pandas as pd
import pytest

from experiments.benchmark import level, rows
from experiments.benchmark.level_table import summarise_level


def table(protocol="out of time", goal=np.nan):
    """Return the rows of two windows: the level is 10% and 20% off, one candidate 5% twice, another is new."""
    biases = {"level": (0.1, -0.2), "bottom-up": (0.3, -0.3), "going on": (0.05, -0.05), "new": (0.0, np.nan)}
    about = {"task": "shop, 30 days", "protocol": protocol, "metric": "bias", "commit": "unknown"}
    found = []
    for model, pair in biases.items():
        for cutoff, bias in zip(("2020-01-01", "2020-02-01"), pair, strict=True):
            row = {
                **about,
                "cutoff": cutoff,
                "model": model,
                "value": bias,
                "note": "" if bias == bias else "x",
            }
            if model == "level":
                row |= {"lower": bias - 0.15, "upper": bias + 0.15, "reference": goal}
            found.append(row)
    return rows.frame(found).dropna(subset="value")


def test_the_best_single_candidate_is_one_tried_at_every_cutoff():
    (row,) = summarise_level(table(goal=0.08)).itertuples()
    assert (row.candidate, row.best, row.bottom_up) == ("going on", 0.05, 0.3)
    assert (row.mean, row.worst, row.covered, row.goal) == (pytest.approx(0.15), 0.2, 0.5, 0.08)


def test_a_simulated_shop_is_held_against_its_best_candidate():
    (row,) = summarise_level(table(protocol="simulated")).itertuples()
    assert row.goal == pytest.approx(1.1 * 0.05)


def test_an_unknown_task_names_those_there_are():
    with pytest.raises(ValueError, match=r"Unknown task 'nowhere'.*cdnow"):
        level.read_level_tasks(["nowhere"])


def test_a_window_gives_a_row_for_the_level_and_for_each_candidate(monkeypatch):
    days = pd.date_range("2020-01-01", periods=200)
    log = pd.DataFrame(
        {"customer_id": [str(day % 20) for day in range(200)], "timestamp": days, "amount": 10.0}
    )
    task = level.LevelTask("shop", "cdnow", [30], ["2020-06-01"], 0.08)
    found = pd.DataFrame([row for _, row in level._task_rows(log, task)])
    assert {"level", "going on"} <= set(found["model"])
    assert found.set_index("model").at["going on", "value"] == pytest.approx(0, abs=0.05)
    assert found.loc[found["model"] == "level", ["lower", "upper"]].notna().all(axis=None)
