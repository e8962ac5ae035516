"""The level: what earlier windows and seasons showed to be missed."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import Calibrated, Tweedie
from cltv_ml.models.level import expected_level


def panel(levels, customers=1500):
    """Customers at several cutoffs who spend a known value times the cutoff's level."""
    rng = np.random.default_rng(8)
    parts = []
    for day, level in levels.items():
        X = pd.DataFrame({"rate": rng.gamma(2.0, 10.0, customers)})
        X["y"] = level * X["rate"] * rng.gamma(2, 0.5, customers)
        X["cutoff"], X["customer_id"] = pd.Timestamp(day), np.arange(customers)
        parts.append(X)
    table = pd.concat(parts).set_index(["cutoff", "customer_id"])
    return table[["rate"]], table["y"]


def test_the_season_of_last_year_sets_the_level():
    X, y = panel({"2023-10-01": 2.0, "2024-01-01": 1.0, "2024-04-01": 1.0, "2024-07-01": 1.0})
    now = X.xs(pd.Timestamp("2024-07-01"), level="cutoff")
    truth = 2.0 * now["rate"].sum()  # next is October again
    plain, mended = (model.fit(X, y).predict(now).sum() for model in (Tweedie(92), Calibrated(92)))
    assert plain / truth < 0.7
    assert mended / truth == pytest.approx(1, abs=0.06)


def test_a_season_counts_only_when_it_begins_within_two_weeks_of_the_same_day():
    days = pd.to_datetime(["2023-10-20", "2024-04-01", "2024-07-01"])
    assert expected_level(dict(zip(days, [2.0, 1.0, 1.0], strict=True)), 91) < 1.1
    near = pd.to_datetime(["2023-10-10", "2024-04-01", "2024-07-01"])
    assert expected_level(dict(zip(near, [2.0, 1.0, 1.0], strict=True)), 91) == pytest.approx(2.0)


def test_misses_that_point_both_ways_leave_the_level_alone():
    days = pd.to_datetime(["2024-01-01", "2024-04-01", "2024-07-01"])
    assert expected_level(dict(zip(days, [0.7, 1.0, 1.4], strict=True)), 91) == pytest.approx(1, abs=0.01)


def test_isotonic_mends_what_the_model_bends():
    class Bent(Tweedie):
        """Says the square of what is true."""

        def fit(self, X, y=None):
            self.feature_names_in_ = np.array(["rate"], dtype=object)
            return self

        def predict(self, X):
            return X["rate"].to_numpy() ** 2

    X, y = panel({"2024-01-01": 1.0, "2024-07-01": 1.0}, customers=6000)
    now = X.xs(pd.Timestamp("2024-07-01"), level="cutoff")
    mended = Calibrated(92, model=Bent(), method="isotonic").fit(X, y).predict(now)
    middle = now["rate"].between(5, 60).to_numpy()
    assert np.median(np.abs(mended / now["rate"] - 1)[middle]) < 0.1
    assert np.corrcoef(mended, now["rate"])[0, 1] > 0.97


def test_an_unknown_method_is_named_with_those_that_exist():
    with pytest.raises(ValueError, match=r"method must be one of \['season', 'isotonic'\], got 'platt'"):
        Calibrated(method="platt").fit(pd.DataFrame({"rate": [1.0]}), pd.Series([1.0]))
