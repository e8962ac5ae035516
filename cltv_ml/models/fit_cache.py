"""A cache of fits: models that several competitors of one training share are fitted once."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cltv_ml.side_by_side import Result

#: Size of the cache, which drops the least recently used fit: a default training makes 180, a tuning hundreds.
MOST_FITS = 200

_stored_fits: dict[int, dict[bytes, Any]] | None = None  # by the size of the cache
_lock = threading.Lock()
_making: dict[bytes, threading.RLock] = {}


@contextmanager
def shared_fits() -> Iterator[None]:
    """Cache the fits that `once` makes inside this context, in all threads; a nested context changes nothing."""
    global _stored_fits
    outermost = _stored_fits is None
    if outermost:
        _stored_fits = {}
    try:
        yield
    finally:
        if outermost:
            _stored_fits = None
            _making.clear()


def once(
    make: Callable[[], Result], settings: str, *data: np.ndarray | None, most: int | None = None
) -> Result:
    """Return the result of `make`, or the cached one for equal settings and data inside `shared_fits`.

    Settings and data are equal when their digests are. Callers must not change the result. Only the `most` results
    used last are kept, `MOST_FITS` by default; results of another `most` are kept apart.

    >>> made = []
    >>> with shared_fits():
    ...     for _ in range(3):
    ...         once(lambda: made.append(1), "mean", np.zeros(2))
    >>> len(made)
    1
    """
    stored = _stored_fits  # another thread may close it meanwhile
    if stored is None:
        return make()
    most = most or MOST_FITS
    fits = stored.setdefault(most, {})
    key = digest_of(settings, *data)
    with _lock:
        making = _making.setdefault(key, threading.RLock())
    with making:  # other fits go on side by side, the same one is waited for
        with _lock:
            cached = key in fits
            result: Result = fits[key] if cached else None  # type: ignore[assignment]
        if not cached:
            result = make()
        with _lock:
            fits.pop(key, None)
            fits[key] = result  # the latest used come last
            while len(fits) > most:
                del fits[next(iter(fits))]
    return result


def digest_of(settings: str, *data: np.ndarray | None) -> bytes:
    """Return the SHA-256 digest of settings and data.

    >>> digest_of("mean", np.zeros(2)) == digest_of("mean", np.zeros(2))
    True
    """
    digest = hashlib.sha256(settings.encode())
    for part in data:
        digest.update(repr(None if part is None else (part.shape, part.dtype)).encode())
        digest.update(b"" if part is None else np.ascontiguousarray(part).data)
    return digest.digest()
