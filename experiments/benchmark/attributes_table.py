"""Table of what tables about customers bring: a row per log, group of customers and cutoff."""

from __future__ import annotations

import pandas as pd

#: Whether the forecast next to the model's is that of the same model without tables, or the simulated truth.
WITHOUT, TRUTH = "without the tables", "by the true rates"

#: A simulated shop's goal: the order at least this share of the one by the true rates.
OF_TRUTH = 0.95

HEAD = [
    "log and customers",
    "days from",
    "customers",
    "Gini",
    "next to",
    "its Gini",
    "difference [paired 95%]",
    "",
]


def attribute_lines(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of `HEAD`; a row whose whole interval lies below zero, or below the goal, is missed."""
    return [
        [
            row.task.replace("_", " "),
            f"{row.horizon:.0f} from {row.cutoff}",
            f"{row.customers:,.0f}",
            f"{row.value:.3f}",
            row.note,
            f"{row.reference:.3f}",
            f"{row.difference:+.4f} [{row.difference_lower:+.4f}, {row.difference_upper:+.4f}]",
            "missed" if _is_missed(row.note, row.value, row.reference, row.difference_upper) else "",
        ]
        for row in table.dropna(subset=["value"]).itertuples()
    ]


def _is_missed(note: str, value: float, reference: float, highest: float) -> bool:
    return value < OF_TRUTH * reference if note == TRUTH else highest < 0
