"""Independent work side by side: results in order, errors raised, threads that do not multiply."""

import threading
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from cltv_ml.errors import InputError
from cltv_ml.models import Hurdle, Tweedie
from cltv_ml.models.fit_cache import once, shared_fits
from cltv_ml.models.out_of_fold import out_of_fold
from cltv_ml.side_by_side import behind, side_by_side, workers


@pytest.fixture
def two(monkeypatch):
    """Let two threads work, whatever the machine has."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)


def test_calls_run_at_the_same_time_and_answer_in_order(two):
    both = threading.Barrier(2, timeout=10)
    assert side_by_side([lambda: both.wait() * 0 + 1, lambda: both.wait() * 0 + 2]) == [1, 2]


def test_the_first_error_is_raised(two):
    def fail() -> None:
        raise InputError("no customers")

    with pytest.raises(InputError, match="no customers"):
        side_by_side([int, fail, int])


def test_calls_inside_another_open_no_threads(two):
    assert side_by_side([lambda: workers(), lambda: workers()]) == [1, 1]
    assert workers() == 2


def test_one_thread_is_enough_where_only_one_is_allowed(two, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    here = threading.get_ident()
    assert side_by_side([threading.get_ident, threading.get_ident]) == [here, here]


def test_what_is_done_behind_comes_in_order_and_ends_with_the_block(two):
    done = []
    with behind() as later:
        started = [later(lambda number=number: done.append(number)) for number in range(3)]
    assert done == [0, 1, 2]
    assert all(one.done() for one in started)


def test_what_has_not_begun_behind_is_left_out_when_the_block_fails(two):
    begun, go = threading.Event(), threading.Event()
    done = []

    def first() -> None:
        begun.set()
        go.wait(10)
        done.append("first")

    def stopped() -> None:
        with behind() as later:
            later(first)
            later(lambda: done.append("second"))
            begun.wait(10)
            threading.Timer(0.1, go.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert done == ["first"]


def test_what_may_not_be_shared_is_done_here(two):
    with behind(alone=True) as later:
        assert later(threading.get_ident).result() == threading.get_ident()


def test_a_fit_that_another_thread_is_making_is_waited_for(two):
    begun, made = threading.Event(), []

    def slow() -> int:
        begun.set()
        threading.Event().wait(0.1)
        made.append(1)
        return 7

    def second() -> int:
        begun.wait(10)
        return once(slow, "same", np.zeros(2))

    with shared_fits():
        assert side_by_side([lambda: once(slow, "same", np.zeros(2)), second]) == [7, 7]
    assert made == [1]


@pytest.fixture
def rows():
    """300 customers at two cutoffs with what each then spent."""
    draw = np.random.default_rng(4)
    index = pd.MultiIndex.from_product(
        [pd.to_datetime(["2024-01-01", "2024-03-01"]), [f"c{n}" for n in range(300)]],
        names=["cutoff", "customer_id"],
    )
    X = pd.DataFrame({"rate": draw.gamma(1, 1, 600), "spend": draw.gamma(2, 9, 600)}, index=index)
    y = pd.Series(np.where(draw.random(600) < 0.5, X["rate"] * X["spend"], 0.0), index=index)
    return X, y


def test_out_of_fold_predictions_are_equal_to_the_last_digit_in_any_number_of_threads(two, monkeypatch, rows):
    models = [Tweedie(30, n_estimators=20), Hurdle(30, n_estimators=20)]
    together = out_of_fold(models, *rows, 30).predictions
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    pd.testing.assert_frame_equal(together, out_of_fold(models, *rows, 30).predictions, check_exact=True)


class Theirs(Tweedie):
    """A model of somebody else's: two of its fits may not run at a time."""

    name = "theirs"
    threads: ClassVar[set[int]] = set()

    def fit(self, X, y=None, sample_weight=None):
        self.threads.add(threading.get_ident())
        return super().fit(X, y, sample_weight)


def test_models_of_the_users_own_are_fitted_in_the_thread_that_asks(two, rows):
    out_of_fold([Theirs(30, n_estimators=2), Tweedie(30, n_estimators=2)], *rows, 30)
    assert Theirs.threads == {threading.get_ident()}
