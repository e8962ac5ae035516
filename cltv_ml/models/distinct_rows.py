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
    coded = [_code(column) for column in columns]
    key, size = coded[0][0], len(coded[0][1])
    distinct = [(coded[0][1], np.arange(size))]
    for codes, values in coded[1:]:
        present, key = _compress(key * len(values) + codes, size * len(values))
        distinct = [(distinct_values, place[present // len(values)]) for distinct_values, place in distinct]
        distinct.append((values, present % len(values)))
        size = len(present)
    if len(columns) == 1:
        present, key = _compress(key, size)
        distinct = [(distinct[0][0], present)]
    return [values[place] for values, place in distinct], key


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


def _code(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an integer code per row and the value of each code, ascending."""
    if len(column) and column.min() >= 0 and column.max() < _SMALL:
        whole = column.astype(np.int64)
        if (whole == column).all():
            return whole, np.arange(whole.max() + 1.0)
    codes, values = pd.factorize(column, sort=True)
    return codes, values


def _compress(key: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys that occur, ascending, and for each row the position of its own."""
    if size <= 8 * len(key) + _SMALL:
        occurs = np.zeros(size, dtype=bool)
        occurs[key] = True
        present = np.flatnonzero(occurs)
        rank = np.empty(size, dtype=np.int32 if len(key) < 2**31 else np.int64)
        rank[present] = np.arange(len(present))
        return present, rank[key]
    place, present = pd.factorize(key)
    order = np.argsort(present)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return present[order], rank[place]
