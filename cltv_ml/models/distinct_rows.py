"""Distinct rows: functions are computed once for each, and the result is copied to all equal rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

#: Whole numbers below this are their own codes; anything else is hashed.
_SMALL = 1 << 20


def group_rows(columns: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the distinct rows of `columns`, sorted by the first of them, and each row's place among them.

    >>> distinct, place = group_rows([np.array([2.0, 0.0, 2.0]), np.array([5.5, 1.0, 5.5])])
    >>> [column.tolist() for column in distinct], place.tolist()
    ([[0.0, 2.0], [1.0, 5.5]], [1, 0, 1])
    """
    key, size = np.zeros(len(columns[0]), dtype=np.int64), 1
    for column in columns:
        if size == len(key):  # all rows differ already
            break
        codes, number = _code(column)
        # Positions of up to 2**31 rows are 32 bits wide, their pairs with the next column are not.
        key, size = _compress(np.multiply(key, number, dtype=np.int64) + codes, size * number)
    first = np.empty(size, dtype=np.int64)
    first[key[::-1]] = np.arange(len(key) - 1, -1, -1)
    return [np.asarray(column, dtype=np.float64)[first] for column in columns], key


def on_distinct(function: Callable[..., np.ndarray], *columns: np.ndarray) -> np.ndarray:
    """Return `function(*columns)` computed on the distinct rows only, shape (n,).

    >>> on_distinct(np.add, np.array([1.0, 1.0]), np.array([2.0, 3.0])).tolist()
    [3.0, 4.0]
    """
    distinct, place = group_rows(columns)
    return function(*distinct)[place]


def in_parts(function: Callable[..., np.ndarray], columns: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Return `function(*columns)` computed on `size` rows at a time, which bounds its memory.

    >>> in_parts(np.add, [np.arange(3.0), np.ones(3)], size=2).tolist()
    [1.0, 2.0, 3.0]
    """
    if len(columns[0]) <= size:
        return function(*columns)
    starts = range(0, len(columns[0]), size)
    return np.concatenate(
        [function(*(column[first : first + size] for column in columns)) for first in starts]
    )


def _code(column: np.ndarray) -> tuple[np.ndarray, int]:
    """Return an integer code per row, in the order of the values, and the number of codes."""
    if len(column) and column.min() >= 0 and column.max() < _SMALL:
        whole = column.astype(np.int64)
        if (whole == column).all():
            return whole, int(whole.max()) + 1
    codes, values = pd.factorize(column, sort=True)
    return codes, len(values)


def _compress(key: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """Return for each row the position of its key among those that occur, in their order, and how many occur."""
    if size <= 8 * len(key) + _SMALL:
        occurs = np.zeros(size, dtype=bool)
        occurs[key] = True
        present = np.flatnonzero(occurs)
        rank = np.empty(size, dtype=np.int32 if len(key) < 2**31 else np.int64)
        rank[present] = np.arange(len(present))
        return rank[key], len(present)
    place, present = pd.factorize(key)
    order = np.argsort(present)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[place], len(present)
