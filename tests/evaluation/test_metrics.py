import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import brier_score_loss, mean_tweedie_deviance, roc_auc_score

from cltv_ml.evaluation import interval_metrics, metrics


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


def test_spearman_of_one_value_for_all_on_either_side_is_zero():
    assert metrics.spearman([1, 2, 3], [5, 5, 5]) == metrics.spearman([5, 5, 5], [1, 2, 3]) == 0.0


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


def test_weighted_mape_is_the_error_per_money_spent():
    assert metrics.wmape([10.0, 0, 30], [5, 5, 30]) == pytest.approx(0.25)


def test_the_top_is_a_tenth_of_the_customers_by_default():
    assert metrics.top_capture([50] + [50 / 9] * 9, range(10, 0, -1)) == pytest.approx(0.5)


def test_a_wider_share_from_the_top_holds_no_less_money():
    rng = np.random.default_rng(5)
    y_true, y_pred = rng.gamma(0.4, 30, 500), rng.gamma(1, 3, 500).round()
    found = [metrics.top_capture(y_true, y_pred, share) for share in metrics.TOP_SHARES.values()]
    assert found == sorted(found)


def test_profit_is_what_the_top_spends_times_the_margin_less_the_contacts():
    y_true, y_pred = np.array([0.0, 100, 20, 0, 50]), np.array([9.0, 8, 7, 6, 5])
    campaign = metrics.Targeting(share=0.4, cost=10.0, margin=0.3)
    assert metrics.profit(y_true, y_pred, campaign) == pytest.approx(0.3 * 100 - 2 * 10)


def test_profit_of_contacting_tied_customers_is_that_of_their_average():
    campaign = metrics.Targeting(share=0.5, cost=1.0)
    assert metrics.profit([8.0, 0], [3.0, 3.0], campaign) == pytest.approx(4.0 - 1.0)


def test_auc_and_brier_equal_scikit_learn():
    rng = np.random.default_rng(6)
    p_buy = rng.random(400).round(1)
    bought = (rng.random(400) < p_buy).astype(float)
    assert metrics.auc(bought, p_buy) == pytest.approx(roc_auc_score(bought, p_buy))
    assert metrics.brier(bought, p_buy) == pytest.approx(brier_score_loss(bought, p_buy))


def test_auc_of_a_window_in_which_everybody_bought_is_missing():
    assert np.isnan(metrics.auc([1.0, 1.0], [0.2, 0.9]))


def test_winkler_score_is_least_for_the_true_quantiles():
    y_true = np.random.default_rng(7).exponential(10, 20_000)
    lower, upper = (stats.expon(scale=10).ppf(share) for share in (0.05, 0.95))
    same = np.ones(20_000)
    best = interval_metrics.winkler(y_true, lower * same, upper * same, 0.9)
    for left, right in ((0.5, 1.0), (1.0, 1.5), (2.0, 1.0), (1.0, 0.7)):
        assert interval_metrics.winkler(y_true, left * lower * same, right * upper * same, 0.9) > best


def test_an_interval_upside_down_is_refused():
    with pytest.raises(ValueError, match="lower is above upper"):
        interval_metrics.coverage([1.0], [2.0], [1.0])


def test_nothing_for_everybody_wins_mae_and_loses_the_deviance():
    rng = np.random.default_rng(0)
    expected = rng.gamma(1, 20, 3_000)
    y_true = expected * rng.exponential(10, 3_000) * (rng.random(3_000) < 0.1)
    nothing = np.zeros(3_000)
    assert metrics.mae(y_true, nothing) < metrics.mae(y_true, expected)
    assert metrics.deviance(y_true, nothing) > 5 * metrics.deviance(y_true, expected)


def test_deviance_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    y_true = rng.gamma(1, 20, 500) * (rng.random(500) < 0.5)
    y_pred = rng.gamma(2, 10, 500) + 1
    expected = mean_tweedie_deviance(y_true, y_pred, power=1.5)
    assert metrics.deviance(y_true, y_pred) == pytest.approx(expected)


def test_the_deviance_of_small_predictions_is_that_of_scikit_learn_and_negative_ones_count_as_zero():
    y_true, y_pred = np.array([0.0, 0.2, 1.0, 3.0]), np.array([0.1, 0.4, 0.3, 0.9])
    expected = mean_tweedie_deviance(y_true, y_pred, power=1.5)
    assert metrics.deviance(y_true, y_pred) == pytest.approx(expected)
    assert metrics.deviance([0.0], [-5.0]) == metrics.deviance([0.0], [0.0]) == 0.0


def test_a_tenth_in_which_nothing_was_spent_is_measured_against_the_average_tenth():
    y_pred = np.repeat(np.arange(10.0, 0.0, -1.0), 2)
    y_true = np.where(y_pred == 1.0, 0.0, y_pred + 1.0)  # each tenth but the last is one too low per customer
    errors = [2.0 / (2 * (value + 1)) for value in range(2, 11)] + [2.0 / (y_true.sum() / 10)]
    assert metrics.decile_mape(y_true, y_pred) == pytest.approx(np.mean(errors))


def test_a_perfect_prediction_of_one_buyer_has_the_best_value_of_every_metric():
    y_true = np.r_[np.zeros(99), 30.0]
    found = {name: metric.function(y_true, y_true) for name, metric in metrics.METRICS.items()}
    assert found == pytest.approx({name: metric.best for name, metric in metrics.METRICS.items()})
