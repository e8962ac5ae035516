"""Progress bar below the cell of a notebook that calls a pipeline."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextvars import copy_context
from functools import wraps
from html import escape
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def with_bar(pipeline: Callable[P, R]) -> Callable[P, R]:
    """Return the pipeline in a context of its own, with a bar if a notebook calls it and no `progress` is given."""

    @wraps(pipeline)
    def run(*args: P.args, **options: P.kwargs) -> R:
        """Run the pipeline; its bar is taken away when it ends or fails."""
        if "progress" in options or not _in_notebook():
            return copy_context().run(pipeline, *args, **options)
        bar = _Bar(pipeline.__name__)
        options["progress"] = bar
        try:
            return copy_context().run(pipeline, *args, **options)
        finally:
            bar.close()

    return run


def _in_notebook() -> bool:
    """Whether this code runs in a Jupyter kernel, found out without importing IPython."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


class _Bar:
    """HTML's own progress element in the cell's output, which needs no widgets and disappears when the work is done."""

    def __init__(self, title: str) -> None:
        from IPython.display import HTML, display

        self._html, self._title, self._started = HTML, title, time.monotonic()
        self._handle: Any = display(HTML(""), display_id=True)

    def __call__(self, message: str, done: float) -> None:
        """Show the current step and the share that is done."""
        seconds = int(time.monotonic() - self._started)
        self._handle.update(
            self._html(
                f'<progress max="1" value="{done:.3f}"></progress> '
                f"<small>{escape(self._title)}, {seconds // 60}:{seconds % 60:02d}: {escape(message)}</small>"
            )
        )

    def close(self) -> None:
        """Remove the bar."""
        self._handle.update(self._html(""))
