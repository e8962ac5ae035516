"""Measurements spread over the machine's cores, for what is not timed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")


def measure_all(measure: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
    """Return what `measure` finds for each item, in their order, from a process per core.

    Each process is a new one, because the engine's threads do not survive a fork.

    >>> measure_all(abs, [-1])
    [1]
    """
    if len(items) < 2:
        return [measure(item) for item in items]
    workers = min(os.cpu_count() or 1, len(items))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(measure, items))
