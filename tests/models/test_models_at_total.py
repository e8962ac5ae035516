"""A trained shape at a probabilistic total: who spends more from labels, how much in all from histories."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import AtTotal, Ensemble, ProbabilisticValue, Tweedie, for_labels
from cltv_ml.models.state import from_state, to_state


@pytest.fixture(scope="module")
def shop():
    rng = np.random.default_rng(1)
    frequency = rng.poisson(3, 300).astype(float)
    X = pd.DataFrame(
        {
            "frequency": frequency,
            "recency": np.where(frequency > 0, rng.integers(20, 80, 300), 0).astype(float),
            "T": 90.0,
            "monetary_value": np.where(frequency > 0, rng.gamma(4, 5, 300), 0.0),
        },
        index=pd.Index([f"c{number}" for number in range(300)], name="customer_id"),
    )
    return X, pd.Series(frequency * rng.gamma(2, 5, 300), index=X.index)


@pytest.fixture(scope="module")
def model(shop):
    below = ProbabilisticValue()
    return AtTotal(60, model=Tweedie(n_estimators=10), label_days=20, probabilistic=below).fit(*shop)


def test_the_total_is_the_probabilistic_one_and_the_ratios_are_the_trained_ones(model, shop):
    X, y = shop
    values = model.predict(X)
    assert values.sum() == pytest.approx(ProbabilisticValue(horizon=60).fit(X).predict(X).sum())
    trained = Tweedie(20, n_estimators=10).fit(X, y).predict(X)
    assert values / values.sum() == pytest.approx(trained / trained.sum())


def test_it_is_stored_and_restored_and_explains_its_values(model, shop):
    X, _ = shop
    classes = {type(one).__name__: type(one) for one in (model, model.probabilistic_, model.model_)}
    classes |= {
        type(one).__name__: type(one)
        for one in (model.probabilistic_.purchases_, model.probabilistic_.spend_)
    }
    restored = from_state(to_state(model), classes)
    pd.testing.assert_frame_equal(restored.predict_table(X), model.predict_table(X))
    assert model.contributions(X).sum(axis="columns").to_numpy() == pytest.approx(model.predict(X))


def test_labels_longer_than_the_horizon_are_refused(shop):
    with pytest.raises(ValueError, match="label_days must be above 0 and at most the horizon of 60"):
        AtTotal(60, label_days=61).fit(*shop)


def test_only_models_that_need_labels_are_changed_for_shorter_ones():
    assert isinstance(for_labels(ProbabilisticValue(horizon=60), 20), ProbabilisticValue)
    assert isinstance(for_labels(Tweedie(60), 60), Tweedie)
    assert isinstance(for_labels(Tweedie(60), 60, own_level=False), AtTotal)
    short = for_labels(Ensemble(60, members=[ProbabilisticValue(), Tweedie()]), 20)
    assert [type(member).__name__ for member in short.components()] == ["ProbabilisticValue", "AtTotal"]
