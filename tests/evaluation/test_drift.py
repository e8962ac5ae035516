"""Drift is measured as it is, and a small batch is not taken for a drifted one."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cltv_ml.evaluation.drift import _noncentrality, compute_drift, compute_shares, sketch


def draw(seed, size, mean=0.0):
    return pd.DataFrame({"spend": np.random.default_rng(seed).lognormal(mean, 1, size)})


def test_stability_index_is_the_textbook_sum_less_what_chance_adds():
    before, now = draw(1, 50_000), draw(2, 50_000, mean=0.3)
    edges = np.quantile(before["spend"], np.arange(1, 10) / 10)
    p, q = (
        np.bincount(np.searchsorted(edges, one["spend"]), minlength=10) / len(one) for one in (before, now)
    )
    textbook = float(sum((b - a) * np.log(b / a) for a, b in zip(p, q, strict=True)))
    found = compute_drift(sketch(before), now).iloc[0]
    assert found["psi"] == pytest.approx(textbook - 9 * (2 / 50_000), abs=1e-4)


def test_wasserstein_distance_is_that_of_scipy_in_standard_deviations():
    rng = np.random.default_rng(3)
    before, now = rng.normal(0, 2, 40_000), rng.normal(1, 3, 40_000)
    found = compute_drift(sketch(pd.DataFrame({"x": before})), pd.DataFrame({"x": now})).iloc[0]
    assert found["shift"] == pytest.approx(stats.wasserstein_distance(before, now) / before.std(), rel=0.02)


def test_a_small_batch_without_drift_seldom_rises_above_chance():
    before = sketch(draw(4, 3000))
    rows = [compute_drift(before, draw(seed, 60)).iloc[0] for seed in range(100, 300)]
    assert np.mean([row["psi_lower"] > 0 for row in rows]) < 0.05
    assert np.mean([row["shift_lower"] > 0 for row in rows]) < 0.10
    assert max(row["psi_lower"] for row in rows) < 0.1


def test_intervals_hold_the_true_drift_as_often_as_they_say():
    truth = compute_drift(sketch(draw(5, 500_000)), draw(6, 500_000, mean=0.3)).iloc[0]
    rows = [
        compute_drift(sketch(draw(seed, 2000)), draw(seed + 1, 300, mean=0.3)).iloc[0]
        for seed in range(0, 400, 2)
    ]
    for name in ("psi", "shift"):
        held = np.mean([row[f"{name}_lower"] <= truth[name] <= row[f"{name}_upper"] for row in rows])
        assert 0.9 <= held <= 1


def test_a_large_drift_is_seen_in_a_small_batch():
    assert compute_drift(sketch(draw(7, 3000)), draw(8, 100, mean=1.5)).iloc[0]["psi_lower"] > 0.25


def test_columns_that_are_mostly_zero_are_compared_too():
    before = pd.DataFrame({"x": [0.0] * 950 + [5.0] * 50})
    now = pd.DataFrame({"x": [0.0] * 700 + [5.0] * 300})
    assert compute_drift(sketch(before), now).iloc[0]["psi_lower"] > 0.25
    assert compute_drift(sketch(before), before).iloc[0]["psi"] == 0


def test_customers_who_fall_below_the_highest_value_are_drift():
    """Nearly everybody had a P(alive) of 1: with tenths alone the index was 0 while the mean moved by half an SD."""
    before = pd.DataFrame({"p_alive": [1.0] * 950 + [0.2] * 50})
    now = pd.DataFrame({"p_alive": [1.0] * 700 + [0.7] * 250 + [0.2] * 50})
    found = compute_drift(sketch(before), now).iloc[0]
    assert found["shift_lower"] > 0.2
    assert found["psi_lower"] > 0.25
    assert compute_drift(sketch(before), before).iloc[0]["psi"] == 0


def test_rounding_is_no_drift():
    before = pd.DataFrame({"p_alive": [1.0] * 95 + [1 - 1e-16] * 5})
    now = pd.DataFrame({"p_alive": [1 - 2e-16] * 100})
    found = compute_drift(sketch(before), now).iloc[0]
    assert (found["psi"], found["shift"]) == (0, pytest.approx(0, abs=1e-12))


def test_values_that_went_missing_are_drift():
    before = pd.DataFrame({"x": np.arange(1000.0)})
    found = compute_drift(sketch(before), before.where(before["x"] % 2 == 0)).iloc[0]
    assert found["psi_lower"] > 0.25
    assert found["missing"] == 0.5


def test_the_column_that_moved_furthest_comes_first():
    before = pd.DataFrame({"still": np.arange(500.0), "moved": np.arange(500.0)})
    now = before.assign(moved=before["moved"] + 200)
    assert compute_drift(sketch(before), now)["feature"].tolist() == ["moved", "still"]


def test_a_sketch_survives_json_and_stays_small():
    made = sketch(draw(9, 10_000))
    text = json.dumps(made)
    assert json.loads(text) == made
    assert len(text) < 6_000


def test_columns_without_any_value_are_no_drift_and_no_error():
    empty = pd.DataFrame({"x": [np.nan] * 10})
    found = compute_drift(sketch(empty), empty).iloc[0]
    assert found["psi"] == 0
    assert np.isnan(found["shift"])


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match=r"the columns \['spend'\] are missing"):
        compute_drift(sketch(draw(1, 10)), pd.DataFrame({"other": [1.0]}))


@pytest.mark.parametrize(
    ("statistic", "share"), [(30.0, 0.975), (400.0, 0.025), (5_000.0, 0.975), (5_000.0, 0.025)]
)
def test_noncentrality_gives_the_probability_back(statistic, share):
    found = _noncentrality(statistic, 9, share)
    assert stats.ncx2.cdf(statistic, 9, found) == pytest.approx(share, abs=0.002)


def test_share_intervals_are_wilsons():
    found = compute_shares({"a": 50, "b": 50}, {"a": 8, "b": 2}).iloc[0]
    expected = stats.binomtest(8, 10).proportion_ci(method="wilson")
    assert (found["lower"], found["upper"]) == pytest.approx((expected.low, expected.high))
