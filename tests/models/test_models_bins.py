"""Rows that several fits share are binned once, and nothing else changes."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from cltv_ml.models import Hurdle, Tweedie
from cltv_ml.models.bins import Examples, shared_bins
from cltv_ml.models.bins import binned as rows_binned
from cltv_ml.models.boosting import booster_scores, train_booster


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


def test_models_with_other_labels_share_their_bins_and_fit_the_same(rows, binned):
    X, y = rows
    fresh = [model(n_estimators=20).fit(X, y).predict(X) for model in (Tweedie, Hurdle, Tweedie)]
    binned.clear()
    with shared_bins():
        shared = [model(n_estimators=20).fit(X, y).predict(X) for model in (Tweedie, Hurdle, Tweedie)]
        np.testing.assert_array_equal(shared, fresh)
        assert len(binned) == 2  # all rows once, and those of buyers
        np.testing.assert_array_equal(
            Tweedie(n_estimators=20).fit(X, y[::-1].to_numpy()).predict(X),
            Tweedie(n_estimators=20).fit(X.copy(), y[::-1].to_numpy()).predict(X),
        )


def test_rows_in_use_keep_their_labels(rows, binned):
    X, y = rows
    with shared_bins(), rows_binned(Examples(X.to_numpy(np.float32), y.to_numpy())) as first:
        with rows_binned(Examples(X.to_numpy(np.float32), y.to_numpy()[::-1])) as other:
            np.testing.assert_array_equal(other.get_label(), y.to_numpy(np.float32)[::-1])
        with rows_binned(Examples(X.to_numpy(np.float32), y.to_numpy())) as again:
            assert again is first
        np.testing.assert_array_equal(first.get_label(), y.to_numpy(np.float32))
    assert len(binned) == 2


def test_rows_of_other_weights_or_margins_are_binned_anew(rows, binned):
    X, y = rows
    matrix, labels, numbers = X.to_numpy(np.float32), y.to_numpy(), np.arange(1.0, 1501.0)
    with shared_bins():
        for how in ({}, {"weight": numbers}, {"margin": numbers}, {"types": ["q"] * 6}, {}):
            with rows_binned(Examples(matrix, labels, **how)):
                pass
    assert len(binned) == 4


def test_rows_of_many_cells_are_not_kept(rows, binned):
    with shared_bins(most_cells=rows[0].size - 1):
        for _ in range(2):
            Tweedie(n_estimators=5).fit(*rows)
    assert len(binned) == 2


def test_a_nested_context_ends_nothing(rows, binned):
    with shared_bins():
        with shared_bins():
            Tweedie(n_estimators=5).fit(*rows)
        Tweedie(n_estimators=5).fit(*rows)
    assert len(binned) == 1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        {"objective": "reg:tweedie", "base_score": 1.0},
        {"objective": "binary:logistic", "base_score": 0.4},
        {"objective": "reg:gamma", "base_score": 1.0, "subsample": 0.7, "colsample_bytree": 0.5},
    ],
)
def test_scores_of_its_own_rows_are_those_predicted_again(params, weighted):
    rng = np.random.default_rng(5)
    matrix = rng.gamma(1, 10, (3000, 8)).astype(np.float32)
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    labels = (rng.random(3000) < 0.4) * 1.0 if "logistic" in params["objective"] else rng.gamma(1, 1, 3000)
    weight = rng.random(3000) + 0.5 if weighted else None
    trained = train_booster(Examples(matrix, labels, weight), params, rounds=150)
    assert trained.scores is not None
    np.testing.assert_array_equal(trained.own_scores(matrix), booster_scores(trained.booster, matrix))


def test_nothing_is_kept_afterwards(rows, binned):
    with shared_bins():
        Tweedie(n_estimators=5).fit(*rows)
    Tweedie(n_estimators=5).fit(*rows)
    assert len(binned) == 2


def test_shared_bins_give_the_same_predictions_in_several_threads(rows):
    models = [
        model(n_estimators=20, max_depth=depth, random_state=seed)
        for seed in range(4)
        for depth in (2, 4)
        for model in (Tweedie, Hurdle)
    ]
    alone = [model.fit(*rows).predict(rows[0]) for model in models]
    with shared_bins(), ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda model: model.fit(*rows).predict(rows[0]), models))
    assert all((one == other).all() for one, other in zip(alone, together, strict=True))


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_the_hurdles_total_is_that_of_predicting_every_row_again(share):
    rng = np.random.default_rng(7)
    X = pd.DataFrame(rng.gamma(1, 10, (5000, 6)), columns=list("abcdef")).mask(rng.random((5000, 6)) < 0.2)
    y = pd.Series(rng.gamma(2, 20, 5000) * (rng.random(5000) < share))
    model = Hurdle(n_estimators=60).fit(X, y)
    spend = booster_scores(model.spend_booster_, X.to_numpy(np.float32)) * y[y > 0].mean()
    own = booster_scores(model.buy_booster_, X.to_numpy(np.float32)) * spend
    assert model.scale_ == y[y > 0].mean() * (float(y.sum()) / float(own.sum()))
