"""Tables of the whole shop's forecasts: a row per log, horizon and model, and the bands on simulated shops."""

from __future__ import annotations

import pandas as pd

from cltv_ml.evaluation.shop_tables import BANDS

#: The models' names: ours, and last year's revenue of the same weeks, which is SeasonalNaive on weekly sums.
OWN, LAST_YEAR = "cltv forecast", "SeasonalNaive"

#: Metrics: the bias of a window's total, and the mean absolute error of its weeks over the mean week.
TOTAL, WEEK_ERROR = "bias", "week error"

#: Metrics of simulated shops and channels.
EQUITY, PAYBACK = "equity / true equity", "payback months of all channels within their intervals"

HEAD = [
    "log and horizon",
    "model",
    "cutoffs",
    "mean abs. bias",
    "worst",
    "totals in the 80% band",
    "error of weeks",
    "weeks in 50, 80, 95% bands",
]

BAND_HEAD = ["band", "totals within", "weeks within"]


def totals_within(band: int) -> str:
    """Return the metric of totals within a band, in percent."""
    return f"totals within {band}%"


def weeks_within(band: int) -> str:
    """Return the metric of single weeks within a band, in percent."""
    return f"weeks within {band}%"


def forecast_lines(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of `HEAD` for each log, horizon and model; a model that was not run has no numbers."""
    lines = []
    for (task, model), found in table[table["protocol"] != "simulated"].groupby(
        ["task", "model"], sort=False
    ):
        windows = found[found["metric"] == TOTAL]
        bias = windows["value"].dropna().abs()
        if bias.empty:
            lines.append([task, model, "0", "not run", "", "", "", ""])
            continue
        held = ((windows["lower"] <= 0) & (windows["upper"] >= 0)).sum()
        of_all = f"{held} of {len(windows)}" if model == OWN else ""
        means = found.groupby("metric")["value"].mean()
        weeks = f"{means[WEEK_ERROR]:.0%}" if WEEK_ERROR in means else ""
        inside = ", ".join(f"{means[name]:.0%}" for name in map(weeks_within, BANDS) if name in means)
        lines.append(
            [task, model, str(len(bias)), f"{bias.mean():.1%}", f"{bias.max():.1%}", of_all, weeks, inside]
        )
    return lines


def band_lines(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of `BAND_HEAD` on simulated shops."""
    shares = table[table["protocol"] == "simulated"].set_index("metric")["value"]
    return [
        [f"{band}%", f"{shares[totals_within(band)]:.1%}", f"{shares[weeks_within(band)]:.1%}"]
        for band in BANDS
    ]


def truth_sentence(table: pd.DataFrame) -> str:
    """Return what the equity of simulated shops and the payback months of simulated channels are next to the truth."""
    found = table[table["protocol"] == "simulated"].set_index("metric")["value"]
    if not {EQUITY, PAYBACK} <= set(found.index):
        return ""
    return (
        f"Customer equity within these days was {found[EQUITY] - 1:+.1%} off on average. In {found[PAYBACK]:.1%} of "
        "the logs with three simulated channels the payback month of each lay within its 80% interval."
    )
