"""Progress callbacks of long computations."""

from __future__ import annotations

from collections.abc import Callable

#: Callback with a description of the current step and the share of the work done.
Progress = Callable[[str, float], None]


def silent(message: str, done: float) -> None:
    """Report progress to nobody."""
