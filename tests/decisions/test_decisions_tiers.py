import json

import numpy as np
import pandas as pd
import pytest

from cltv_ml.decisions.tiers import apply_tiers, fit_tiers


def test_no_tier_reaches_beyond_its_share_when_customers_tie():
    values = pd.Series([9.0] * 3 + [5.0] * 4 + [0.0] * 93)
    counts = apply_tiers(values, fit_tiers(values, shares={"high": 0.05, "medium": 0.5})).value_counts()
    assert counts.to_dict() == {"high": 3, "medium": 4, "low": 93}


def test_customers_who_are_all_alike_fall_into_one_tier():
    values = pd.Series([7.0] * 20)
    assert apply_tiers(values, fit_tiers(values)).unique().tolist() == ["low"]


def test_cut_points_survive_json_and_cut_a_later_batch_alike():
    values = pd.Series(np.random.default_rng(0).gamma(1, 50, 1000))
    cuts = fit_tiers(values, shares=(0.01, 0.05, 0.1, 0.25, 0.5))
    stored = json.loads(json.dumps(cuts, allow_nan=False))
    later = values.sample(100, random_state=1)
    assert apply_tiers(later, stored).tolist() == apply_tiers(values, cuts)[later.index].tolist()


def test_shares_of_distinct_values_are_met():
    values = pd.Series(np.random.default_rng(0).gamma(1, 50, 1000))
    counts = apply_tiers(values, fit_tiers(values, shares=(0.01, 0.05, 0.5))).value_counts()
    assert counts.to_dict() == {"rest": 500, "top 50%": 450, "top 5%": 40, "top 1%": 10}


def test_a_customer_without_a_value_is_named_not_scored():
    assert apply_tiers(pd.Series([np.nan]), {"high": 10.0, "low": 0.0}).tolist() == ["not scored"]


@pytest.mark.parametrize("shares", [(0.5, 0.2), (0.2, 1.0), (0.0, 0.5), ()])
def test_shares_out_of_order_are_refused(shares):
    with pytest.raises(ValueError, match="shares must increase"):
        fit_tiers(pd.Series([1.0, 2.0]), shares=shares)


def test_thresholds_that_rise_are_refused():
    with pytest.raises(ValueError, match="thresholds must decrease"):
        fit_tiers(pd.Series([1.0]), thresholds={"silver": 1, "gold": 2})


def test_no_customers_are_refused():
    with pytest.raises(ValueError, match="at least one customer"):
        fit_tiers(pd.Series([], dtype=float))
