"""Independent pieces of work side by side, in threads: results in the order of the inputs, as without threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

Result = TypeVar("Result")

#: A function that hands a call to a second thread.
Later: TypeAlias = Callable[[Callable[[], Any]], Future[Any]]

#: Threads at a time, at most: each holds the data of its own piece of work.
MOST_THREADS = 4

_thread = threading.local()


def side_by_side(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Return the result of each call, made in as many threads as there are `workers`; raise the first error.

    Calls that are made inside another one are made one after another, so that threads do not multiply.

    >>> side_by_side([lambda: 1, lambda: 2])
    [1, 2]
    """
    count = min(workers(), len(calls))
    if count < 2:
        return [call() for call in calls]
    with _pool(count) as pool:
        return [future.result() for future in [pool.submit(_marked, call) for call in calls]]


@contextmanager
def behind(*, alone: bool = False) -> Iterator[Later]:
    """Yield a function that hands calls to a second thread, which makes them one after another.

    The block ends when all of them have; what has not begun when it fails is left out. With one worker, or `alone`,
    each call is made at once.
    """
    if alone or workers() < 2:
        yield _at_once
        return
    with _pool(1) as pool:
        yield pool.submit


def workers() -> int:
    """Return the number of threads that may work side by side: one per core, or fewer by OMP_NUM_THREADS."""
    if is_inside():
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores, MOST_THREADS, int(limit) if limit.isdigit() else MOST_THREADS))


def is_inside() -> bool:
    """Return whether this thread is one of several that work side by side: it should open no further ones."""
    return getattr(_thread, "inside", False)


@contextmanager
def _pool(count: int) -> Iterator[ThreadPoolExecutor]:
    """Hold threads open; where the block fails, calls that have not begun are left out."""
    pool = ThreadPoolExecutor(count, thread_name_prefix="cltv")
    try:
        yield pool
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def _marked(call: Callable[[], Result]) -> Result:
    _thread.inside = True
    return call()


def _at_once(call: Callable[[], Result]) -> Future[Result]:
    done: Future[Result] = Future()
    done.set_result(call())
    return done
