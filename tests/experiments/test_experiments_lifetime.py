"""Simulated shops whose customers' lifetime profit is known, and what is measured on them."""

import numpy as np
import pandas as pd
import pytest

from experiments.benchmark import lifetimes
from experiments.lifetime_worlds import WORLDS, simulate_lifetimes


@pytest.fixture(scope="module")
def small():
    """Return a small season world by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(WORLDS, "small", lifetimes.WORLDS["season_world"].__class__(400, 1500, season=1.0))
        yield simulate_lifetimes("small")


def test_the_truth_of_a_simulated_customer_is_a_sum_over_the_days_to_come(small):
    """Without a season: rate * spend * (1 - exp(-leaving * t)) / leaving, for who is still a customer."""
    steady = small.__class__(small.world.__class__(400, 1500), small.log, small.truth)
    truth, t = small.truth, 700
    by_hand = (
        truth["alive"] * truth["rate"] * truth["spend"] * -np.expm1(-truth["leaving"] * t) / truth["leaving"]
    )
    np.testing.assert_allclose(steady.expected(t), by_hand, rtol=2e-3, atol=1e-9)


def test_costs_of_a_simulated_log_are_its_categories_margins(small):
    rates = 1 - small.log.groupby("category")[["cost", "amount"]].sum().pipe(
        lambda t: t["cost"] / t["amount"]
    )
    assert rates.round(2).to_dict() == {"books": 0.1, "care": 0.5, "prints": 0.7, "toys": 0.3}


def test_an_unknown_task_is_one_sentence():
    with pytest.raises(ValueError, match="Unknown task 'nowhere'"):
        lifetimes.run(["nowhere"])


def test_a_decile_gap_is_in_money():
    true = pd.Series([1.0] * 10 + [9.0] * 10)
    assert lifetimes._decile_gap(true, true * 1.1) == pytest.approx(0.1)
