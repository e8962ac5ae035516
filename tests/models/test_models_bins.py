"""Rows that several fits share are binned once, and nothing else changes."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from cltv_ml.models import Hurdle, Tweedie
from cltv_ml.models.boosting import shared_bins


@pytest.fixture
def rows():
    rng = np.random.default_rng(3)
    X = pd.DataFrame(rng.random((1500, 6)), columns=list("abcdef"))
    return X, pd.Series(rng.gamma(2, 20, 1500) * (rng.random(1500) < 0.5))


@pytest.fixture
def binned(monkeypatch):
    """Return the list of matrices that have been binned."""
    made, bins = [], xgb.QuantileDMatrix

    def counted(*words, **options):
        made.append(words[0].shape)
        return bins(*words, **options)

    monkeypatch.setattr("xgboost.QuantileDMatrix", counted)
    return made


@pytest.mark.parametrize(("model", "matrices"), [(Tweedie, 1), (Hurdle, 2)])
def test_fits_with_other_settings_share_their_bins(model, matrices, rows, binned):
    with shared_bins():
        for depth in (2, 3, 4):
            model(n_estimators=5, max_depth=depth).fit(*rows)
    assert len(binned) == matrices


def test_other_labels_are_binned_anew(rows, binned):
    X, y = rows
    with shared_bins():
        Tweedie(n_estimators=5).fit(X, y)
        Tweedie(n_estimators=5).fit(X, y[::-1])
    assert len(binned) == 2


def test_nothing_is_kept_afterwards(rows, binned):
    with shared_bins():
        Tweedie(n_estimators=5).fit(*rows)
    Tweedie(n_estimators=5).fit(*rows)
    assert len(binned) == 2


def test_shared_bins_give_the_same_predictions_in_several_threads(rows):
    models = [
        Tweedie(n_estimators=20, max_depth=depth, random_state=seed) for depth in (2, 4) for seed in range(6)
    ]
    alone = [model.fit(*rows).predict(rows[0]) for model in models]
    with shared_bins(), ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda model: model.fit(*rows).predict(rows[0]), models))
    assert all((one == other).all() for one, other in zip(alone, together, strict=True))
