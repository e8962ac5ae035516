"""Summary of the results of `champions`, one row per training."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: The name of the model that was chosen among the rows of a training.
CHAMPION = "champion"

#: What the naive rule learns from.
NAIVE = "nothing"

#: The set on which faults are looked for, and the one that is only measured.
SETS = ("choose", "report")

#: A Gini so far below the best competitor's, a |bias| above, or a coverage outside is a miss.
LOST_GINI, FAR, COVERED = 0.005, 0.15, (0.84, 0.95)


def summarise_champions(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row per completed training: the champion's metrics next to those of its competitors, and its misses.

    `best` is the best Gini of all competitors except the naive rule, `histories` the best of the models without labels,
    `best_decile` the smallest decile error among models that rank as well as the best.
    """
    summaries = []
    for name, training_rows in table[table["metric"] != "none"].groupby("task", sort=False):
        values = training_rows.pivot(index="model", columns="metric", values="value")
        kinds = training_rows.drop_duplicates("model").set_index("model")["parameters"]
        champion, competitors = values.loc[CHAMPION], values.drop(index=CHAMPION)
        able = competitors[kinds[competitors.index] != NAIVE]
        near_best = able[able["gini"] >= able["gini"].max() - LOST_GINI]
        row = {
            "task": name,
            "cutoff": training_rows["cutoff"].iloc[0],
            "horizon": training_rows["horizon"].iloc[0],
            "champion": kinds[CHAMPION],
            "gini": champion["gini"],
            "best": able["gini"].max(),
            "histories": able.loc[kinds[able.index] == "histories", "gini"].max(),
            "naive": competitors.loc[kinds[competitors.index] == NAIVE, "gini"].max(),
            "bias": champion["bias"],
            "decile": champion["decile_mape"],
            "best_decile": near_best["decile_mape"].min(),
            "coverage": champion["coverage"],
        }
        summaries.append({**row, "missed": ", ".join(_misses(row))})
    return pd.DataFrame(summaries)


def training_line(table: pd.DataFrame) -> str:
    """Return the result of one training in one line."""
    row = summarise_champions(table).iloc[0]
    return (
        f"{row['champion']}, Gini {row['gini']:.3f} of {row['best']:.3f}, bias {row['bias']:+.1%}, decile error "
        f"{row['decile']:.2f}, coverage {row['coverage']:.0%}"
        + (f"; missed: {row['missed']}" * bool(row["missed"]))
    )


def _misses(row: dict) -> list[str]:
    covered = row["coverage"]
    missed = {
        "order": row["gini"] < row["best"] - LOST_GINI,
        "level": abs(row["bias"]) > FAR,
        "coverage": np.isfinite(covered) and not COVERED[0] <= covered <= COVERED[1],
    }
    return [name for name, value in missed.items() if value]
