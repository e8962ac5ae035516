"""Tree models are regressors of scikit-learn: its own checks, its tools, and tables of any kind."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from cltv_ml.errors import InputError
from cltv_ml.models import CATALOGUE, ZILN, Hybrid, ProbabilisticValue, Tweedie
from cltv_ml.models.trees import TreeModel

#: Enough steps, and leaves small enough, to learn from the checks' few rows; nothing is drawn by chance.
SETTINGS = {
    "n_estimators": 20,
    "learning_rate": 0.3,
    "min_child_weight": 0.0,
    "subsample": 1.0,
    "colsample_bytree": 1.0,
}

#: Model -> check of scikit-learn that it fails -> why.
EXPECTED_FAILURES = {
    "Hybrid": {
        "check_regressors_train": "R² asks for the labels' level; the hybrid's is that of the model below, here 1 a row"
    }
}


class Flat(ProbabilisticValue):
    """The same answer for everybody: it needs no columns, and the checks' tables have no names."""

    def fit(self, X, y=None):
        self.feature_names_in_ = np.array([], dtype=object)
        return self

    def predict_table(self, X):
        return pd.DataFrame(1.0, index=X.index, columns=["expected_value", "expected_purchases", "p_alive"])


class StreamOnly:
    """A table as Polars and others hand it over: names, and Arrow's stream."""

    def __init__(self, table):
        self.columns, self._table = table.column_names, table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


TREES = [name for name, model in CATALOGUE.items() if issubclass(model, TreeModel)]


@pytest.fixture(scope="module")
def shop():
    rng = np.random.default_rng(4)
    X = pd.DataFrame(
        {"spend_[0,30)": rng.gamma(2, 20, 300), "orders<3": rng.integers(0, 3, 300).astype(float)}
    )
    return X, pd.Series(X["spend_[0,30)"] * (rng.random(300) < 0.5))


def tree(name, **settings):
    below = {"probabilistic": Flat()} if name == "Hybrid" else {}
    return CATALOGUE[name](**{**SETTINGS, **below, **settings})


@pytest.mark.filterwarnings("ignore")  # the checks provoke and look at warnings themselves
def test_scikit_learns_own_checks_pass_for_every_tree_model():
    failed = [
        f"{name}: {check['check_name']}: {check['exception']!r}"
        for name in TREES
        for check in check_estimator(tree(name), on_skip=None, on_fail=None)
        if check["status"] == "failed" and check["check_name"] not in EXPECTED_FAILURES.get(name, {})
    ]
    assert len(TREES) == 5
    assert not failed, "\n".join(failed)


def test_arguments_have_the_names_of_scikit_learn_and_xgboost():
    for name in TREES:
        assert {
            "n_estimators",
            "learning_rate",
            "max_depth",
            "min_child_weight",
            "subsample",
            "colsample_bytree",
            "random_state",
            "device",
        } <= set(tree(name).get_params())


def test_names_with_brackets_and_signs_are_learned_from_and_explained(shop):
    X, y = shop
    for name in TREES:
        model = tree(name).fit(X, y)
        if name != "Hybrid":  # what Flat knows of a history cannot be explained
            assert {*X.columns, "baseline"} == set(model.contributions(X).columns), name
        assert list(model.feature_names_in_) == list(X.columns), name


def test_every_kind_of_table_gives_the_same_answer(shop):
    X, y = shop
    table = pa.Table.from_pandas(X)
    for name in TREES:
        model = tree(name).fit(X, y)
        for kind in (table, table.to_batches()[0], StreamOnly(table)):
            assert (model.predict(kind) == model.predict(X)).all(), name
            assert (clone(model).fit(kind, table.column(0)).predict(kind) > 0).any(), name
            assert len(model.predict_table(kind)) == len(X), name
        by_place = clone(model).fit(X.to_numpy(), y.to_numpy())
        assert (by_place.predict(X.to_numpy()) == model.predict(X)).all(), name
        assert by_place.feature_names_in_.tolist() == ["x0", "x1"], name


def test_an_array_is_taken_by_place_with_a_warning_where_names_were_learned(shop):
    X, y = shop
    model = tree("Tweedie").fit(X, y)
    with pytest.warns(UserWarning, match="fitted with feature names"):
        assert (model.predict(X.to_numpy()) == model.predict(X)).all()
    with pytest.raises(InputError, match="X has 1 features, but Tweedie is expecting 2"):
        model.predict(X.to_numpy()[:, :1])


