"""Importances and dependence of a model whose workings are known."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.evaluation.explain import (
    compute_contributions,
    compute_dependence,
    compute_importance,
    explain,
    feature_title,
    top_reasons,
)
from cltv_ml.features import CATALOGUE
from cltv_ml.models import GammaGamma, Hybrid, ParetoGGG, ParetoNBD, ProbabilisticValue, ValueModel
from tests.catalogues import for_each

rng = np.random.default_rng(4)
X = pd.DataFrame({"noise": rng.random(800), "rate": rng.random(800), "shift": rng.random(800)})
Y = 10 * X["rate"] + X["shift"]


class Known(ValueModel):
    """Predicts 10 rate + shift."""

    name = "known"
    feature_names_in_ = np.array(["noise", "rate", "shift"], dtype=object)

    def _predict(self, X):
        return 10 * X["rate"].to_numpy() + X["shift"].to_numpy()

    def contributions(self, X):
        return pd.DataFrame(
            {"noise": 0.0, "rate": 10 * X["rate"] - 5, "shift": X["shift"] - 0.5, "baseline": 5.5}
        )


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


def test_dependence_asks_only_about_values_that_a_customer_has():
    counts = X.assign(rate=np.repeat([0.0, 1, 4, 9], 200))  # between two counts lies no frequency
    assert set(compute_dependence(Known(), counts, "rate", points=7)["value"]) <= {0.0, 1.0, 4.0, 9.0}


def test_dependence_on_recency_is_told_in_days_since_the_last_purchase():
    class FallsWithSilence(Known):
        def _predict(self, X):
            return 100.0 - (X["T"] - X["recency"]).to_numpy()

    customers = pd.DataFrame({"frequency": 2.0, "recency": np.arange(60.0) + 1, "T": 80.0})
    table = compute_dependence(FallsWithSilence(), customers, "recency")
    assert table["value"].between(20, 79).all()
    assert (table["predicted"] == 100 - table["value"]).all()


def test_dependence_asks_for_a_feature_that_is_there():
    with pytest.raises(ValueError, match="Unknown feature 'age'"):
        compute_dependence(Known(), X, "age")


def test_reasons_name_the_largest_contributions_first_with_value_and_money():
    customer = pd.DataFrame({"noise": [0.5], "rate": [0.9], "shift": [0.25]}, index=["anna"])
    reasons = top_reasons(Known(), customer, n=3)
    assert reasons.loc["anna"].tolist() == ["rate (0.9): +4.00", "shift (0.25): -0.25", ""]


def test_customers_with_any_frequency_are_asked_although_their_gaps_are_of_another():
    one = ParetoGGG().with_params({"t": 6.0, "gamma": 2.0, "r": 1.2, "alpha": 6.0, "s": 0.7, "beta": 15.0})
    X = one.simulate(25, 60.0, seed=2, horizon=30.0).assign(
        monetary_value=lambda X: 9.0 * (X["frequency"] > 0)
    )
    model = ProbabilisticValue(one, horizon=30)
    model.purchases_, model.spend_ = one, GammaGamma().with_params({"p": 6.0, "q": 4.0, "v": 15.0})
    model.feature_names_in_ = np.array(["frequency", "recency", "T", "monetary_value", "log_gaps"])
    table = compute_importance(model, X, X["purchases"], repeats=2).set_index("feature")
    assert np.isfinite(table["importance"]).all()
    for feature in ("frequency", "recency", "log_gaps"):
        assert np.isfinite(compute_dependence(model, X, feature, points=3)["predicted"]).all()


def test_more_reasons_than_features_are_empty():
    assert top_reasons(Known(), X.head(2), n=5)["reason_5"].tolist() == ["", ""]


def test_no_reasons_at_all_is_a_mistake():
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        top_reasons(Known(), X, n=0)


def test_contributions_come_by_size_and_know_where_a_value_stands():
    table = compute_contributions(Known(), X)
    assert table["feature"].unique().tolist() == ["rate", "shift", "noise"]
    rate = table[table["feature"] == "rate"]
    assert np.corrcoef(rate["rank"], rate["contribution"])[0, 1] > 0.99


def customers(n=500):
    rng = np.random.default_rng(8)
    T = rng.integers(60, 300, n).astype(float)
    frequency = rng.poisson(1.5, n).astype(float)
    recency = np.where(frequency > 0, np.ceil(T * rng.beta(2, 1, n)), 0.0)
    frequency = np.minimum(frequency, recency)
    spend = np.where(frequency > 0, rng.gamma(6, 7, n), 0.0)
    table = pd.DataFrame({"frequency": frequency, "recency": recency, "T": T, "monetary_value": spend})
    return table, pd.Series(rng.gamma(1, 20, n) * (rng.random(n) < 0.5))


def test_reasons_of_a_hybrid_speak_of_frequency_and_days_not_of_columns():
    table, spent = customers()
    model = Hybrid(n_estimators=5, features=["frequency", "recency", "T"]).fit(table, spent)
    said = " ".join(top_reasons(model, table.head(50)).to_numpy().ravel())
    assert "days since the last purchase" in said
    assert "repeat purchase days (" in said
    assert "recency" not in said
    assert "_" not in said


def test_days_since_the_last_purchase_are_counted_back_from_the_cutoff():
    table, _ = customers()
    model = ProbabilisticValue(ParetoNBD()).fit(table)
    one = pd.DataFrame({"frequency": [5.0], "recency": [80.0], "T": [200.0], "monetary_value": [40.0]})
    reasons = top_reasons(model, one, n=4).iloc[0].tolist()
    assert any(reason.startswith("days since the last purchase (120): ") for reason in reasons)


def test_explanations_sum_to_the_value():
    table, spent = customers()
    model = Hybrid(n_estimators=5).fit(table, spent)
    assert explain(model, table).sum(axis="columns").to_numpy() == pytest.approx(model.predict(table))


@for_each(CATALOGUE)
def test_every_feature_has_a_title_in_words(name):
    title = feature_title(name)
    assert 3 <= len(title) <= 160
    assert "_" not in title
    assert not title.endswith(".")
