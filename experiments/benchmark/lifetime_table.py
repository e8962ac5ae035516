"""Table of values beyond the horizon that was learned from: a row per log and cutoff."""

from __future__ import annotations

import pandas as pd

from experiments.benchmark.leaderboard import title

LIFETIME_HEAD = ["log", "from", "days", "measured"]


def lifetime_lines(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of `LIFETIME_HEAD`; a Gini stands with the Pareto/NBD's that it is held against."""
    body = []
    for (task, cutoff), log_rows in table.dropna(subset=["value"]).groupby(["task", "cutoff"], sort=False):
        measures = []
        for row in log_rows.itertuples():
            measure = (
                f"{row.metric} {row.value:+.1%}" if "bias" in row.metric else f"{row.metric} {row.value:.3f}"
            )
            if row.metric == "gini":
                measure += f" (Pareto/NBD {row.reference:.3f})"
            elif row.reference == row.reference and abs(row.value) > row.reference:
                measure += f", goal {row.reference:.2f}: missed"
            measures.append(measure)
        body.append([title(task), cutoff, f"{log_rows['horizon'].iloc[0]:.0f}", "; ".join(measures)])
    return body
