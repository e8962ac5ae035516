"""A small simulated log without products, and the first features that it offers."""

import pytest

from cltv_ml.data import simulate
from cltv_ml.features import default_features


@pytest.fixture(scope="session")
def log():
    return simulate(400, seed=2).log[["customer_id", "timestamp", "amount"]]


@pytest.fixture(scope="session")
def names(log):
    return default_features(list(log.columns))[:12]
