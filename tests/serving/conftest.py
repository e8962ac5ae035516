"""Customers and a model fitted on them, which tests of what is served share."""

import pytest

from cltv_ml.models import BGNBD, ProbabilisticValue
from tests.summaries import summaries


@pytest.fixture(scope="session")
def X():
    return summaries(2, 200, (50, 200), (1.0, 2.0), until=0.7)


@pytest.fixture(scope="session")
def fitted(X):
    return ProbabilisticValue(BGNBD(), horizon=30).fit(X)
