"""Draws that hang on a customer's own row alone, against those of one stream."""

import numpy as np
import pytest
from scipy import stats

from cltv_ml.models import BGNBD, MBGNBD, ParetoNBD, ProbabilisticValue
from cltv_ml.models.common_draws import CommonDraws, even_numbers
from tests.summaries import summaries


@pytest.fixture(scope="module")
def X():
    return summaries(5, 120, (20, 700), (0.7, 4), until=0.6)


def test_each_distribution_is_answered_by_its_inverse():
    numbers = even_numbers()[:1]
    mean = np.array([[0.0], [0.3], [40.0], [5e4]]) * np.ones_like(numbers)
    counts = CommonDraws(numbers).poisson(mean)
    assert counts[:3].tolist() == stats.poisson.ppf(numbers, mean[:3]).tolist()
    assert counts[3].mean() == pytest.approx(5e4, rel=1e-3)
    shape = np.array([[0.2], [3.0]])
    drawn = CommonDraws(numbers).gamma(shape, 2.0, (2, numbers.shape[1]))
    assert drawn == pytest.approx(stats.gamma.ppf(numbers, shape, scale=2.0))
    assert CommonDraws(numbers).beta(shape, shape + 1, drawn.shape) == pytest.approx(
        stats.beta.ppf(numbers, shape, shape + 1)
    )


def test_draws_have_the_mean_and_the_bounds_of_draws_from_one_stream(X):
    wrong = []
    for kind in (BGNBD, ParetoNBD, MBGNBD):
        model = ProbabilisticValue(kind(), horizon=730).fit(X)
        own, many = np.concatenate(list(model.common_values(X))), model.sample_values(X, 2000)
        ends = [np.quantile(one, 0.95, axis=1).mean() for one in (own, many)]
        if not (abs(own.mean() / many.mean() - 1) < 0.05 and abs(ends[0] / ends[1] - 1) < 0.1):
            wrong.append((kind.__name__, own.mean() / many.mean(), ends))
    assert not wrong


def test_a_customer_has_the_same_draws_in_another_table(X):
    model = ProbabilisticValue(ParetoNBD(), horizon=730).fit(X)
    whole, some = (next(model.common_values(table)) for table in (X, X.iloc[[7, 90]]))
    assert some == pytest.approx(whole[[7, 90]])
