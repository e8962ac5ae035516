import pandas as pd
import pytest

from cltv_ml.decisions.lifecycle import apply_lifecycle, fit_lifecycle

RULE = {"typical_gap": 20.0, "overdue": 2.0, "lapsed": 4.0}


def _one(frequency, recency, age, p_alive=None, **more):
    people = pd.DataFrame(
        {"frequency": [frequency], "recency": [float(recency)], "T": [float(age)], **more}, index=["a"]
    )
    known = None if p_alive is None else pd.Series([p_alive], index=["a"])
    return apply_lifecycle(people, RULE, known)["lifecycle"].item()


@pytest.mark.parametrize(
    ("frequency", "recency", "age", "p_alive", "state"),
    [
        (4, 80, 90, None, "active"),
        (4, 80, 140, None, "at risk"),
        (4, 80, 200, None, "lapsed"),
        (0, 0, 10, None, "new"),
        (0, 0, 60, None, "at risk"),
        (0, 0, 200, None, "lapsed"),
        (4, 80, 90, 0.3, "at risk"),
        (4, 80, 200, 0.9, "at risk"),
        (0, 0, 200, 0.1, "lapsed"),
    ],
)
def test_the_state_follows_from_rhythm_and_p_alive(frequency, recency, age, p_alive, state):
    assert _one(frequency, recency, age, p_alive) == state


def test_who_ended_a_long_silence_is_reactivated():
    assert _one(4, 200, 205, gap_last=[150.0]) == "reactivated"


def test_the_last_gap_may_be_given_over_the_mean_gap():
    assert _one(4, 200, 205, gap_last_ratio=[150 / 50]) == "reactivated"


def test_two_purchases_on_neighbouring_days_do_not_make_a_daily_buyer():
    assert _one(1, 1, 15) == "active"


def test_p_alive_of_bg_nbd_is_refused_because_it_calls_every_one_time_buyer_alive():
    people = pd.DataFrame({"frequency": [0, 0], "recency": [0.0, 0.0], "T": [10.0, 300.0]})
    with pytest.raises(ValueError, match="every one-time buyer, as in BG/NBD"):
        apply_lifecycle(people, RULE, pd.Series([1.0, 1.0]))


def test_a_log_without_repeat_buyers_is_refused():
    with pytest.raises(ValueError, match="none of 1 customer bought on two days"):
        fit_lifecycle(pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [9.0]}))
