import numpy as np
import pytest

from cltv_ml.decisions.qini import compute_qini, qini_curve


def _example():
    rng = np.random.default_rng(11)
    treated = rng.integers(0, 2, 40)
    score = np.round(rng.random(40), 1)
    return (rng.random(40) < 0.3 + 0.4 * treated * score).astype(int), treated, score


def test_the_curve_equals_scikit_uplift():
    # scikit-uplift 0.5.1: sklift.metrics.qini_curve(y, score, treated), rounded to four places.
    curve = qini_curve(*_example())
    assert curve["customers"].tolist() == [0, 2, 6, 8, 11, 14, 18, 20, 25, 32, 37, 40]
    assert curve["incremental"].round(4).tolist() == [
        0.0,
        0.0,
        0.6,
        0.7143,
        1.8571,
        3.0,
        2.8,
        3.0,
        2.9091,
        5.1538,
        6.4375,
        5.8824,
    ]


def area_of(y, treated, score):
    return compute_qini(y, treated, score, rounds=0)["qini"]


def test_the_coefficient_is_the_area_between_curve_and_chance():
    y, treated, score = _example()
    curve = qini_curve(y, treated, score)
    area = np.trapezoid(curve["incremental"] - curve["random"], curve["share"]) / treated.sum()
    assert area_of(y, treated, score) == pytest.approx(area)


def test_the_order_of_the_rows_does_not_matter_when_scores_tie():
    y, treated, score = _example()
    shuffle = np.random.default_rng(0).permutation(40)
    assert area_of(y, treated, score) == pytest.approx(
        area_of(y[shuffle], treated[shuffle], score[shuffle]), abs=1e-12
    )


def test_one_score_for_all_is_chance():
    y, treated, score = _example()
    assert area_of(y, treated, 0 * score) == pytest.approx(0, abs=1e-12)


def test_a_random_score_is_called_chance():
    rng = np.random.default_rng(5)
    treated = rng.integers(0, 2, 2000)
    y = rng.random(2000) < 0.1 + 0.1 * treated
    found = [compute_qini(y, treated, rng.random(2000), rounds=60)["p_chance"] for _ in range(40)]
    assert np.mean(np.array(found) < 0.1) < 0.3
    assert np.mean(found) == pytest.approx(0.5, abs=0.15)


def test_the_true_uplift_is_told_from_chance():
    rng = np.random.default_rng(5)
    treated, effect = rng.integers(0, 2, 5000), rng.choice([0.0, 0.3], 5000)
    found = compute_qini(rng.random(5000) < 0.1 + effect * treated, treated, effect)
    # Half the customers hold all of the effect: the curve rises 0.15 by the middle, the line 0.075.
    assert found["qini"] == pytest.approx(0.075 / 2, abs=0.008)
    assert found["qini_lower"] > 0
    assert found["p_chance"] < 0.01


def test_a_campaign_without_untreated_customers_is_refused():
    with pytest.raises(ValueError, match="untreated customers, and contain both"):
        area_of([1, 0], [1, 1], [0.1, 0.2])
