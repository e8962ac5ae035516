"""What every value model promises, for whatever stands in the catalogue."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from cltv_ml.evaluation.calibration import calibrate
from cltv_ml.evaluation.panel import Training
from cltv_ml.models import CATALOGUE, ValueModel
from cltv_ml.models.state import from_state, to_state

VALUE_MODELS = [name for name, model in CATALOGUE.items() if issubclass(model, ValueModel)]
pytestmark = pytest.mark.parametrize("name", VALUE_MODELS, scope="module")


@pytest.fixture(scope="module")
def customers():
    rng = np.random.default_rng(7)
    T = rng.integers(1, 300, 400).astype(float)
    frequency = rng.poisson(2, 400) * (rng.random(400) < 0.6).astype(float)
    recency = np.where(frequency > 0, np.ceil(T * rng.random(400)), 0.0)
    frequency = np.minimum(frequency, recency)
    spend = np.where(frequency > 0, rng.gamma(5, 8, 400), 0.0)
    index = pd.Index([f"c{number:03}" for number in range(400)], name="customer_id")
    X = pd.DataFrame(
        {"frequency": frequency, "recency": recency, "T": T, "monetary_value": spend}, index=index
    )
    y = pd.Series(rng.gamma(2, 20, 400) * (rng.random(400) < 0.4), index=index)
    return X, y


@pytest.fixture(scope="module")
def fitted(name, customers):
    return CATALOGUE[name](horizon=91).fit(*customers)


def test_predictions_are_finite_not_negative_and_aligned(fitted, customers):
    X, _ = customers
    values = fitted.predict(X)
    assert values.shape == (len(X),)
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    table = fitted.predict_table(X)
    assert table.index.equals(X.index)
    assert (table["expected_value"] == values).all()


def test_a_customer_is_scored_alike_alone_and_in_any_company(fitted, customers):
    X, _ = customers
    alone = np.concatenate([fitted.predict(X.iloc[[row]]) for row in range(5)])
    assert alone == pytest.approx(fitted.predict(X)[:5], rel=1e-12)
    assert fitted.predict(X[::-1])[::-1] == pytest.approx(fitted.predict(X), rel=1e-12)


def test_order_of_columns_and_unknown_columns_do_not_matter(fitted, customers):
    X, _ = customers
    assert (fitted.predict(X[X.columns[::-1]].assign(other=1.0)) == fitted.predict(X)).all()


def test_fit_leaves_the_arguments_alone_and_clones_are_fresh(name, fitted):
    assert fitted.get_params(deep=False) == CATALOGUE[name](horizon=91).get_params(deep=False)
    assert not [attribute for attribute in vars(clone(fitted)) if attribute.endswith("_")]


def test_a_stored_model_predicts_the_same_to_the_last_bit(fitted, customers):
    X, _ = customers
    state = to_state(fitted)
    json.dumps(state, default=lambda value: value.hex())  # bytes are the only values beyond JSON
    restored = from_state(state, CATALOGUE)
    pd.testing.assert_frame_equal(restored.predict_table(X), fitted.predict_table(X), check_exact=True)


def test_fitting_twice_gives_the_same_model(name, fitted, customers):
    X, y = customers
    model = CATALOGUE[name](horizon=91)
    assert model.fit(X, y) is model
    assert (model.predict(X) == fitted.predict(X)).all()


def test_a_missing_column_is_named(fitted, customers):
    X, _ = customers
    with pytest.raises(ValueError, match=r"missing columns \['T'\]"):
        fitted.predict(X.drop(columns="T"))


def test_an_infinite_feature_is_named(fitted, customers):
    X, _ = customers
    with pytest.raises(ValueError, match="'monetary_value'"):
        fitted.predict(X.assign(monetary_value=np.inf))


def test_text_in_a_number_column_is_named(fitted, customers):
    X, _ = customers
    with pytest.raises(ValueError, match="'frequency'"):
        fitted.predict(X.assign(frequency="many"))


@pytest.fixture
def calibrated(fitted, customers):
    X, y = customers
    return calibrate(fitted, Training(X.iloc[:0], y.iloc[:0], [], X), pd.Series(fitted.predict(X)), y)


def test_bounds_are_ordered_finite_rise_with_the_value_and_are_stored(calibrated, customers):
    table = calibrated.predict_table(customers[0]).sort_values("expected_value")
    assert np.isfinite(table[["value_lower", "value_upper"]]).all(axis=None)
    assert (table["value_lower"] >= 0).all()
    assert (table["value_lower"] <= table["expected_value"]).all()
    assert (table["expected_value"] <= table["value_upper"]).all()
    assert (np.diff(table[["value_lower", "value_upper"]], axis=0) >= -1e-9).all()
    restored = from_state(to_state(calibrated), CATALOGUE).predict_table(customers[0])
    pd.testing.assert_frame_equal(restored.loc[table.index], table, check_exact=True)


def test_contributions_add_up_to_the_value(fitted, customers):
    X, _ = customers
    parts = fitted.contributions(X)
    assert parts.index.equals(X.index)
    assert np.isfinite(parts).all(axis=None)
    assert parts.sum(axis="columns").to_numpy() == pytest.approx(fitted.predict(X), rel=1e-9)
    assert "baseline" in parts


def test_a_customer_is_explained_alike_alone_and_in_company(fitted, customers):
    X, _ = customers
    together, alone = fitted.contributions(X).iloc[[7]], fitted.contributions(X.iloc[[7]])
    pd.testing.assert_frame_equal(alone, together, rtol=1e-4, atol=1e-4)


def test_a_table_of_another_library_is_answered_as_a_pandas_frame(name, fitted, customers):
    X, y = customers
    table = pl.from_pandas(X)
    again = CATALOGUE[name](horizon=91).fit(table, y.to_numpy())
    for found in (fitted.predict(table), again.predict(X), again.predict_table(table)["expected_value"]):
        assert np.asarray(found) == pytest.approx(fitted.predict(X), rel=1e-12)
    assert fitted.contributions(table).to_numpy() == pytest.approx(
        fitted.contributions(X).to_numpy(), rel=1e-6
    )
