"""Labels: what the customers of a cutoff did in the holdout, from the same ledgers as the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from cltv_ml.errors import InputError
from cltv_ml.features.declare import Feature, feature
from cltv_ml.features.macros import Speller, day_number, unit_scale
from cltv_ml.windows import Window

#: Labels by name; the expressions see the holdout only.
LABELS: Mapping[str, Feature] = {
    found.name: found
    for declared in (
        feature(
            "value",
            unit="currency",
            grain="order",
            sql="sum(amount) - sum(return_amount)",
            doc="Spend in the holdout, less what came back in it.",
            fill=0,
        ),
        feature(
            "purchases",
            unit="purchase days",
            grain="day",
            sql="count(*)",
            doc="Purchase days in the holdout.",
            fill=0,
        ),
        feature(
            "orders",
            unit="orders",
            grain="order",
            sql="count_if(is_first)",
            doc="Orders placed in the holdout.",
            fill=0,
        ),
        feature(
            "margin",
            unit="currency",
            grain="order",
            sql="sum(net_margin)",
            doc="Spend minus cost in the holdout, on lines whose cost is known.",
            fill=0,
        ),
        feature(
            "active",
            unit="0 or 1",
            grain="day",
            sql="least(count(*), 1)",
            doc="1 for customers who bought in the holdout.",
            fill=0,
        ),
    )
    for found in declared
}

_LEDGERS = {"order": "cltv_orders", "day": "cltv_days"}


def label_query(window: Window, labels: Sequence[Feature], wide: str) -> str:
    """Return the SQL of the labels of every customer with a purchase before the window's cutoff."""
    start, end = day_number(window.cutoff), day_number(window.end)
    speller = Speller(window.cutoff, wide)
    joins, columns = [], ["known.customer_id"]
    for grain, ledger in _LEDGERS.items():
        mine = [found for found in labels if found.grain == grain]
        if not mine:
            continue
        made = ", ".join(
            f"cast({speller.spell(found.sql, 'day')} as double) / {unit_scale(found.unit)}e0 as {found.name}"
            for found in mine
        )
        rows = f"select customer_id, {made} from {ledger} where day >= {start} and day < {end} group by customer_id"
        joins.append(f"left join ({rows}) as {grain}s on {grain}s.customer_id = known.customer_id")
        columns += [f"coalesce({grain}s.{found.name}, 0e0) as {found.name}" for found in mine]
    known = f"select customer_id from cltv_days where day < {start} group by customer_id"
    return f"select {', '.join(columns)} from ({known}) as known {' '.join(joins)}"


def choose_labels(names: Sequence[str] | None, columns: frozenset[str]) -> list[Feature]:
    """Return the labels that are asked for, or all that a log with these columns can have.

    Raises
    ------
    InputError
        A label is unknown or needs a column that the log has not.
    """
    if names is None:
        return [found for found in LABELS.values() if found.needs <= columns]
    for name in names:
        if name not in LABELS:
            raise InputError(f"Unknown label {name!r}. Available: {sorted(LABELS)}.")
        missing = sorted(LABELS[name].needs - columns)
        if missing:
            raise InputError(
                f"label {name!r} needs {missing}, which the log has not. Found {sorted(columns)}."
            )
    return [LABELS[name] for name in dict.fromkeys(names)]


def check_windows(windows: Sequence[Window], first: pd.Timestamp, last: pd.Timestamp) -> None:
    """Raise where two windows share a cutoff or the log does not hold one of them to its end."""
    cutoffs = [window.cutoff for window in windows]
    if len(set(cutoffs)) < max(len(cutoffs), 1):
        raise InputError(f"windows must have a cutoff each, got {[f'{day:%Y-%m-%d}' for day in cutoffs]}.")
    for window in windows:
        window.check(first, last)
