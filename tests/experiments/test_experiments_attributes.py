"""What tables about customers bring: the simulated shop's truth, and the rows and lines that are written."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.customers import CustomerSources
from cltv_ml.windows import Window
from experiments.benchmark import attributes, pages, rows
from experiments.benchmark.attributes_table import HEAD, TRUTH, WITHOUT, attribute_lines
from experiments.simulated_attributes import AMOUNT, FIRST_DAY, expected_spend, simulate_attributes


def test_expected_spend_is_what_simulated_customers_spend_on_average():
    log, people = simulate_attributes(40_000, seed=4)
    window = Window(FIRST_DAY + pd.Timedelta(days=500), 182)
    expected = expected_spend(log, people, window)
    later = log[log["timestamp"].between(window.cutoff, window.end)].groupby("customer_id").size()
    spent = later.reindex(expected.index, fill_value=0) * AMOUNT
    fifths = pd.qcut(expected.rank(method="first"), 5, labels=False)
    np.testing.assert_allclose(spent.groupby(fifths).mean(), expected.groupby(fifths).mean(), rtol=0.08)
    channel = people.set_index("customer_id")["channel"].loc[expected.index]
    np.testing.assert_allclose(spent.groupby(channel).mean(), expected.groupby(channel).mean(), rtol=0.06)


def test_a_window_has_a_row_per_group_and_the_truth_where_it_is_known(monkeypatch, tmp_path):
    log, people = simulate_attributes(600, seed=1)
    task = attributes.AttributeTask(
        lambda: (log, CustomerSources(customers=people)),
        91,
        ("2024-06-01",),
        (attributes.ALL, attributes.ONCE),
    )
    monkeypatch.setattr(attributes, "TASKS", {attributes.SIMULATED: task})
    monkeypatch.setattr(attributes, "SEEDS", (0,))
    monkeypatch.setattr(rows, "RESULTS", tmp_path)
    monkeypatch.setattr(pages, "write_all", lambda: None)
    table = attributes.run(say=lambda sentence: None)
    assert table["note"].tolist() == [WITHOUT, TRUTH, WITHOUT, TRUTH]
    everybody = table[table["task"].str.endswith(attributes.ALL)]
    assert (everybody["customers"] == log[log["timestamp"] < "2024-06-01"]["customer_id"].nunique()).all()
    assert ((table["value"] - table["reference"]) - table["difference"]).abs().max() < 1e-12
    assert table["difference_lower"].lt(table["difference_upper"]).all()
    assert len(rows.read("attributes")) == 4


def test_lines_say_what_is_missed():
    row = {"task": "a_shop, all", "cutoff": "2024-06-01", "horizon": 91, "customers": 100}
    found = pd.DataFrame(
        [
            {
                **row,
                "value": 0.5,
                "reference": 0.52,
                "note": WITHOUT,
                "difference_lower": -0.03,
                "difference_upper": 0.0,
            },
            {
                **row,
                "value": 0.5,
                "reference": 0.52,
                "note": WITHOUT,
                "difference_lower": -0.03,
                "difference_upper": -0.01,
            },
            {
                **row,
                "value": 0.5,
                "reference": 0.52,
                "note": TRUTH,
                "difference_lower": -0.03,
                "difference_upper": -0.01,
            },
            {
                **row,
                "value": 0.49,
                "reference": 0.52,
                "note": TRUTH,
                "difference_lower": -0.04,
                "difference_upper": -0.02,
            },
        ]
    )
    lines = attribute_lines(found.assign(difference=found["value"] - found["reference"]))
    assert [line[-1] for line in lines] == ["", "missed", "", "missed"]
    assert all(len(line) == len(HEAD) for line in lines)


def test_an_unknown_task_is_one_sentence():
    with pytest.raises(ValueError, match="Unknown task 'nowhere'"):
        attributes.run(["nowhere"])
