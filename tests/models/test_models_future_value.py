"""Values beyond the horizon: they add up, keep to the level of a year and tell which process customers follow."""

import copy

import numpy as np
import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.models import BGNBD, ParetoNBD
from cltv_ml.models.future_value import FutureValue, expected_spend

PARETO = {"r": 0.8, "alpha": 24.0, "s": 0.7, "beta": 175.0}


@pytest.fixture(scope="module")
def world():
    X = ParetoNBD().with_params(PARETO).simulate(3000, 400.0, seed=1)[["frequency", "recency", "T"]]
    spend = np.random.default_rng(0).gamma(5.0, 4.0, len(X))
    return X.assign(monetary_value=np.where(X["frequency"] > 0, spend, 0.0))


@pytest.fixture(scope="module")
def values(world):
    return pd.Series(np.random.default_rng(1).gamma(0.5, 20.0, len(world)), world.index)


@pytest.fixture(scope="module")
def future(world, values):
    return FutureValue(91).fit(world, values, {365: 5 * float(values.sum())})


def test_values_never_fall_and_meet_the_models_at_its_horizon(future, world, values):
    found = future.predict(world, values, [30, 91, 200, 365, 800, 1826])
    assert (np.diff(found.to_numpy(), axis=1) >= 0).all()
    np.testing.assert_allclose(found[91], values)


def test_a_year_is_brought_to_its_own_level(future, world, values):
    assert future.predict(world, values, [365])[365].sum() == pytest.approx(5 * values.sum())


def test_totals_of_other_days_are_met_and_beyond_a_year_they_grow_as_the_purchase_model_says(world, values):
    start = float(values.sum())
    found = FutureValue(91).fit(world, values, {182: 2 * start, 365: 5 * start}, exact=[730, 1826])
    table = found.predict(world, values, [91, 120, 182, 300, 365, 500, 730, 1500, 1826, 2500])
    assert (np.diff(table.to_numpy(), axis=1) >= 0).all()
    own = expected_spend(found.curve_.purchases_, found.spend_, world, [365, 730, 1826]).sum(axis=0)
    wanted = [2 * start, 5 * start, *(5 * start * own[1:] / own[0])]
    assert table[[182, 365, 730, 1826]].sum().tolist() == pytest.approx(wanted)


def test_a_tail_stored_before_totals_were_met_is_read_as_it_was(future, world, values):
    plain = copy.copy(future)
    plain.factors_ = {"within the year": (2.0, 3.0), "beyond": (0.5, 1.5)}
    ratio = future.curve_.multiples(world, [91, 200, 365, 800])
    own = expected_spend(future.curve_.purchases_, future.spend_, world, [91, 200, 365, 800])
    found = plain.predict(world, values, [200, 800])
    w, v = future.weight_, values.to_numpy()
    year = v * (1 + 2 * w * (ratio[365] - 1)) + 3 * (1 - w) * (own[:, 2] - own[:, 0])
    np.testing.assert_allclose(
        found[200], v * (1 + 2 * w * (ratio[200] - 1)) + 3 * (1 - w) * (own[:, 1] - own[:, 0])
    )
    np.testing.assert_allclose(
        found[800], year + 0.5 * w * v * (ratio[800] - ratio[365]) + 1.5 * (1 - w) * (own[:, 3] - own[:, 2])
    )


def test_the_champions_tail_counts_with_the_horizons_share_of_the_year(future):
    assert future.weight_ == pytest.approx(0.2)


def test_a_horizon_of_a_year_carries_its_own_level_on(world, values):
    found = FutureValue(365).fit(world, values, {365: 1.0})
    assert found.weight_ == 1.0
    ratio = found.curve_.multiples(world, [1826])[1826]
    np.testing.assert_allclose(found.predict(world, values, [1826])[1826], values * ratio)


def test_a_discounted_value_is_smaller_by_no_more_than_the_last_day(future, world, values):
    whole, less = (future.predict(world, values, [1826], rate)[1826] for rate in (0.0, 0.1))
    assert (less < whole).all()
    assert (less > whole * 1.1**-5.01).all()


def test_a_level_below_the_horizons_own_takes_nothing_away(world, values):
    found = FutureValue(91).fit(world, values, {365: 0.5 * float(values.sum())})
    assert found.predict(world, values, [365])[365].sum() == pytest.approx(values.sum())


def test_customers_who_leave_after_purchases_are_told_from_those_who_leave_at_any_moment(world, values):
    bg = BGNBD().with_params({"r": 0.8, "alpha": 24.0, "a": 0.8, "b": 4.0}).simulate(3000, 400.0, seed=1)
    bg = bg[["frequency", "recency", "T"]].assign(monetary_value=np.where(bg["frequency"] > 0, 20.0, 0.0))
    found = FutureValue(91).fit(bg, values)
    assert found.curve_.purchases_.name == "bg_nbd"
    assert FutureValue(91).fit(world, values).curve_.purchases_.name == "pareto_nbd"


def test_no_dropout_is_told_where_everybody_stays(world, values, future):
    assert future.no_dropout(world) is None
    T = world["T"]
    loyal = pd.DataFrame(
        {"frequency": 10.0, "recency": T - 1, "T": T, "monetary_value": world["monetary_value"] + 1}
    )
    stays = FutureValue(91).fit(loyal, values)
    assert stays.no_dropout(loyal) > 0.9


def test_a_shop_to_which_nobody_came_back_is_one_sentence(world, values):
    once = world.assign(frequency=0.0, recency=0.0, monetary_value=0.0)
    with pytest.raises(InputError, match="nobody has bought on a second day"):
        FutureValue(91).fit(once, values)


def test_what_customers_spend_beyond_the_year_fades_at_the_missed_rate(world, values):
    world, values = world[:300], values[:300]
    future, fading = (FutureValue(91).fit(world, values, {365: 5.0 * float(values.sum())}) for _ in range(2))
    fading.missed_ = (0.7, 0.9, 0.2)
    days = [300, 365, *range(372, 1826, 7)]
    for discount_rate in (0.0, 0.9):  # more than a money rate together
        plain, faded = (each.predict(world, values, days, discount_rate).sum() for each in (future, fading))
        np.testing.assert_allclose(faded[[300, 365]], plain[[300, 365]])
        weeks = np.diff(plain.loc[365:]) * np.exp(-0.2 * (np.array(days[2:]) - 3.5 - 365) / 365.25)
        np.testing.assert_allclose(np.diff(faded.loc[365:]), weeks, rtol=1e-3)


def test_a_log_without_dropout_that_lost_spend_needs_no_cap(world, values):
    T = world["T"]
    loyal = pd.DataFrame(
        {"frequency": 10.0, "recency": T - 1, "T": T, "monetary_value": world["monetary_value"] + 1}
    )
    stays = FutureValue(91).fit(loyal, values)
    whole = stays.no_dropout(loyal)
    stays.missed_ = (0.8, 1.0, 0.01)
    assert stays.no_dropout(loyal) == pytest.approx(whole * np.exp(-0.01 * 1826 / 365))
    stays.missed_ = (0.8, 1.0, 0.1)
    assert stays.no_dropout(loyal) is None
