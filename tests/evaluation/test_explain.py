"""Importances and dependence of a model whose workings are known."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation.explain import compute_dependence, compute_importance
from cltv_ml.models import ValueModel

rng = np.random.default_rng(4)
X = pd.DataFrame({"noise": rng.random(800), "rate": rng.random(800), "shift": rng.random(800)})
Y = 10 * X["rate"] + X["shift"]


class Known(ValueModel):
    """Predicts 10 rate + shift."""

    name = "known"
    feature_names_in_ = np.array(["noise", "rate", "shift"], dtype=object)

    def predict(self, X):
        return 10 * X["rate"].to_numpy() + X["shift"].to_numpy()


def test_features_are_ordered_by_what_they_carry():
    table = compute_importance(Known(), X, Y)
    assert table["feature"].tolist() == ["rate", "shift", "noise"]
    assert table["importance"].iloc[-1] == 0


def test_importance_of_the_only_feature_that_matters_is_about_the_whole_gini():
    table = compute_importance(Known(), X, Y).set_index("feature")
    assert table.at["rate", "importance"] == pytest.approx(1, abs=0.15)


def test_dependence_is_the_known_slope():
    table = compute_dependence(Known(), X, "rate")
    slope = np.polyfit(table["value"], table["predicted"], 1)[0]
    assert slope == pytest.approx(10)


def test_dependence_asks_for_a_feature_that_is_there():
    with pytest.raises(ValueError, match="Unknown feature 'age'"):
        compute_dependence(Known(), X, "age")
