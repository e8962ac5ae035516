"""Equal customers are fitted once while a training lasts, and nothing else changes."""

import threading

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from cltv_ml.models import BGNBD, GammaGamma, Hybrid, ParetoNBD, ProbabilisticValue, Tweedie
from cltv_ml.models.fit_cache import once, shared_fits


@pytest.fixture
def customers():
    X = BGNBD().with_params({"r": 0.5, "alpha": 40.0, "a": 0.8, "b": 2.5}).simulate(300, 200.0, seed=2)
    spend = np.random.default_rng(2).gamma(5, 8, 300)
    return X.assign(monetary_value=np.where(X["frequency"] > 0, spend, 0.0))


@pytest.fixture
def fits(monkeypatch):
    """Return the names of the purchase models that were fitted."""
    made = []
    for model in (BGNBD, ParetoNBD):
        real = model.fit

        def fit(self, *words, real=real):
            made.append(self.name)
            return real(self, *words)

        monkeypatch.setattr(model, "fit", fit)
    return made


def test_equal_customers_are_fitted_once(customers, fits):
    with shared_fits():
        first = ProbabilisticValue(horizon=30).fit(customers)
        second = ProbabilisticValue(horizon=60).fit(customers.copy())
    assert fits == ["bg_nbd"]
    assert first.predict(customers).sum() < second.predict(customers).sum()


def test_other_customers_and_other_models_are_fitted_anew(customers, fits):
    with shared_fits():
        ProbabilisticValue().fit(customers)
        ProbabilisticValue().fit(customers.head(250))
        ProbabilisticValue(ParetoNBD()).fit(customers)
        ProbabilisticValue(BGNBD("weeks")).fit(customers)
    assert len(fits) == 4


def test_purchase_models_of_the_same_customers_share_the_fit_of_their_spend(customers, monkeypatch):
    fitted, real = [], GammaGamma.fit
    monkeypatch.setattr(GammaGamma, "fit", lambda self, X: fitted.append(self.covariates) or real(self, X))
    customers = customers.assign(size=np.arange(300) % 7.0)
    with shared_fits():
        for purchases in (BGNBD(), ParetoNBD()):
            for spend in (GammaGamma(), GammaGamma(covariates=["size"])):
                ProbabilisticValue(purchases, spend).fit(customers)
        ProbabilisticValue(BGNBD(), GammaGamma(covariates=["size"])).fit(customers.assign(size=0.5))
    assert fitted == [(), ["size"], ["size"]]


def test_nothing_is_kept_afterwards_and_an_inner_block_ends_nothing(customers, fits):
    with shared_fits():
        with shared_fits():
            ProbabilisticValue().fit(customers)
        ProbabilisticValue().fit(customers)
    ProbabilisticValue().fit(customers)
    assert len(fits) == 2


def test_a_shared_fit_predicts_the_same(customers):
    y = pd.Series(np.random.default_rng(3).gamma(1, 30, 300), index=customers.index)
    alone = Hybrid(30, n_estimators=10).fit(customers, y).adapt(customers).predict_table(customers)
    with shared_fits():
        Hybrid(30, n_estimators=20).fit(customers, y)
        shared = Hybrid(30, n_estimators=10).fit(customers, y).adapt(customers).predict_table(customers)
    pd.testing.assert_frame_equal(shared, alone, check_exact=True)


def test_equal_trees_are_grown_once_and_the_latest_used_are_kept(customers, monkeypatch):
    grown, train = [], xgb.train

    def counted(*words, **options):
        grown.append(1)
        return train(*words, **options)

    monkeypatch.setattr("xgboost.train", counted)
    monkeypatch.setattr("cltv_ml.models.fit_cache.MOST_FITS", 2)
    y = pd.Series(np.random.default_rng(3).gamma(1, 30, 300), index=customers.index)
    with shared_fits():
        for rounds in (5, 6, 5, 7, 5, 6):  # 6 was dropped for 7, 5 was used again
            Tweedie(n_estimators=rounds).fit(customers, y)
    assert len(grown) == 4


def test_many_customers_are_predicted_once_by_the_same_trees(customers, monkeypatch):
    y = pd.Series(np.random.default_rng(3).gamma(1, 30, 300), index=customers.index)
    models = [Hybrid(30, n_estimators=rounds).fit(customers, y).adapt(customers) for rounds in (5, 6)]
    alone = [model.predict(customers) for model in models]
    made, predict = [], xgb.Booster.inplace_predict
    monkeypatch.setattr("cltv_ml.models.boosting._MANY_ROWS", 300)
    monkeypatch.setattr(
        xgb.Booster, "inplace_predict", lambda *words, **more: made.append(1) or predict(*words, **more)
    )
    with shared_fits():
        for _ in range(2):
            for model, values in zip(models, alone, strict=True):
                np.testing.assert_array_equal(model.predict(customers), values)
                np.testing.assert_array_equal(model.predict_table(customers)["expected_value"], values)
        assert len(made) == 2
        models[0].predict(customers.assign(frequency=0.0, recency=0.0, monetary_value=0.0))
        models[0].predict(customers[:299])  # too few to be worth it
        models[0].predict(customers[:299])
    assert len(made) == 5


def test_trees_that_weigh_origins_otherwise_are_grown_anew(customers):
    both = pd.concat(
        {pd.Timestamp("2024-01-01"): customers, pd.Timestamp("2024-12-01"): customers[::-1]}, names=["cutoff"]
    )
    y = pd.Series(np.random.default_rng(3).gamma(1, 30, len(both)), index=both.index)
    alone = Tweedie(30, half_life=20, n_estimators=10).fit(both, y).predict(both)
    with shared_fits():
        Tweedie(30, half_life=None, n_estimators=10).fit(both, y)
        shared = Tweedie(30, half_life=20, n_estimators=10).fit(both, y).predict(both)
    np.testing.assert_array_equal(shared, alone)


def test_a_thread_may_close_the_cache_while_another_asks():
    opened, closing, closed = threading.Event(), threading.Event(), threading.Event()

    def training() -> None:
        with shared_fits():
            opened.set()
            closing.wait(5)
        closed.set()

    class Settings(str):
        def encode(self, *_: str) -> bytes:
            closing.set()
            closed.wait(5)
            return b"mean"

    other = threading.Thread(target=training)
    other.start()
    opened.wait(5)
    assert once(lambda: 1, Settings("mean"), np.zeros(2)) == 1
    other.join()
