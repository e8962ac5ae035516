"""Text columns as categories: learned, stored, explained, and what an unknown level gets."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import CATALOGUE, ZILN, FeatureFiles, Hurdle, Hybrid, Quantile, Tweedie, trees
from cltv_ml.models.categories import MOST_CODES, code_levels, encode
from cltv_ml.models.state import from_state, to_state

TREES = (Tweedie, Hurdle, Hybrid, ZILN, Quantile)


@pytest.fixture(scope="module")
def shop() -> tuple[pd.DataFrame, pd.Series]:
    """Customers of two countries, of which one spends ten times as much; a few of others or of none."""
    rng = np.random.default_rng(0)
    n = 1500
    X = pd.DataFrame({"frequency": 2.0, "recency": 50.0, "T": 100.0, "monetary_value": 10.0}, index=range(n))
    X["country"] = rng.choice(["UK", "FR"], n)
    X.loc[:9, "country"] = "IS"
    X.loc[10:20, "country"] = None
    spend = np.where(X["country"] == "FR", 30.0, 3.0) * (rng.random(n) < 0.7)
    return X, pd.Series(spend, index=X.index)


@pytest.fixture(scope="module")
def fitted(shop):
    X, y = shop
    return {kind: kind(features=["frequency", "country"], n_estimators=40).fit(X, y) for kind in TREES}


def test_every_tree_model_learns_what_a_level_is_worth(shop, fitted):
    X, _ = shop
    for model in fitted.values():
        mean = pd.Series(model.predict(X)).groupby(X["country"].to_numpy()).mean()
        assert mean["FR"] > 1.2 * mean["UK"], model


def test_contributions_add_up_with_categories(shop, fitted):
    X = shop[0].head(30)
    for model in fitted.values():
        np.testing.assert_allclose(model.contributions(X).sum(axis=1), model.predict(X), rtol=1e-4)


def test_a_level_that_was_never_seen_counts_as_missing(shop, fitted):
    X = shop[0].head(3)
    for model in fitted.values():
        unseen, missing = (model.predict(X.assign(country=level)) for level in ("Atlantis", None))
        np.testing.assert_array_equal(unseen, missing)


def test_the_codes_are_stored_with_the_model(shop, fitted):
    X = shop[0].sample(frac=1, random_state=1)
    for model in fitted.values():
        again = from_state(to_state(model), CATALOGUE)
        np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_rare_levels_share_one_code():
    counts = pd.Series({"UK": 100, "FR": 60, "IS": 3, "MT": 19})
    assert code_levels(counts) == {"UK": 0, "FR": 1, "MT": 2, "IS": 2}


def test_a_level_is_rare_by_customers_not_by_rows():
    assert code_levels(pd.Series({"UK": 100, "FR": 60}), cutoffs=4) == {"UK": 0, "FR": 1}
    assert code_levels(pd.Series({"UK": 100, "FR": 60, "IS": 50}), cutoffs=3) == {"UK": 0, "FR": 1, "IS": 2}


def test_no_column_has_more_codes_than_xgboost_should_learn():
    codes = code_levels(pd.Series(1000, index=[f"{number:04d}" for number in range(MOST_CODES + 50)]))
    assert max(codes.values()) == MOST_CODES


def test_categories_are_learned_from_files_as_from_a_frame(shop, tmp_path):
    files_are_as_a_frame(*shop, tmp_path)


def files_are_as_a_frame(X: pd.DataFrame, y: pd.Series, tmp_path: Path) -> None:
    folder = tmp_path / "cutoff=2024-01-01"
    folder.mkdir()
    X.assign(customer_id=X.index.astype(str), label_value=y).to_parquet(folder / "part-0.parquet")
    frame = Tweedie(features=["frequency", "country"], n_estimators=5).fit(X, y)
    files = Tweedie(features=["frequency", "country"], n_estimators=5).fit(FeatureFiles(tmp_path))
    np.testing.assert_allclose(files.predict(X), frame.predict(X), rtol=1e-5)


def test_a_column_without_any_level_is_missing_for_all(shop):
    X, y = shop
    model = Tweedie(features=["frequency", "country"], n_estimators=2).fit(X.assign(country=None), y)
    assert np.isfinite(model.predict(X)).all()


def test_levels_of_many_rows_are_coded_by_their_mean_label(shop, monkeypatch):
    monkeypatch.setattr(trees, "MANY_ROWS", 1000)
    X, y = shop
    for kind in TREES:
        model = kind(features=["frequency", "country"], n_estimators=40).fit(X, y)
        assert model.categories_["country"]["FR"] > model.categories_["country"]["UK"], model
        mean = pd.Series(model.predict(X)).groupby(X["country"].to_numpy()).mean()
        assert mean["FR"] > 1.2 * mean["UK"], model
        again = from_state(to_state(model), CATALOGUE)
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        np.testing.assert_allclose(model.contributions(X).sum(axis=1), model.predict(X), rtol=1e-4)


def test_without_categories_many_rows_need_no_second_booster(shop, monkeypatch):
    monkeypatch.setattr(trees, "MANY_ROWS", 1000)
    monkeypatch.delattr(trees.boosting, "expected_by_history")
    X, y = shop
    assert Tweedie(features=["frequency"], n_estimators=2).fit(X, y).categories_ == {}


def test_levels_are_ordered_by_what_they_add_to_the_history(monkeypatch):
    monkeypatch.setattr(trees, "MANY_ROWS", 1000)
    rng = np.random.default_rng(0)
    loyal = np.repeat([True, False], 2000)
    X = pd.DataFrame(
        {"frequency": rng.poisson(np.where(loyal, 9.0, 1.0)).astype(float), "recency": 1.0, "T": 9.0}
    )
    X = X.assign(monetary_value=1.0, country=np.where(loyal, "UK", "FR"))
    y = pd.Series(X["frequency"] * np.where(loyal, 1.0, 2.0))
    codes = Tweedie(features=["frequency", "country"], n_estimators=2).fit(X, y).categories_["country"]
    assert y[loyal].mean() > y[~loyal].mean()
    assert codes["FR"] > codes["UK"]


def test_levels_of_many_rows_are_coded_from_files_as_from_a_frame(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(trees, "MANY_ROWS", 1000)
    files_are_as_a_frame(*shop, tmp_path)


def test_spellings_that_differ_in_case_and_gaps_alone_share_a_code():
    counts = pd.Series({"Married": 30, "MARRIED": 15, "Single": 40, "single": 1})
    codes = code_levels(counts)
    assert codes["Married"] == codes["MARRIED"] == 0
    assert codes["single"] == codes["Single"] == 1
    coded = encode(pd.DataFrame({"status": ["married", "divorced"]}), {"status": codes})
    assert coded["status"].tolist()[0] == 0
    assert np.isnan(coded["status"].tolist()[1])
    three = code_levels(
        pd.Series({"Paid search": 30, "paid_search": 15, "PAID-SEARCH": 9, "-1": 25, "1": 25})
    )
    assert three["Paid search"] == three["paid_search"] == three["PAID-SEARCH"]
    assert three["-1"] != three["1"]


def test_trees_read_ranges_of_a_number_in_their_order():
    ages = np.tile(["18-24", "25-34", "35-44", "45-54", "55+", "under 18"], 250)
    order = ["under 18", "18-24", "25-34", "35-44", "45-54", "55+"]
    X = pd.DataFrame({"age": ages, "country": np.tile(["UK", "FR"], 750)})
    model = Tweedie(features=["age", "country"], n_estimators=2).fit(X, np.ones(len(X)))
    assert model.categories_["age"] == {level: place for place, level in enumerate(order)}
    types = dict(zip(["age", "country"], model.booster_.feature_types, strict=True))
    assert types == {"age": "q", "country": "c"}
