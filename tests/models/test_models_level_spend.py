"""The size of the latest purchases: by hand, and followed only as far as it is no chance and no season."""

import numpy as np
import pandas as pd
import pytest

from cltv_ml.data import simulate
from cltv_ml.evaluation.levels import forecast_level
from cltv_ml.models.level_spend import Latest, factors_of_spend, latest_spend
from cltv_ml.windows import Window


def summary(frequency, monetary_value):
    ids = [f"c{place}" for place in range(len(frequency))]
    return pd.DataFrame({"frequency": frequency, "monetary_value": monetary_value}, index=ids)


def test_two_purchases_of_ten_and_two_of_fourteen():
    """A mean of 12 is expected of each, the latest are 14; all agree, so that there is no chance in it."""
    now, before = summary([4] * 50, [12.0] * 50), summary([2] * 50, [10.0] * 50)
    change, error = latest_spend(now, before, np.full(50, 12.0), np.ones(50))
    assert (np.exp(change), error) == (pytest.approx(14 / 12), pytest.approx(0, abs=1e-12))


def test_one_large_order_among_four_is_chance():
    """36 and three times 10 where 12 were expected: 66 / 48, residuals 36 - 16.5 and three times 10 - 16.5."""
    now, before = summary([2] * 4, [23.0, 10.0, 10.0, 10.0]), summary([1] * 4, [10.0] * 4)
    one = latest_spend(now, before, np.full(4, 12.0), np.ones(4))
    assert one == (pytest.approx(np.log(66 / 48)), pytest.approx(np.sqrt(19.5**2 + 3 * 6.5**2) / 66))
    assert factors_of_spend([one]) == [1.0]


def test_newcomers_are_no_evidence_and_a_customer_stands_for_as_many_as_the_weight_says():
    before, now = (
        summary([1] * 40, [10.0] * 40),
        summary([2] * 40 + [5] * 9, [12.0] * 20 + [10.0] * 20 + [99.0] * 9),
    )
    change, _ = latest_spend(now, before, np.full(49, 10.0), np.repeat([3.0, 1.0, 1.0], [20, 20, 9]))
    assert np.exp(change) == pytest.approx((60 * 14 + 20 * 10) / 800)
    assert latest_spend(now, before[:0], np.full(49, 10.0), np.ones(49)) == Latest()


def test_a_lasting_change_is_followed_and_a_season_is_not():
    steady = factors_of_spend([Latest(0.1, 0.01)] * 24)
    season = factors_of_spend([Latest(0.1 * np.cos(2 * np.pi * month / 12), 0.01) for month in range(27)])
    beyond = 1 - 4 * 0.1**2
    assert steady == pytest.approx([np.exp(0.1 * beyond)] * 24)
    # Of a season nothing is left after a quarter: 24 squares of .1 cos(t), a third of each counts, prior .005.
    squares = sum((0.1 * np.cos(2 * np.pi * month / 12)) ** 2 for month in range(3, 27)) / 3
    assert season[0] == pytest.approx(np.exp(0.1 * beyond * 0.005 / (0.005 + squares)), rel=1e-9)
    assert season[0] < 1.02


def test_the_level_follows_prices_that_have_risen():
    """The same shop twice, the second time with prices that rose by 30% four months before the cutoff."""
    plain = simulate(500, days=600, seed=3).log[["customer_id", "timestamp"]]
    plain["amount"] = np.random.default_rng(1).gamma(9, 5, len(plain))
    cutoff = plain["timestamp"].min().normalize() + pd.Timedelta(days=600)
    risen = plain.assign(
        amount=plain["amount"] * np.where(plain["timestamp"] >= cutoff - pd.Timedelta(days=120), 1.3, 1.0)
    )
    levels = [forecast_level(one, Window(cutoff, 60)) for one in (plain, risen)]
    own = [one.table.set_index("candidate").at["bottom-up", "total"] for one in levels]
    assert 1.2 < own[1] / own[0] < 1.32  # without the latest purchases 1.08
