"""Reports of how far a long computation has come."""

from __future__ import annotations

from collections.abc import Callable

#: Called with what is being done and the share of the work that is behind.
Progress = Callable[[str, float], None]


def silent(message: str, done: float) -> None:
    """Report progress to nobody."""
