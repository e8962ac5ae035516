import numpy as np
import pandas as pd
import pytest

from cltv_ml.models import MBGCNBD, MBGNBD


@pytest.fixture(scope="module")
def regular():
    known = MBGCNBD().with_params({"k": 3, "r": 2.0, "alpha": 4.0, "a": 0.5, "b": 3.0})
    return known.simulate(8_000, 60, seed=2)


def test_regularity_is_found_from_recency_alone(regular):
    assert MBGCNBD().fit(regular).params_["k"] == 3


def test_chance_is_not_taken_for_regularity_where_ages_are_rounded_down():
    random = MBGNBD().with_params({"r": 0.5, "alpha": 43.0, "a": 0.9, "b": 1.6}).simulate(8_000, 300, seed=2)
    floored = random.assign(recency=np.floor(random["recency"]))
    assert ((floored["frequency"] > 0) & (floored["recency"] == 0)).sum() > 5
    assert MBGCNBD().fit(floored).params_["k"] == 1


def test_k_of_one_is_mbg_nbd(regular):
    one, plain = MBGCNBD(k=1).fit(regular), MBGNBD().fit(regular)
    assert one.log_likelihood_ == pytest.approx(plain.log_likelihood_, rel=1e-10)
    assert one.expected_purchases(regular[:50], 9) == pytest.approx(
        plain.expected_purchases(regular[:50], 9), rel=1e-6
    )
    assert one.p_alive(regular[:50]) == pytest.approx(plain.p_alive(regular[:50]), rel=1e-6)


def test_the_unit_of_time_does_not_choose_k(regular):
    hours = regular.assign(recency=regular["recency"] * 24, T=regular["T"] * 24)
    in_days, in_hours = MBGCNBD().fit(regular), MBGCNBD().fit(hours)
    assert in_days.params_["k"] == in_hours.params_["k"]
    shift = regular["frequency"].sum() * np.log(24)
    assert in_days.log_likelihood_ - in_hours.log_likelihood_ == pytest.approx(shift, rel=1e-9)


def test_gaps_count_towards_k_when_given():
    rng = np.random.default_rng(1)
    gaps = [rng.gamma(4, 1.0, 6) for _ in range(300)]  # every four events a purchase, in steps of one
    X = pd.DataFrame(
        {"frequency": 6.0, "recency": [g.sum() for g in gaps], "litt": [np.log(g).sum() for g in gaps]}
    )
    X["T"] = X["recency"] + 2.0
    assert MBGCNBD().fit(X).params_["k"] in (3, 4, 5)


def test_an_impossible_k_is_refused(regular):
    with pytest.raises(ValueError, match="k must be a whole number from 1 to 100 or None, got 0"):
        MBGCNBD(k=0).fit(regular)


def test_expected_purchases_never_fall_with_the_horizon():
    model = MBGCNBD().with_params({"k": 2, "r": 3.5, "alpha": 0.5, "a": 6.0, "b": 2.0})
    X = pd.DataFrame({"frequency": [30.0, 150.0, 0.0], "recency": [85.0, 89.0, 0.0], "T": [90.0] * 3})
    expected = np.array([model.expected_purchases(X, t) for t in np.geomspace(5_000, 200_000, 60)])
    assert (np.diff(expected, axis=0) > -1e-12 * expected[1:]).all()
