"""The table of the whole shop's forecasts, one row per log and horizon."""

from __future__ import annotations

import pandas as pd

#: The models' names: ours, and last year's revenue of the same weeks, which is SeasonalNaive on weekly sums.
OWN, LAST_YEAR = "cltv forecast", "SeasonalNaive"

HEAD = ["log and horizon", "model", "cutoffs", "mean abs. bias", "worst", "within its 80% band"]


def forecast_lines(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of `HEAD` for each log, horizon and model; a model that was not run has no numbers."""
    lines = []
    for (task, model), windows in table.groupby(["task", "model"], sort=False):
        bias = windows["value"].dropna().abs()
        if bias.empty:
            lines.append([task, model, "0", "not run", "", ""])
            continue
        held = ((windows["lower"] <= 0) & (windows["upper"] >= 0)).sum()
        of_all = f"{held} of {len(windows)}" if model == OWN else ""
        lines.append([task, model, str(len(bias)), f"{bias.mean():.1%}", f"{bias.max():.1%}", of_all])
    return lines
