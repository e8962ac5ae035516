"""Where labels say nothing, no model may find anything in them."""

import inspect

import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation.metrics import gini
from cltv_ml.models import CATALOGUE, ValueModel

#: Models that learn from labels alone; those built on another model keep what that one knows without labels.
LEARNERS = [
    name
    for name, model in CATALOGUE.items()
    if issubclass(model, ValueModel)
    and model.needs_labels
    and not {"probabilistic", "members", "model", "purchases"} & set(inspect.signature(model).parameters)
]


@pytest.fixture(scope="module")
def customers():
    rng = np.random.default_rng(5)
    X = pd.DataFrame({f"feature_{number}": rng.random(3_000) for number in range(6)})
    rate = 5 + 60 * X["feature_0"] ** 2 + 40 * X["feature_1"]
    return X, pd.Series(rng.gamma(1, rate) * (rng.random(3_000) < 0.3 + 0.5 * X["feature_0"]))


def skill(name, X, y, spent):
    """Return the Gini on the second half of a model that learned from the first."""
    quick = {"n_estimators": 40, "min_child_weight": 20.0}
    known = CATALOGUE[name]().get_params()
    model = CATALOGUE[name](**{key: value for key, value in quick.items() if key in known})
    model.fit(X[:1_500], y[:1_500])
    return gini(spent[1_500:], model.predict(X[1_500:]))


def test_there_are_models_that_learn_from_labels():
    assert {"Tweedie", "Hurdle"} <= set(LEARNERS)


@pytest.mark.parametrize("name", LEARNERS)
def test_shuffled_labels_give_no_skill_where_true_ones_do(name, customers):
    X, spent = customers
    assert skill(name, X, spent, spent) > 0.3
    shuffled = pd.Series(np.random.default_rng(6).permutation(spent))
    assert abs(skill(name, X, shuffled, spent)) < 0.1
