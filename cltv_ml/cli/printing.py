"""Printing: consoles, tables, JSON, progress bars, notes."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from cltv_ml.counts import singular
from cltv_ml.money import format_amounts

if TYPE_CHECKING:
    import pandas as pd


#: The longest word that is printed whole, and how much is printed of a longer one.
_LONGEST_WORD = 300
_START_OF_WORD = 80


class _Terminal(Console):
    """A console that prints "1 line" instead of "1 lines", and only the start of words that fill a page."""

    def print(self, *objects: Any, **how: Any) -> None:
        """Print texts and tables."""
        super().print(*(shorten(singular(one)) if isinstance(one, str) else one for one in objects), **how)


def shorten(text: str) -> str:
    """Return the text with only the start of each very long word, such as a damaged value, and its length.

    >>> shorten(f"Unknown model {'x' * 70_000!r}.")[-40:]
    'xxxxxxxxxxxxxxxxxxxxxxx… (length 70,003)'
    """
    return re.sub(
        rf"\S{{{_LONGEST_WORD},}}",
        lambda word: f"{word[0][:_START_OF_WORD]}… (length {len(word[0]):,})",
        text,
    )


console = _Terminal()
stderr = _Terminal(stderr=True)

Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON document, for programs.", envvar="CLTV_JSON", show_envvar=False
    ),
]

#: More columns than any table has in a terminal.
_UNBOUNDED = 10_000

#: Seconds between two lines of a job that has no terminal.
SAID_EVERY = 30.0


class Notes(logging.Handler):
    """A log handler that prints notes on stderr, such as a guessed mapping."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message the first time it occurs; its first word is the heading."""
        message = record.getMessage()
        if message not in self._said:
            self._said.add(message)
            stderr.print(escape(message), soft_wrap=True)


def show_table(frame: pd.DataFrame, title: str = "") -> None:
    """Print a frame of ready-made text, the first column to the left."""
    table = Table(title=singular(title) or None, title_justify="left")
    for number, name in enumerate(frame.columns):
        cells = frame[name].astype(str)
        numeric = number > 0 and cells[cells != ""].str.match(r"^[-+]?[\d.,]+%?$").all()
        table.add_column(str(name), justify="right" if numeric else "left", overflow="fold")
    for row in frame.astype(str).itertuples(index=False):
        table.add_row(*(escape(cell) for cell in row))
    if console.measure(table, options=console.options.update(max_width=_UNBOUNDED)).minimum > console.width:
        table.box, table.padding, table.pad_edge = (
            None,
            (0, 1, 0, 0),
            False,
        )  # else numbers and dates would be cut
    console.print(table)


def amounts(values: pd.Series, currency: str) -> pd.Series:
    """Return amounts as text for a table in the terminal: with the digits of their currency, unknown ones blank.

    >>> import pandas as pd
    >>> amounts(pd.Series([0.5, 512.4, float("nan")]), "KWD").tolist()
    ['0.500', '512.400', '']
    """
    import pandas as pd

    return pd.Series(format_amounts(values, currency, unit=False, missing=""), values.index, dtype="object")


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON document on stdout: unrounded numbers, tables as lists of rows, missing values as null."""
    encoding = getattr(sys.stdout, "encoding", None) or ""  # a closed output is None
    ascii_only = not encoding.lower().startswith("utf")
    typer.echo(json.dumps(_json_value(document), indent=1, ensure_ascii=ascii_only, allow_nan=False))


def _json_value(value: Any) -> Any:
    """Return a value in the types that JSON has.

    >>> import pandas as pd
    >>> from pathlib import Path
    >>> _json_value({"table": pd.DataFrame({"a": [1.5, None]}), "day": pd.Timestamp("2026-01-02"), "file": Path("out")})
    {'table': [{'a': 1.5}, {'a': None}], 'day': '2026-01-02T00:00:00', 'file': 'out'}
    """
    import numpy as np
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return [_json_value(row) for row in value.to_dict("records")]
    if isinstance(value, dict):
        return {str(name): _json_value(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_value(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


class _Spoken:
    """Progress of a job as lines on stderr, for logs in which no bar can move."""

    def __init__(self, title: str, verbose: bool) -> None:
        self._title, self._verbose, self._now = title, verbose, ("starting", 0.0)
        self._started = time.monotonic()
        self._over = threading.Event()

    def __call__(self, message: str, share: float) -> None:
        """Store the current step; with --verbose print it at once."""
        changed, self._now = message != self._now[0], (message, share)
        if changed and self._verbose:
            self._say()

    def every(self, seconds: float) -> None:
        """Print the current step repeatedly, until `stop`."""
        while not self._over.wait(seconds):
            self._say()

    def stop(self) -> None:
        """End the repeated printing."""
        self._over.set()

    def _say(self) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        step, share = self._now
        line = f"{self._title}, {share:.0%} after {minutes}:{seconds:02d}: {step}"
        stderr.print(escape(line), soft_wrap=True, highlight=False)


@contextmanager
def _spoken(title: str, verbose: bool) -> Iterator[Callable[[str, float], None]]:
    spoken = _Spoken(title, verbose)
    thread = threading.Thread(target=spoken.every, args=(SAID_EVERY,), daemon=True)
    thread.start()
    try:
        yield spoken
    finally:
        spoken.stop()
        thread.join()


@contextmanager
def progress(title: str) -> Iterator[Callable[[str, float], None]]:
    """Yield a function that moves a progress bar; without a terminal a line is written every half minute.

    With CLTV_VERBOSE in the environment, which `--verbose` sets, every step is a line.
    """
    verbose = os.environ.get("CLTV_VERBOSE", "") not in ("", "0")
    if verbose or not stderr.is_terminal:
        with _spoken(title, verbose) as report:
            yield report
        return
    columns = (TextColumn("{task.description:<44}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda message, share: bar.update(task, description=message, completed=share)
