"""Printing: consoles, tables, JSON, progress bars, notes."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd

console = Console()
stderr = Console(stderr=True)

#: Metrics of a comparison, those that were measured: title and how a value is written.
METRICS = {
    "gini": ("Gini", "{:.3f}"),
    "bias": ("Bias", "{:+.1%}"),
    "decile_mape": ("Decile error", "{:.1%}"),
    "mae": ("MAE", "{:,.2f}"),
    "profit": ("Profit", "{:,.0f}"),
}

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]

Report = Callable[[str, float], None]


class Notes(logging.Handler):
    """Shows on stderr what was guessed, such as a mapping."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message; its first word is the heading."""
        stderr.print(escape(record.getMessage()), soft_wrap=True)


def show_table(frame: pd.DataFrame, title: str = "") -> None:
    """Print a frame of ready-made text, the first column to the left."""
    table = Table(title=title or None, title_justify="left")
    for number, name in enumerate(frame.columns):
        numeric = number > 0 and frame[name].astype(str).str.match(r"^[-+]?[\d.,]+%?$").all()
        table.add_column(str(name), justify="right" if numeric else "left", overflow="fold")
    for row in frame.astype(str).itertuples(index=False):
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON document on stdout: unrounded numbers, tables as lists of rows, what is missing as null."""
    typer.echo(json.dumps(_plain(document), indent=1, ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    """Return a value in the types that JSON has.

    >>> import pandas as pd
    >>> from pathlib import Path
    >>> _plain({"table": pd.DataFrame({"a": [1.5, None]}), "day": pd.Timestamp("2026-01-02"), "file": Path("out")})
    {'table': [{'a': 1.5}, {'a': None}], 'day': '2026-01-02T00:00:00', 'file': 'out'}
    """
    import numpy as np
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return [_plain(row) for row in value.to_dict("records")]
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """Yield a function that moves a progress bar; on a pipe it stays silent."""
    columns = (TextColumn("{task.description:<44}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda message, done: bar.update(task, description=message, completed=done)
