"""SQL of the labels of a cutoff's customers, over the same tables as their features."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cltv_ml.errors import InputError, unknown_name
from cltv_ml.features.macros import day_number
from cltv_ml.labels import LABELS, Label
from cltv_ml.windows import Window

_BASE_TABLES = {"line": "cltv_lines", "order": "cltv_orders"}


def label_query(window: Window, labels: Sequence[Label]) -> str:
    """Return the SQL of the labels of every customer with a purchase before the window's cutoff."""
    start, end = day_number(window.cutoff), day_number(window.end)
    joins, columns = [], ["known.customer_id"]
    for grain, rows in _BASE_TABLES.items():
        chosen = [label for label in labels if label.grain == grain]
        if not chosen:
            continue
        values = ", ".join(f"{label.value} as {label.name}" for label in chosen)
        held = f"select customer_id, {values} from {rows} where day >= {start} and day < {end} group by customer_id"
        joins.append(f"left join ({held}) as {grain}s on {grain}s.customer_id = known.customer_id")
        columns += [f"coalesce({grain}s.{label.name}, 0e0) as {label.name}" for label in chosen]
    customers = f"select customer_id from cltv_days where day < {start} group by customer_id"
    return f"select {', '.join(columns)} from ({customers}) as known {' '.join(joins)}"


def choose_labels(names: Sequence[str] | None, columns: frozenset[str]) -> list[Label]:
    """Return the requested labels, or all that a log with these columns can have.

    Raises
    ------
    InputError
        A label is unknown or needs a column that the log has not.
    """
    if names is None:
        return [label for label in LABELS.values() if label.needs <= columns]
    for name in names:
        if name not in LABELS:
            raise unknown_name("label", name, LABELS)
        missing = sorted(LABELS[name].needs - columns)
        if missing:
            raise InputError(f"label {name!r} needs {missing}, which the log lacks. Found {sorted(columns)}.")
    return [LABELS[name] for name in dict.fromkeys(names)]


def check_windows(windows: Sequence[Window], first: pd.Timestamp, last: pd.Timestamp) -> None:
    """Raise where two windows share a cutoff or the log does not hold one of them to its end."""
    cutoffs = [window.cutoff for window in windows]
    if len(set(cutoffs)) < max(len(cutoffs), 1):
        raise InputError(f"every window needs its own cutoff, got {[f'{day:%Y-%m-%d}' for day in cutoffs]}.")
    for window in windows:
        window.check(first, last)
