"""A log with more customers than are needed to learn from: some of them, at all origins, chosen by their id."""

import pandas as pd
import pytest

from cltv_ml.data import simulate
from cltv_ml.evaluation.panel import prepare
from cltv_ml.windows import Window

NAMES = ["frequency", "recency", "T", "monetary_value"]
WINDOW = Window("2022-10-01", "60")


@pytest.fixture(scope="module")
def log():
    return simulate(600, days=340, seed=4).log


@pytest.fixture(scope="module")
def full(log):
    return prepare(log, WINDOW, NAMES)


@pytest.fixture(scope="module")
def thin(log, full):
    return prepare(log, WINDOW, NAMES, max_rows=200 * (1 + len(full.origins)))


def test_about_as_many_customers_are_learned_from_as_asked_for(thin):
    assert 130 < thin.X.index.get_level_values("customer_id").nunique() < 270


def test_rows_and_labels_are_those_of_the_full_panel(full, thin):
    pd.testing.assert_frame_equal(thin.X, full.X.loc[thin.X.index])
    pd.testing.assert_series_equal(thin.y, full.y.loc[thin.X.index])


def test_a_customer_who_is_chosen_is_there_at_every_origin(full, thin):
    chosen = thin.X.index.get_level_values("customer_id").unique()
    everywhere = full.X[full.X.index.get_level_values("customer_id").isin(chosen)]
    everywhere = everywhere.loc[[origin.cutoff for origin in thin.origins]]
    assert set(everywhere.index) == set(thin.X.index)


def test_all_customers_of_today_are_asked_about(full, thin):
    pd.testing.assert_frame_equal(thin.X_now, full.X_now)


def test_a_log_with_few_customers_is_learned_from_whole(full, log):
    again = prepare(log, WINDOW, NAMES, max_rows=600 * (1 + len(full.origins)))
    pd.testing.assert_frame_equal(again.X, full.X)
