"""Customers and a model fitted on them, which tests of what is served share."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import BGNBD, ProbabilisticValue


@pytest.fixture(scope="session")
def X():
    rng = np.random.default_rng(2)
    T = rng.uniform(50, 200, 200)
    frequency = rng.poisson(rng.gamma(1.0, 2.0, 200)).astype(float)
    table = pd.DataFrame({"frequency": frequency, "recency": np.where(frequency > 0, T * 0.7, 0.0), "T": T})
    return table.assign(monetary_value=np.where(frequency > 0, rng.gamma(5, 4, 200), 0.0))


@pytest.fixture(scope="session")
def fitted(X):
    return ProbabilisticValue(BGNBD(), horizon=30).fit(X)
