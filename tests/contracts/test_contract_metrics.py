"""What every metric promises, for whatever stands in the catalogue."""

import math

import numpy as np
import pytest

from cltv_ml.evaluation.metrics import METRICS

pytestmark = pytest.mark.parametrize("name", METRICS)


@pytest.fixture(scope="module")
def customers():
    rng = np.random.default_rng(1)
    y_true = rng.gamma(0.5, 40, 400) * (rng.random(400) < 0.4)
    y_pred = np.round(rng.gamma(1, 20, 400), -1)  # many ties
    return y_true, y_pred


def test_metric_is_a_float(name, customers):
    assert type(METRICS[name].function(*customers)) is float


def test_row_order_does_not_matter_even_with_ties(name, customers):
    y_true, y_pred = customers
    value = METRICS[name].function(y_true, y_pred)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(y_true))
        assert METRICS[name].function(y_true[order], y_pred[order]) == pytest.approx(value, rel=1e-12)


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


def test_nobody_buying_gives_a_number_or_nan_and_no_warning(name):
    value = METRICS[name].function(np.zeros(20), np.linspace(0, 1, 20))
    assert isinstance(value, float)
    assert math.isnan(value) or math.isfinite(value)


def test_missing_predictions_are_refused(name):
    with pytest.raises(ValueError, match="y_pred holds a missing"):
        METRICS[name].function([1.0, 2.0], [1.0, float("nan")])


def test_unequal_lengths_are_refused(name):
    with pytest.raises(ValueError, match="equally long"):
        METRICS[name].function([1.0, 2.0], [1.0])
