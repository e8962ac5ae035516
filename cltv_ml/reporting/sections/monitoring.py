"""The monitoring report: verdict and first actions, then checks, drift and earlier forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cltv_ml.evaluation.batch_outcome import LEVELS, Check, worst_level
from cltv_ml.evaluation.bounds import percent_off
from cltv_ml.evaluation.explain import feature_title
from cltv_ml.money import format_money
from cltv_ml.reporting import plots, theme
from cltv_ml.reporting.report import section
from cltv_ml.windows import days_in_words

#: Number of drifted columns in the text; the figure and drift.csv have more.
_WRITTEN_OUT = 10

#: The verdict as an answer, and its consequence.
_ANSWERS = {"ok": "Yes", "watch": "Yes, with care", "retrain": "Train again first"}
_TO_DO = {
    "ok": "Use the scores: cltv act turns them into lists. Score and monitor again when new data arrive.",
    "watch": "Use the scores, but read the reasons below first. Score and monitor again soon; train again "
    "if a reason persists.",
    "retrain": "Before you turn these scores into lists, run cltv train on today's data and cltv promote to "
    "compare the new model with this one.",
}

#: Description of each file on the page.
_LINKS = {
    "checks": "All checks",
    "drift": "All columns",
    "tiers": "Customers per tier",
    "truth": "Closed batches",
    "horizons": "Closed horizons",
    "progress": "Open batches so far",
    "batch": "This batch in one row",
}


def monitoring_facts(
    checks: Sequence[Check],
    batch: pd.Series,
    truth: pd.DataFrame,
    title: str,
    *,
    currency: str = "",
) -> dict[str, tuple[str, str]]:
    """Return the key facts: whether to use the scores, their total, and the last outcome.

    Parameters
    ----------
    batch
        `cutoff`, `horizon`, `customers`, `expected_value` (the total) of the batch.
    title
        Name of the value, such as "expected revenue".
    """
    level, failed = worst_level(checks), sum(one.level != "ok" for one in checks)
    ends = batch["cutoff"] + pd.Timedelta(days=int(batch["horizon"]))
    earlier = (
        "not known yet",
        f"the outcome of this batch will be known once the log reaches {ends:%Y-%m-%d}",
    )
    if len(truth):
        last = truth.iloc[-1]
        earlier = (
            percent_off(last["bias"]),
            f"total of the batch of {last['cutoff']:%Y-%m-%d}; 95% interval of its error "
            f"{last['bias_lower']:+.1%} to {last['bias_upper']:+.1%}",
        )
    days = days_in_words(int(batch["horizon"]))
    of = f"of {len(checks)} checks" if len(checks) > 1 else "check"
    whose = "its" if failed == 1 or len(checks) == 1 else "their"
    return {
        "Can these scores be used?": (_ANSWERS[level], f"{failed or 'none'} {of} beyond {whose} bounds"),
        title.capitalize(): (
            format_money(float(batch["expected_value"]), currency),
            f"of {batch['customers']:,} customers in {days} from {batch['cutoff']:%Y-%m-%d}",
        ),
        "Last forecast": earlier,
    }


def monitoring_answers(
    checks: Sequence[Check], notes: Sequence[str], shares: pd.DataFrame, outcomes: Sequence[str]
) -> dict[str, list[str]]:
    """Return the answers by question; questions without an answer are left out."""
    moved = [check.sentence for check in checks if check.name == "features moved"]
    if len(shares):
        largest = shares.loc[(shares["share"] - shares["before"]).abs().idxmax()]
        moved.append(
            f"Of all tiers, {largest['segment']} changed most: {largest['share']:.1%} of the customers now, "
            f"{largest['before']:.1%} in training."
            if f"{largest['share']:.1%}" != f"{largest['before']:.1%}"
            else "Every tier has the same share of customers as in training."
        )
    answers = {
        "What should you do now?": [_TO_DO[worst_level(checks)]],
        "Why?": [check.sentence for check in checks if check.level != "ok"]
        or ["No check is beyond its bounds."],
        "What has changed since training?": moved,
        "How did earlier forecasts turn out?": list(outcomes),
        "What is not known yet?": list(notes),
    }
    return {question: sentences for question, sentences in answers.items() if sentences}


def monitoring_sections(
    checks: Sequence[Check],
    drift: pd.DataFrame,
    shares: pd.DataFrame,
    truth: pd.DataFrame,
    progress: pd.DataFrame,
    *,
    files: Mapping[str, str] | None = None,
    currency: str = "",
) -> list[dict[str, Any]]:
    """Return the sections of a monitoring page; a part without data is one sentence that states this.

    Parameters
    ----------
    files
        Names of the files next to the page, by the table that they hold.
    """
    known = files or {}

    def links(*names: str) -> dict[str, str]:
        """Return the files of some tables that were written, by the words of their links."""
        return {_LINKS[name]: known[name] for name in names if name in known}

    return [
        _checks_section(checks, links("checks", "batch")),
        _drift_section(drift, shares, links("drift", "tiers")),
        _truth_section(truth, progress, links("truth", "horizons", "progress"), currency),
    ]


def _checks_section(checks: Sequence[Check], links: Mapping[str, str]) -> dict[str, Any]:
    """Return the section that lists all checks, the worst first."""
    ranked = sorted(checks, key=lambda check: -LEVELS.index(check.level))
    table = pd.DataFrame(
        {"Verdict": [check.level for check in ranked], "Finding": [check.sentence for check in ranked]},
        dtype="str",
    )
    sentence = (
        "Each check has two bounds, watch and retrain. Where a result has an interval, it is beyond a bound "
        "only if the whole interval is, so chance alone raises no alarm."
    )
    return section("Checks", [sentence], tables={"All checks": table}, links=links)


def _drift_section(drift: pd.DataFrame, shares: pd.DataFrame, links: Mapping[str, str]) -> dict[str, Any]:
    if not len(drift):
        return section("Drift since training", ["There is nothing to compare with."], links=links)
    titles, figures = drift["feature"].map(feature_title), dict[str, go.Figure]()
    drift = drift.assign(feature=theme.short_names(titles, longest=48))
    if (drift["psi"] >= 0.005).any():
        figures["Stability index per column, minus what chance adds on average."] = plots.drift(drift)
    if len(shares):
        figures["Share of customers per value tier, by the cut points of the training."] = (
            plots.segment_shares(shares, of="Tier")
        )
    rows = drift.head(_WRITTEN_OUT)
    table = pd.DataFrame(
        {
            "Column": titles[rows.index],
            "Stability index": [f"{value:.3f}" for value in rows["psi"]],
            "Interval": [
                f"{a:.3f} to {b:.3f}" for a, b in zip(rows["psi_lower"], rows["psi_upper"], strict=True)
            ],
            "Shift (SD)": [f"{value:.2f}" for value in rows["shift"]],
            "Missing now": [f"{value:.0%}" for value in rows["missing"]],
            "Missing in training": [f"{value:.0%}" for value in rows["missing_before"]],
        }
    )
    sentence = (
        "The stability index shows how far the values have moved since training: 0.1 is a little, 0.25 a "
        "lot. The shift is the mean distance they moved (Wasserstein), in standard deviations. Customers "
        "grow older, so some columns always move a little."
    )
    return section(
        "Drift since training",
        [sentence],
        tables={"Columns that moved most": table},
        figures=figures,
        links=links,
    )


def _truth_section(
    truth: pd.DataFrame, progress: pd.DataFrame, links: Mapping[str, str], currency: str
) -> dict[str, Any]:
    sentences, figures = [], {}
    if len(truth):
        last = truth.iloc[-1]
        sentences.append(
            f"The batch of {last['cutoff']:%Y-%m-%d} predicted {format_money(last['predicted'], currency)}; "
            f"customers spent {format_money(last['realised'], currency)}."
        )
        figures["Predicted and realised total of each batch."] = plots.batch_totals(truth, currency=currency)
        for metric in ("bias", "gini", "decile_mape", "coverage"):
            if metric in truth and np.isfinite(truth[metric]).any():
                closed = truth.dropna(subset=metric)
                figures[
                    f"{metric.replace('_', ' ').capitalize()} of the closed batches, with 95% intervals."
                ] = plots.truth_series(closed, metric=metric)
    else:
        sentences.append("No batch has reached the end of its horizon yet.")
    if len(progress):
        figures["Expected (dashed) and realised revenue of open batches so far."] = plots.batch_so_far(
            progress, currency=currency
        )
    return section(
        "Predicted and realised totals of earlier batches", sentences, figures=figures, links=links
    )
