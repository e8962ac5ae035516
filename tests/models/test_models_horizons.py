"""Shares of a value by horizon: totals are met, customers keep their main value, single customers answer alike."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import Horizons, SameRate, Tweedie

X = pd.DataFrame(
    {
        "frequency": [2.0, 0, 5, 1, 3, 0],
        "recency": [30.0, 0, 80, 5, 60, 0],
        "T": [90.0, 80, 90, 60, 75, 20],
        "monetary_value": [10.0, 0, 20, 15, 12, 0],
    }
)
VALUES = np.array([40.0, 5, 90, 10, 60, 8])


def test_totals_of_all_horizons_are_met_at_once_and_the_main_values_stay():
    horizons = Horizons(91, [30, 60, 91, 365]).fit(X)
    table = horizons.bring_to({30: 100.0, 60: 120.0, 91: 213.0, 365: 900.0}, X, VALUES).values(X, VALUES)
    assert table.sum().tolist() == pytest.approx([100, 120, 213, 900])
    assert table[91].tolist() == VALUES.tolist()


def test_totals_are_read_in_proportion_to_that_of_the_main_horizon():
    horizons = Horizons(91, [30, 91]).fit(X)
    table = horizons.bring_to({30: 50.0, 91: 106.5}, X, VALUES).values(X, VALUES)
    assert table[30].sum() == pytest.approx(100)


def test_a_table_whose_rows_share_a_name_keeps_its_rows():
    model = SameRate(91).fit(X).set_horizons(Horizons(91, [30, 91]).fit(X))
    table = model.predict_table(X.set_axis(["same"] * len(X)))
    np.testing.assert_array_equal(table, model.predict_table(X))


def test_where_nobody_came_back_values_grow_in_proportion_to_time():
    newcomers = X.assign(frequency=0.0, recency=0.0, monetary_value=0.0)
    assert Horizons(90, [30, 90, 180]).fit(newcomers).values(newcomers, VALUES).iloc[2].tolist() == [
        30,
        90,
        180,
    ]


def test_trees_of_a_shorter_horizon_decide_who_spends_soon():
    often = pd.concat([X] * 20, ignore_index=True)
    soon = pd.Series(np.where(often["frequency"] == 1, 9.0, 0.5))
    values = np.tile(VALUES, 20)
    trees = Tweedie(30, n_estimators=50, min_child_weight=1).fit(often, soon)
    own, learned = (
        Horizons(91, [30, 91], [power]).fit(often, {30: trees}, values).values(often, values)[30]
        for power in (0, 1)
    )
    eager = often["frequency"] == 1
    assert learned[eager].mean() > 2 * own[eager].mean()
    assert learned[~eager].mean() < own[~eager].mean()


def test_a_customer_is_answered_alike_alone_and_in_company():
    horizons = Horizons(91, [30, 91, 365]).fit(X).bring_to({30: 50.0, 91: 213.0, 365: 400.0}, X, VALUES)
    alone = horizons.values(X.iloc[[2]], VALUES[[2]])
    assert alone.iloc[0].tolist() == pytest.approx(horizons.values(X, VALUES).iloc[2].tolist(), rel=1e-12)
