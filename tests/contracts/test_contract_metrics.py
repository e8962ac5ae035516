"""What every metric promises, for whatever stands in the catalogue."""

import math
from functools import partial

import numpy as np
import pytest

from cltv_ml.evaluation.interval_metrics import INTERVAL_METRICS, QUANTILE_METRICS
from cltv_ml.evaluation.metrics import METRICS, PURCHASE_METRICS
from tests.catalogues import for_each

each_metric = for_each(METRICS)
each_purchase_metric = for_each(PURCHASE_METRICS)
each_interval_metric = for_each(INTERVAL_METRICS)


@pytest.fixture(scope="module")
def customers():
    rng = np.random.default_rng(1)
    y_true = rng.gamma(0.5, 40, 400) * (rng.random(400) < 0.4)
    y_pred = np.round(rng.gamma(1, 20, 400), -1)  # many ties
    return y_true, y_pred


def assert_order_does_not_matter(metric, *columns):
    value = metric(*columns)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(columns[0]))
        assert metric(*(column[order] for column in columns)) == pytest.approx(value, rel=1e-12)


@each_metric
def test_metric_is_a_float(name, customers):
    assert type(METRICS[name].function(*customers)) is float


@each_metric
def test_row_order_does_not_matter_even_with_ties(name, customers):
    assert_order_does_not_matter(METRICS[name].function, *customers)


@each_metric
def test_perfect_prediction_is_best(name, customers):
    y_true, y_pred = customers
    metric = METRICS[name]
    perfect = metric.function(y_true, y_true)
    other = metric.function(y_true, y_pred)
    if metric.more_is_better:
        assert other < perfect <= metric.best
    else:
        assert perfect == pytest.approx(metric.best, abs=1e-12)
        assert abs(other) > abs(perfect)


@each_metric
def test_nobody_buying_gives_a_number_or_nan_and_no_warning(name):
    value = METRICS[name].function(np.zeros(20), np.linspace(0, 1, 20))
    assert isinstance(value, float)
    assert math.isnan(value) or math.isfinite(value)


@each_metric
def test_missing_predictions_are_refused(name):
    with pytest.raises(ValueError, match="y_pred has 1 missing"):
        METRICS[name].function([1.0, 2.0], [1.0, float("nan")])


@each_metric
def test_unequal_lengths_are_refused(name):
    with pytest.raises(ValueError, match="the same length"):
        METRICS[name].function([1.0, 2.0], [1.0])


@pytest.fixture(scope="module")
def buyers():
    rng = np.random.default_rng(4)
    p_buy = rng.random(300).round(1)  # many ties
    return (rng.random(300) < p_buy).astype(float), p_buy


@each_purchase_metric
def test_purchase_metric_is_a_float_whatever_the_order_of_rows(name, buyers):
    assert type(PURCHASE_METRICS[name].function(*buyers)) is float
    assert_order_does_not_matter(PURCHASE_METRICS[name].function, *buyers)


@each_purchase_metric
def test_knowing_who_buys_is_best(name, buyers):
    bought, p_buy = buyers
    metric = PURCHASE_METRICS[name]
    perfect, other = metric.function(bought, bought), metric.function(bought, p_buy)
    assert perfect == metric.best
    assert other < perfect if metric.more_is_better else other > perfect


@each_interval_metric
def test_interval_metric_is_a_float_whatever_the_order_of_rows(name, customers):
    y_true, centre = customers
    columns, metric = (y_true, centre * 0.5, centre * 2), partial(INTERVAL_METRICS[name], level=0.8)
    assert type(metric(*columns)) is float
    assert_order_does_not_matter(metric, *columns)


@each_interval_metric
def test_interval_metric_refuses_missing_bounds(name):
    with pytest.raises(ValueError, match="has 1 missing"):
        INTERVAL_METRICS[name]([1.0], [0.0], [float("nan")], 0.9)


def test_quantile_metrics_are_best_for_the_true_quantiles_whatever_the_order_of_rows():
    rng = np.random.default_rng(3)
    y_true = rng.gamma(2, 10, 4_000)
    low, middle, high = (np.full(4_000, np.quantile(y_true, share)) for share in (0.1, 0.5, 0.9))
    for name, metric in QUANTILE_METRICS.items():
        best = metric(y_true, low, middle, high, 0.8)
        assert type(best) is float, name
        order = rng.permutation(4_000)
        assert metric(y_true[order], low, middle, high, 0.8) == pytest.approx(best, rel=1e-12), name
        for worse in ((low * 0.5, middle, high), (low, middle * 1.2, high), (low, middle, high * 1.2)):
            assert metric(y_true, *worse, 0.8) > best, name