def test_names_partly_numbers_and_features_named_twice_are_refused(shop):
    X, y = shop
    with pytest.raises(InputError, match="some column names are text and some are not"):
        tree("Tweedie").fit(X.rename(columns={"orders<3": 3}), y)
    with pytest.raises(InputError, match=r"features names \['orders<3'\] more than once"):
        tree("Tweedie", features=["orders<3", "orders<3"]).fit(X, y)


def test_a_pipeline_is_cross_validated(shop):
    X, y = shop
    holes = X.mask(np.random.default_rng(0).random(X.shape) < 0.1)
    scores = cross_val_score(make_pipeline(SimpleImputer(), Tweedie(n_estimators=10)), holes, y, cv=3)
    assert np.isfinite(scores).all()
    assert np.isfinite(cross_val_score(Tweedie(n_estimators=10), holes, y, cv=3)).all()


def test_every_value_model_scores_like_a_regressor(shop):
    X, y = shop
    model = tree("Tweedie").fit(X, y)
    assert model.score(X, y) == pytest.approx(
        1 - ((y - model.predict(X)) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    )
    assert model.n_features_in_ == 2


def test_a_row_that_counts_twice_is_the_row_given_twice(shop):
    X, y = shop
    weights = np.arange(len(X)) % 3
    often = np.repeat(np.arange(len(X)), weights)
    for name in set(TREES) - {
        "Quantile"
    }:  # XGBoost interpolates within a leaf otherwise where rows have weights
        weighed = tree(name).fit(X, y, sample_weight=weights).predict(X)
        repeated = tree(name).fit(X.iloc[often], y.iloc[often]).predict(X)
        assert weighed == pytest.approx(repeated, rel=1e-3), name


def test_weights_that_cannot_count_are_refused(shop):
    X, y = shop
    for weights in (np.zeros(300), np.full(300, -1.0), np.full(300, np.nan), np.ones(299)):
        with pytest.raises(InputError, match="sample_weight must"):
            Tweedie().fit(X, y, sample_weight=weights)
    with pytest.raises(InputError, match="every row with a weight has a label of zero"):
        Tweedie().fit(X, y, sample_weight=(y == 0).to_numpy(float))


def test_an_origin_that_counts_more_decides_for_an_objective_of_our_own():
    rng = np.random.default_rng(1)
    cutoffs = pd.to_datetime(["2024-04-01", "2024-07-01"])
    index = pd.MultiIndex.from_product([cutoffs, range(500)], names=["cutoff", "customer_id"])
    X = pd.DataFrame({"activity": rng.random(1000)}, index=index)
    bought = rng.random(1000) < np.where(index.get_level_values("cutoff") == cutoffs[1], 0.8, 0.2)
    y = pd.Series(bought * 10.0, index=index)
    recent = ZILN(91, half_life=20).fit(X, y).p_buy(X).mean()
    assert recent > 0.1 + ZILN(91, half_life=None).fit(X, y).p_buy(X).mean()


def test_a_random_state_of_scikit_learns_kinds_is_taken(shop):
    X, y = shop
    for state in (None, np.random.RandomState(3), np.int64(3)):
        model = Tweedie(n_estimators=5, random_state=state).fit(X, y)
        assert np.isfinite(model.predict(X)).all()


def test_the_hybrid_refuses_an_array_by_the_columns_it_lacks(shop):
    X, y = shop
    with pytest.raises(InputError, match="missing columns"):
        Hybrid().fit(X.to_numpy(), y)


def test_columns_of_arrows_own_types_are_numbers_with_gaps(shop):
    X, y = shop
    flag = X["orders<3"] > 0
    table = pa.table(
        {
            "flag": pa.array([None, *flag[1:]], pa.bool_()),
            "price": pa.array([None, *X["spend_[0,30)"].round(2)[1:]]).cast(pa.decimal128(12, 2)),
        }
    )
    plain = pd.DataFrame({"flag": flag.astype(float), "price": X["spend_[0,30)"].round(2)})
    plain.iloc[0] = np.nan
    assert (
        tree("Tweedie").fit(table, y).predict(table) == tree("Tweedie").fit(plain, y).predict(plain)
    ).all()
