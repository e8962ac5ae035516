"""Sections on certainty: paired intervals between models, intervals per customer, bias by group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.bootstrap import bootstrap_metrics
from cltv_ml.evaluation.calibration import LEVEL
from cltv_ml.evaluation.compare import compare_models
from cltv_ml.evaluation.groups import cohort_groups, tenure_groups
from cltv_ml.evaluation.metrics import METRICS
from cltv_ml.evaluation.tables import compute_bias_by_group, compute_coverage
from cltv_ml.models.out_of_fold import OUT_OF_TIME
from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.report import section

#: Metrics of the paired table: the displayed name, and the format of a difference.
PAIRED = {
    "gini": ("Gini", "{:+z.3f}"),
    "mae": ("MAE", "{:+z,.2f}"),
    "bias": ("Size of bias", "{:+z.1%}"),
    "decile_mape": ("Decile error", "{:+z.1%}"),
}

#: Metrics of the table by window.
WINDOWS = {
    "gini": ("Gini", "{:.3f}"),
    "bias": ("Bias", "{:+z.1%}"),
    "decile_mape": ("Decile error", "{:.1%}"),
}

#: Fewest customers of a group: smaller ones reflect chance.
MIN_COMPARED = 30


def paired_table(result: WindowResult, champion: str) -> pd.DataFrame:
    """Return each model's difference from the champion on the same customers, one formatted row per model.

    A cell is the difference and its 95% interval from the paired bootstrap; "better" or "worse" follows where
    the interval excludes zero.
    """
    pairs = compare_models(result.y_true, result.values, champion)
    rows = []
    for name, pair in pairs.groupby("model", sort=False):
        by_metric = pair.set_index("metric")
        cells = {title: _cell(by_metric.loc[metric], form) for metric, (title, form) in PAIRED.items()}
        rows.append({"Model": theme.label(str(name)), **cells})
    return pd.DataFrame(rows)


def interval_sentence(result: WindowResult, name: str) -> list[str]:
    """Return a sentence on the share of customers whose spend lay within their interval, if the model has any."""
    if "coverage" not in result.scores or not np.isfinite(result.scores.at[name, "coverage"]):
        return []
    return [
        f"Each customer's value comes with an interval that should contain the spend of {LEVEL:.0%} of "
        f"customers; in the test window, it contained the spend of {result.scores.at[name, 'coverage']:.1%}."
    ]


def interval_section(result: WindowResult, name: str) -> list[dict[str, Any]]:
    """Return the coverage of the champion's intervals by predicted value; nothing if it has none."""
    table = result.predictions[name]
    if "value_lower" not in table:
        return []
    coverage = compute_coverage(result.y_true, table, LEVEL)
    sentences = []
    idle = coverage[coverage["nothing"] > LEVEL]
    if len(idle):
        sentences.append(
            f"In {len(idle)} of the ten groups, more than {LEVEL:.0%} of the customers spent nothing: every "
            "interval that starts at zero covers more of them than its nominal level."
        )
    caption = "Share of customers whose spend fell within their interval, in ten equal groups by prediction."
    return [
        section(
            "How often the intervals held", sentences, figures={caption: plots.interval_coverage(coverage)}
        )
    ]


def windows_section(result: WindowResult) -> list[dict[str, Any]]:
    """Return every model's out-of-fold metrics by window; nothing without earlier windows.

    Each cell is the metric and its 95% interval from the bootstrap over that window's customers.
    """
    earlier = result.validation
    if earlier is None:
        return []
    measured = [
        (f"{cutoff:%Y-%m-%d}", truth, earlier.predictions.loc[truth.index])
        for cutoff, truth in earlier.y_true.groupby(level="cutoff")
    ]
    measured.append((f"{result.window.cutoff:%Y-%m-%d}", result.y_true, result.values))
    ranges_by_cutoff = {cutoff: _ranges(truth, values) for cutoff, truth, values in measured}
    names = [
        name for name in result.values if all(name in ranges.index for ranges in ranges_by_cutoff.values())
    ]
    tables = {
        f"{title} by the first day of the window": pd.DataFrame(
            {"Model": [theme.label(name) for name in names]}
            | {
                cutoff: [ranges.at[name, metric] for name in names]
                for cutoff, ranges in ranges_by_cutoff.items()
            }
        )
        for metric, (title, _) in WINDOWS.items()
    }
    sentence = (
        "The last column is the untouched test window. The models never saw the earlier windows they are "
        "judged on: "
        + (
            "they were fitted on windows that had ended by then."
            if earlier.protocol == OUT_OF_TIME
            else "they were fitted on other customers of the same window, which shows nothing about the "
            "bias of models that learn from such windows."
        )
        + " Brackets hold the 95% interval over other draws of customers."
    )
    return [section("Metrics by window", [sentence], tables=tables)]


def _ranges(y_true: pd.Series, values: pd.DataFrame) -> pd.DataFrame:
    """Return a formatted metric with its interval per model (rows) and metric (columns)."""
    draws = bootstrap_metrics(y_true, values)
    table = pd.DataFrame(index=list(values.columns), columns=list(WINDOWS), dtype="str")
    for metric, (_, form) in WINDOWS.items():
        for name in values:
            drawn = draws[metric][name].dropna()
            value = METRICS[metric].function(y_true.to_numpy(), values[name].to_numpy())
            low, high = drawn.quantile([0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
            shown = np.isfinite([value, low, high]).all()
            table.at[name, metric] = (
                f"{form.format(value)} ({form.format(low)} to {form.format(high)})" if shown else "unknown"
            )
    return table


def groups_section(segments: pd.Series, result: WindowResult, name: str) -> dict[str, Any]:
    """Return the bias of the champion by segment (`segment_groups`), by quarter of the first purchase and by tenure."""
    X, cutoff = result.training.X_now, result.window.cutoff
    kinds: Mapping[str, pd.Series] = {
        "RFM segment at the cutoff": segments,
        "quarter of the first purchase": cohort_groups(X, cutoff),
        "days since the first purchase": tenure_groups(X),
    }
    figures = {}
    for words, groups in kinds.items():
        bias = compute_bias_by_group(result.y_true, result.values[name], groups)
        bias = bias[(bias["customers"] >= MIN_COMPARED) & bias["bias"].notna()]
        bias = bias.sort_values("group", key=lambda names: names.map(_by_first_number))
        if len(bias):
            figures[
                f"Bias by {words} with 95% intervals, for groups of at least {MIN_COMPARED} customers."
            ] = plots.group_bias(bias, by=words)
    return section(f"Bias of {theme.label(name)} by group of customers", figures=figures)


def _by_first_number(group: str) -> tuple[int, str]:
    """Return a key that sorts groups by the number that they begin with, the others by name.

    >>> sorted(["124–176 days", "72–122 days"], key=_by_first_number)
    ['72–122 days', '124–176 days']
    """
    digits = group[: len(group) - len(group.lstrip("0123456789"))]
    return int(digits or 0), group


def _cell(row: pd.Series, form: str) -> str:
    if not np.isfinite([row["difference"], row["lower"], row["upper"]]).all():
        return "unknown"
    verdict = {"model": " better", "champion": " worse", "neither": ""}[str(row["better"])]
    low, high = form.format(row["lower"]), form.format(row["upper"])
    return f"{form.format(row['difference'])} ({low} to {high}){verdict}"
