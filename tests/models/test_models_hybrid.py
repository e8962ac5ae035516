import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import BGNBD, Hybrid, ProbabilisticValue


@pytest.fixture(scope="module")
def panel():
    """Two cutoffs of customers whose spend is the probabilistic value times a factor that a feature knows."""
    rng = np.random.default_rng(3)
    parts = []
    for day, level in (("2024-01-01", 1.0), ("2024-07-01", 3.0)):
        T = rng.integers(30, 300, 3000).astype(float)
        frequency = np.minimum(rng.poisson(rng.gamma(1, 2, 3000)), T)
        recency = np.where(frequency > 0, np.ceil(T * rng.beta(3, 1, 3000)), 0)
        X = pd.DataFrame({"frequency": np.minimum(frequency, recency), "recency": recency, "T": T})
        X["monetary_value"] = np.where(X["frequency"] > 0, rng.gamma(5, 8, 3000), 0.0)
        X["keen"] = rng.integers(0, 2, 3000).astype(float)
        value = ProbabilisticValue(BGNBD(), horizon=91).fit(X).predict(X)
        X["y"] = rng.poisson(level * value * np.where(X["keen"] > 0, 1.6, 0.4) / 20) * 20.0
        X["cutoff"], X["customer_id"] = pd.Timestamp(day), [f"c{number}" for number in range(3000)]
        parts.append(X)
    table = pd.concat(parts).set_index(["cutoff", "customer_id"])
    return table.drop(columns="y"), table["y"]


@pytest.fixture(scope="module")
def model(panel):
    return Hybrid(
        91,
        probabilistic=ProbabilisticValue(BGNBD()),
        features=["keen"],
        n_estimators=200,
        colsample_bytree=1.0,
    ).fit(*panel)


def test_trees_find_who_spends_more_than_the_probabilistic_model_expects(model, panel):
    X, _ = panel
    now = X.xs(pd.Timestamp("2024-07-01"), level="cutoff")
    ratio = model.predict(now) / model.probabilistic_.predict(now)
    assert np.median(ratio[now["keen"] == 1]) / np.median(ratio[now["keen"] == 0]) == pytest.approx(
        4, rel=0.2
    )


def test_a_level_that_differs_from_cutoff_to_cutoff_is_not_carried_into_the_future(model, panel):
    X, _ = panel
    now = X.xs(pd.Timestamp("2024-07-01"), level="cutoff")
    total = model.predict(now).sum() / model.probabilistic_.predict(now).sum()
    assert model.level_ < 1.8  # past holdouts brought 1.0 and 3.0 times the expectation
    assert total == pytest.approx(model.level_, rel=0.1)


def test_each_cutoff_is_valued_by_a_model_of_its_own_customers(panel):
    X, y = panel
    early = X.index.get_level_values("cutoff") < "2024-07-01"
    poisoned = X.copy()
    poisoned.loc[~early, "frequency"] = 0.0
    poisoned.loc[~early, "recency"] = 0.0
    plain, other = Hybrid(91), Hybrid(91)
    first = plain._offsets(X, plain._rows(X, y, None))[0][early]
    assert (other._offsets(poisoned[early], other._rows(poisoned[early], y[early], None))[0] == first).all()


def test_adapting_changes_the_probabilistic_model_and_not_the_trees(model, panel):
    X, _ = panel
    before = model.booster_.save_raw()
    params = model.probabilistic_.purchases_.params_
    model.adapt(X.xs(pd.Timestamp("2024-01-01"), level="cutoff"))
    assert model.booster_.save_raw() == before
    assert model.probabilistic_.purchases_.params_ != params


def test_a_window_whose_spending_is_known_from_other_customers_has_its_own_level(panel):
    X, y = panel
    model = Hybrid(91, probabilistic=ProbabilisticValue(BGNBD()), features=["keen"], n_estimators=20).fit(
        X, y
    )
    july = X.loc[[pd.Timestamp("2024-07-01")]]
    assert model.adapt(july.droplevel("cutoff")).level_ < 1.8
    assert model.adapt(july).level_ == pytest.approx(3.0, rel=0.1)


def test_a_customer_long_gone_is_worth_the_same_alone_as_among_others(model, panel):
    X, _ = panel
    others = X.xs(pd.Timestamp("2024-07-01"), level="cutoff").head(50)
    gone = others.tail(1).assign(frequency=60.0, recency=80.0, T=900.0, monetary_value=40.0)
    assert model.predict(gone) == pytest.approx(model.predict(pd.concat([others, gone]))[-1:], rel=1e-12)
