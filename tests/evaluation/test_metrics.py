import numpy as np
import pytest
from scipy import stats

from cltv_ml.evaluation import metrics


def test_gini_equals_the_textbook_formula_without_ties():
    # Lorenz area by a plain loop: customers from the highest prediction down.
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.gamma(0.5, 10, 200), rng.permutation(200).astype(float)

    def area(order):
        gained, total = 0.0, 0.0
        for position in order:
            total += (2 * gained + y_true[position]) / 2 / len(y_true)
            gained += y_true[position]
        return total / y_true.sum() - 0.5

    expected = area(np.argsort(-y_pred)) / area(np.argsort(-y_true))
    assert metrics.gini(y_true, y_pred) == pytest.approx(expected, abs=1e-12)


def test_gini_of_one_prediction_for_all_is_zero():
    assert metrics.gini([0, 5, 10], [3, 3, 3]) == pytest.approx(0)


def test_gini_of_the_reverse_order_is_minus_one():
    assert metrics.gini([0, 5, 10], [3, 2, 1]) == pytest.approx(-1)


def test_spearman_equals_scipy():
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 5, 100), rng.integers(0, 5, 100)
    assert metrics.spearman(y_true, y_pred) == pytest.approx(stats.spearmanr(y_true, y_pred).statistic)


def test_deciles_of_customers_who_all_tie_are_all_equal():
    predicted, realised = metrics.group_totals(np.arange(30), np.full(30, 2.0))
    assert predicted == pytest.approx(np.full(10, 6.0))
    assert realised == pytest.approx(np.full(10, 43.5))


def test_group_totals_add_up_to_the_totals():
    rng = np.random.default_rng(3)
    y_true, y_pred = rng.gamma(1, 5, 103), rng.integers(0, 9, 103)
    predicted, realised = metrics.group_totals(y_true, y_pred)
    assert predicted.sum() == pytest.approx(y_pred.sum())
    assert realised.sum() == pytest.approx(y_true.sum())


def test_log_target_that_loses_money_is_seen_by_bias_not_by_mae():
    y_true = np.array([0.0] * 80 + [100.0] * 20)
    timid, honest = np.full(100, 1.0), np.full(100, 20.0)
    assert metrics.mae(y_true, timid) < metrics.mae(y_true, honest)
    assert abs(metrics.bias(y_true, timid)) > abs(metrics.bias(y_true, honest))
