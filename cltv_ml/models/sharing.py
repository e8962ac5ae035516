"""Work on equal data done once: what several models of one training fit alike is kept while the training lasts."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

Result = TypeVar("Result")

_kept: dict[bytes, Any] | None = None
_lock = threading.RLock()


@contextmanager
def shared_fits() -> Iterator[None]:
    """Keep the fits that `once` makes while this is open, in all threads; inside another one, nothing changes."""
    global _kept
    outermost = _kept is None
    if outermost:
        _kept = {}
    try:
        yield
    finally:
        if outermost:
            _kept = None


def once(make: Callable[[], Result], settings: str, data: np.ndarray) -> Result:
    """Return what `make` gives, or gave before for equal settings and data while `shared_fits` was open.

    >>> made = []
    >>> with shared_fits():
    ...     for _ in range(3):
    ...         once(lambda: made.append(1), "mean", np.zeros(2))
    >>> len(made)
    1
    """
    if _kept is None:
        return make()
    digest = hashlib.blake2b(repr((settings, data.shape)).encode())
    digest.update(np.ascontiguousarray(data).data)
    with _lock:
        if digest.digest() not in _kept:
            _kept[digest.digest()] = make()
        found: Result = _kept[digest.digest()]
    return found
