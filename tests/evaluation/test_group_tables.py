"""Bias by group, coverage of intervals, metrics across windows."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation.tables import compute_bias_by_group, compute_coverage, compute_metric_ranges


def test_interval_of_a_groups_bias_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        y = pd.Series(rng.gamma(0.5, 40, 300))
        table = compute_bias_by_group(y, pd.Series(np.full(300, 20.0)), pd.Series(["all"] * 300))
        covered.append(table["bias_lower"][0] < 0 < table["bias_upper"][0])
    assert np.mean(covered) == pytest.approx(0.95, abs=0.035)


def test_group_that_spent_nothing_has_no_bias():
    table = compute_bias_by_group(pd.Series([0.0, 0]), pd.Series([1.0, 2]), pd.Series(["a", "a"]))
    assert table[["bias", "bias_lower", "bias_upper"]].isna().all(axis=None)


def test_groups_add_up_to_everybody():
    y, p = pd.Series([1.0, 2, 3, 4]), pd.Series([2.0, 2, 2, 2])
    table = compute_bias_by_group(y, p, pd.Series(list("abab")))
    assert (table["customers"] * table["realised"]).sum() == y.sum()


def test_coverage_is_the_share_inside():
    predictions = pd.DataFrame(
        {"expected_value": [9.0, 8, 2, 1], "value_lower": 0.0, "value_upper": [5.0, 10, 3, 3]}
    )
    table = compute_coverage(pd.Series([6.0, 6, 6, 2]), predictions, groups=2)
    assert table["coverage"].tolist() == [0.5, 0.5]
    assert table["customers"].tolist() == [2, 2]


def test_coverage_of_customers_who_tie_does_not_depend_on_their_order():
    predictions = pd.DataFrame({"expected_value": 1.0, "value_lower": 0.0, "value_upper": [9.0, 9, 1, 1]})
    table = compute_coverage(pd.Series([5.0, 5, 5, 0]), predictions, groups=2)
    assert table["coverage"].tolist() == [0.75, 0.75]
    assert table["nothing"].tolist() == [0.25, 0.25]


def test_coverage_needs_intervals():
    with pytest.raises(ValueError, match="value_lower"):
        compute_coverage(pd.Series([1.0]), pd.DataFrame({"expected_value": [1.0]}))


def test_ranges_span_the_windows():
    results = pd.DataFrame({"model": "m", "metric": "gini", "value": [0.6, 0.8, 0.7]})
    assert compute_metric_ranges(results).iloc[0].tolist() == ["m", "gini", pytest.approx(0.7), 0.6, 0.8, 3]
