"""Sections on a backtest: how the models did over several test windows."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.report import section

#: Metrics shown on pages and by the command line: names and formats of their numbers.
METRIC_FORMATS = {
    "gini": ("Gini", "{:.3f}"),
    "bias": ("Bias", "{:+.1%}"),
    "decile_mape": ("Decile error", "{:.1%}"),
    "mae": ("MAE", "{:,.2f}"),
    "profit": ("Profit", "{:,.0f}"),
    "coverage": ("In interval", "{:.1%}"),
}


def backtest_section(title: str, ranges: pd.DataFrame, windows: int, *, currency: str = "") -> dict[str, Any]:
    """Return the table of each model's metrics over the windows of one horizon, and a figure of each metric.

    `ranges` are those of `evaluation.tables.compute_metric_ranges`.
    """
    measured = [metric for metric in METRIC_FORMATS if metric in set(ranges["metric"])]
    shown = {METRIC_FORMATS[metric][0]: _mean_and_range(ranges, metric) for metric in measured}
    money = "MAE and profit" if "profit" in measured else "MAE"
    table = pd.DataFrame(shown).rename_axis("Model").reset_index()
    return section(
        title,
        tables={theme.in_money(f"Mean of the windows (lowest to highest); {money}", currency): table},
        figures={
            f"{METRIC_FORMATS[metric][0]} of each model: mean, lowest and highest of {windows} test windows.": (
                plots.metric_ranges(ranges, metric=metric, unit=currency)
            )
            for metric in measured
        },
    )


def backtest_answers(ranges: pd.DataFrame, windows: int) -> dict[str, list[str]]:
    """Return the answers to what a reader of a backtest asks first, for one horizon.

    >>> ranges = pd.DataFrame({"model": ["nbd", "tweedie"] * 2, "metric": ["gini"] * 2 + ["bias"] * 2,
    ...     "mean": [0.5, 0.6, 0.1, 0.1], "lowest": [0.4, 0.5, -0.2, -0.2], "highest": [0.6, 0.7, 0.3, 0.3]})
    >>> answers = backtest_answers(ranges, 2)
    >>> answers["Which model ranks customers best?"]
    ['XGBoost Tweedie, with a mean Gini of 0.600 (0.500 to 0.700).']
    >>> answers["How far off was the total?"]
    ['-20.0% to +30.0% in the windows, +10.0% on average (XGBoost Tweedie).']
    """
    best, answers = "", {}
    for metric, question, largest in (
        ("gini", "Which model ranks customers best?", True),
        ("decile_mape", "Which model is closest to what each tenth of the customers spent?", False),
    ):
        means = ranges[ranges["metric"] == metric].set_index("model")["mean"].dropna()
        if len(means):
            first = str(means.idxmax() if largest else means.idxmin())
            best = best or first
            told = _mean_and_range(ranges, metric)[theme.label(first)]
            name = METRIC_FORMATS[metric][0] if largest else METRIC_FORMATS[metric][0].lower()
            answers[question] = [f"{theme.label(first)}, with a mean {name} of {told}."]
    bias = ranges[(ranges["metric"] == "bias") & (ranges["model"] == best)]
    for row in bias.itertuples():
        answers["How far off was the total?"] = [
            f"{row.lowest:+.1%} to {row.highest:+.1%} in the windows, {row.mean:+.1%} on average ({theme.label(best)})."
        ]
    few = f"The means are those of {windows} windows: where two models' ranges overlap, the next window may turn them."
    return {**answers, "What should you not rely on?": [few]}


def _mean_and_range(ranges: pd.DataFrame, metric: str) -> pd.Series:
    """Return a metric's mean and range as text, by the model's label."""
    form, rows = METRIC_FORMATS[metric][1], ranges[ranges["metric"] == metric]
    texts = [
        f"{form.format(row.mean)} ({form.format(row.lowest)} to {form.format(row.highest)})"
        for row in rows.itertuples()
    ]
    return pd.Series(texts, index=[theme.label(model) for model in rows["model"]])
