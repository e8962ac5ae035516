"""Notes that a reader of a training must know before trusting its comparison."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.choice import beats_chance, doubt_order
from cltv_ml.evaluation.compare import Verdict
from cltv_ml.evaluation.stability import choice_notes
from cltv_ml.features import absent_features
from cltv_ml.models import Level
from cltv_ml.pipelines.train_job import Job
from cltv_ml.tables import TRANSACTIONS
from cltv_ml.windows import MIN_HISTORY, MIN_LABEL_DAYS

#: Ratio of the largest forecast of the total that counts to the smallest that the reader is told of.
APART = 1.5


def training_notes(
    result: WindowResult, verdict: Verdict, job: Job, first: pd.Timestamp, columns: Sequence[str]
) -> list[str]:
    """Return what the reader must know before trusting the comparison.

    Parameters
    ----------
    first, columns
        The first timestamp and the columns of the log.
    """
    window, notes = result.window, []
    if job.verdict.level != "go":
        notes.append(f"The data check says {job.verdict.text}.")
    if window.cutoff - pd.Timedelta(days=365) < first.normalize():
        notes.append(
            "The season of the horizon has never been seen in this log: customers can be ranked, but the total may "
            "be off by as much as that season differs from the months before. Intervals are as wide as such windows "
            "of this log have been missed."
        )
    if job.settings.customers_share:
        notes.append(
            "Judged on customers whose spending no model saw, learned from the other "
            f"{job.settings.customers_share:.0%} in the same window: this says how customers are told apart, not how "
            "well a future window's total is known."
        )
    if not verdict.within_bounds:
        ending = ": read its values as an order" if beats_chance(result, verdict.champion) else ""
        notes.append(
            f"On the test window the champion is outside the bounds for bias or decile error{ending}."
        )
    notes += [*doubt_order(result, verdict.champion), *choice_notes(result, verdict.champion), *result.notes]
    if not result.training.origins:
        notes.append(
            "The log holds no window before the cutoff to learn from, so only models without labels competed; "
            f"{MIN_HISTORY + 2 * MIN_LABEL_DAYS} days of log before the cutoff, with customers who spent again, would "
            "let the others in. Intervals are what the probabilistic models hold possible, not measured errors; the "
            "same-rate rule has none."
        )
    return [*notes, *_level_notes(result, job), *_absent(columns)]


def _level_notes(result: WindowResult, job: Job) -> list[str]:
    """Return sentences on the expected total and its uncertainty, or that the log does not tell it."""
    level = result.level
    if level is None:
        if job.settings.customers_share:
            return []
        return [
            "Nobody bought in the last horizon before the test window, so nothing tells the total: every model keeps "
            "its own."
        ]
    low, high = level.interval()
    table = level.table.sort_values("weight", ascending=False)
    parts = [f"{row.candidate} {row.weight:.0%}" for row in table.itertuples() if row.weight >= 0.05]
    count = len(level.record)
    weighted = f"how right they were at {count} earlier cutoff{'s' * (count > 1)} of this log"
    if not count:
        weighted = "how right their kinds usually are, for the log holds no earlier window to tell"
    return [
        f"The level, {level.total:,.0f} in all (90%: {low:,.0f} to {high:,.0f}), is a mean of forecasts weighted by "
        f"{weighted}: {', '.join(parts)}.",
        *disagreement(level),
        *level.notes,
    ]


def disagreement(level: Level) -> list[str]:
    """Return a sentence where forecasts that count differ by more than `APART`."""
    counted = level.table[level.table["weight"] >= 0.1]
    low, high = (counted.loc[end] for end in (counted["total"].idxmin(), counted["total"].idxmax()))
    if high["total"] <= APART * low["total"]:
        return []
    return [
        f"These forecasts disagree: {low['candidate']} says {low['total']:,.0f}, {high['candidate']} "
        f"{high['total']:,.0f}. Totals of such windows are missed more often, so the interval is wider."
    ]


def _absent(columns: Sequence[str]) -> list[str]:
    """Return a sentence that names the columns whose features this log cannot have, if there are any."""
    lacking = absent_features(columns)
    missing = sorted(
        {column for columns in lacking.values() for column in columns} & set(TRANSACTIONS.columns)
    )
    if not missing:
        return []
    return [
        f"The log has no {', '.join(missing)}: {len(lacking)} features were left out (`cltv features list`)."
    ]
