"""Summary of the results of `level`, one row per log and horizon."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: The combination's name among the candidates.
LEVEL = "level"

#: The protocol of shops whose truth is known because it was simulated.
SIMULATED = "simulated"

#: A simulated shop's bound, in units of its best single candidate's mean |bias|.
WITHIN = 1.1


def summarise_level(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row per task: mean and worst |bias| of the level, of bottom-up and of the best candidate, and coverage.

    The best candidate is the one with the smallest mean |bias| in hindsight, of those available at every cutoff.
    `covered` is the share of windows whose total is in the level's 90% interval.
    """
    summaries = []
    for name, task_rows in table[table["metric"] == "bias"].groupby("task", sort=False):
        size = task_rows.assign(value=task_rows["value"].abs()).pivot(
            index="cutoff", columns="model", values="value"
        )
        single = size.drop(columns=LEVEL).dropna(axis="columns").mean()
        level = task_rows[task_rows["model"] == LEVEL]
        summaries.append(
            {
                "task": name,
                "windows": len(size),
                "mean": size[LEVEL].mean(),
                "worst": size[LEVEL].max(),
                "bottom_up": size["bottom-up"].mean() if "bottom-up" in size else np.nan,
                "best": single.min() if len(single) else np.nan,
                "candidate": single.idxmin() if len(single) else "",
                "covered": ((level["lower"] <= 0) & (level["upper"] >= 0)).mean(),
                "goal": level["reference"].iloc[0],
                "simulated": (task_rows["protocol"] == SIMULATED).all(),
            }
        )
    summary = pd.DataFrame(summaries)
    return summary.assign(goal=summary["goal"].where(~summary.pop("simulated"), WITHIN * summary["best"]))
