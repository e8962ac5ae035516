"""Notes on a training: doubts to know before trusting it, and remarks on how it was done."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.bounds import decile_error_by_chance, tell_chance, tell_overstep
from cltv_ml.evaluation.choice import beats_chance, doubt_order, judge_test
from cltv_ml.evaluation.compare import Verdict
from cltv_ml.evaluation.explain import feature_title
from cltv_ml.evaluation.stability import choice_notes
from cltv_ml.features import absent_features
from cltv_ml.log import Log
from cltv_ml.models import Level, PooledValue, ValueModel
from cltv_ml.money import format_money
from cltv_ml.pipelines.calendar_inputs import effect_notes
from cltv_ml.pipelines.competing import learn_from_features, offered_features
from cltv_ml.pipelines.train_job import Job
from cltv_ml.reporting.sections import TrainingNotes
from cltv_ml.reporting.theme import label
from cltv_ml.tables import TRANSACTIONS
from cltv_ml.windows import MIN_HISTORY, MIN_LABEL_DAYS

#: Ratio of the largest forecast of the total that counts to the smallest that the reader is told of.
APART = 1.5

#: How a sentence on forecasts that disagree begins.
_TWO_FORECASTS = "Two forecasts of the total from"


def training_notes(
    result: WindowResult, verdict: Verdict, job: Job, log: Log, features: Sequence[str]
) -> TrainingNotes:
    """Return doubts about the forecast, and remarks on how it was made from the log and the features learned from."""
    doubts = [*_doubt_data(result, job, log.first), *_doubt_test(result, verdict.champion)]
    if not result.training.origins:
        doubts.append(
            "The log has no window before the cutoff to learn from, so only models without labels competed; "
            f"the others need {MIN_HISTORY + 2 * MIN_LABEL_DAYS} days of log before the cutoff, with "
            "customers who spent again. Intervals follow from the assumptions of the probabilistic models, "
            "not from measured errors; the same-rate rule has none."
        )
    level = result.level
    if level is not None:
        doubts += [*disagreement(level, result.window.cutoff, job.page_currency), *level.notes]
    elif not job.settings.customers_share:
        doubts.append(
            "Nobody bought in the last horizon before the test window, so the total cannot be forecast and "
            "every model keeps its own."
        )
    models = list(result.models.values())
    groupings = [_grouping_note(model) for model in models if isinstance(model, PooledValue)]
    remarks = [
        *choice_notes(result, verdict.champion),
        *result.notes,
        *effect_notes(models),
        *groupings,
        *_level_note(result, job.page_currency),
        *_absent(log.columns),
        *_unrelated(offered_features(log)[1], features, models),
    ]
    return TrainingNotes(doubts, remarks)


def with_log_end(
    notes: TrainingNotes, level: Level | None, cutoff: pd.Timestamp, currency: str
) -> TrainingNotes:
    """Return the notes with doubts about the total that is forecast from the end of the log, `cutoff`, on.

    Those on the test window's total do not hold for it: a break, a closure or a peak may have come since. They stand
    before the disagreement about the test window's total.
    """
    told = [
        f"Nobody bought in the last horizon before {cutoff:%Y-%m-%d}, so the total from then on cannot be forecast "
        "and the champion keeps its own."
    ]
    if level is not None:
        told = [*disagreement(level, cutoff, currency), *level.notes]
    at = next((i for i, one in enumerate(notes.doubts) if one.startswith(_TWO_FORECASTS)), len(notes.doubts))
    newer = (one for one in told if one not in notes.doubts)
    return notes._replace(doubts=[*notes.doubts[:at], *newer, *notes.doubts[at:]])


def _doubt_data(result: WindowResult, job: Job, first: pd.Timestamp) -> list[str]:
    """Return doubts about the log, and about what was tested on it."""
    doubts = []
    if job.verdict.level != "go":
        doubts.append(f"The data check says {job.verdict.text_in(job.page_currency)}.")
    if result.window.cutoff - pd.Timedelta(days=365) < first.normalize():
        doubts.append(
            "The log covers less than a year before the test window, so no model has seen the season of the "
            "horizon. The models can still rank customers, but the total may be off by as much as that "
            "season differs from the months before. The interval is therefore wider than the errors in "
            "earlier windows of this log suggest."
        )
    if job.settings.customers_share:
        doubts.append(
            f"Models learned from {job.settings.customers_share:.0%} of the customers in the test window and "
            "were tested on the others. This shows how well they rank customers, not how well they forecast "
            "the total of a later window."
        )
    return doubts


def _doubt_test(result: WindowResult, champion: str) -> list[str]:
    """Return doubts about the champion's quality in the test window."""
    tested = judge_test(result, champion)
    doubts = []
    if outside := tell_overstep(tested):
        ending = " Use its values to rank customers." if beats_chance(result, champion) else ""
        doubts.append(f"{outside}{ending}")
    by_chance = decile_error_by_chance(result.y_true, result.values[champion])
    return [*doubts, *tell_chance(tested, by_chance), *doubt_order(result, champion)]


def _grouping_note(model: PooledValue) -> str:
    """Return a sentence on the groups whose purchase parameters a model learned."""
    groups, column = (
        len(model.values_) - 1,
        model.grouped_by_.removeprefix("attribute_text_").replace("_", " "),
    )
    by = {
        "": "no grouping predicted earlier windows better than one group of all",
        "T": f"{groups} cohorts of customers of about the same age",
    }
    return f"{label(model.name)}: {by.get(model.grouped_by_, f'{groups} groups by {column}')}."


def _level_note(result: WindowResult, currency: str) -> list[str]:
    """Return a sentence on the total of the test window, with its interval and its components."""
    level, window = result.level, result.window
    if level is None:
        return []
    total, low, high = (format_money(value, currency) for value in (level.total, *level.interval()))
    table = level.table.sort_values("weight", ascending=False)
    parts = [
        f"{_candidate_words(row.candidate)} {row.weight:.0%}"
        for row in table.itertuples()
        if row.weight >= 0.05
    ]
    count = len(level.record)
    weighted = f"their errors at {count} earlier cutoff{'s' * (count > 1)} of this log"
    if not count:
        weighted = "the usual errors of their kinds, because the log has no earlier window"
    return [
        f"The total of the test window, {window.horizon} days from {window.cutoff:%Y-%m-%d}, was forecast as "
        f"{total} (90%: {low} to {high}): a mean of forecasts, weighted by {weighted} "
        f"({', '.join(parts)})."
    ]


def disagreement(level: Level, cutoff: pd.Timestamp, currency: str = "") -> list[str]:
    """Return a sentence if forecasts that count differ by more than `APART`; else an empty text."""
    counted = level.table[level.table["weight"] >= 0.1]
    low, high = (counted.loc[end] for end in (counted["total"].idxmin(), counted["total"].idxmax()))
    if high["total"] <= APART * low["total"]:
        return []
    least, most = (
        f"{format_money(end['total'], currency)} ({_candidate_words(end['candidate'])})"
        for end in (low, high)
    )
    return [
        f"{_TWO_FORECASTS} {cutoff:%Y-%m-%d} on disagree: {least} and {most}. Errors are larger in such "
        "windows, so the interval is wider."
    ]


def _candidate_words(candidate: str) -> str:
    """Return the name of a forecast of the total without the comma that separates forecasts."""
    return candidate.replace(", ", " with ")


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


def _unrelated(offered: Sequence[str], features: Sequence[str], models: Sequence[ValueModel]) -> list[str]:
    """Return a sentence that names the attributes and first orders' features that models did not learn from."""
    left = [feature_title(name) for name in offered if name not in features]
    if not left:
        return []
    if not learn_from_features(models):
        return ["None of these models learns from attributes of customers, so the table changed no value."]
    return [
        "No relation to later spend beyond the purchase history was found for these attributes of customers and of "
        f"their first orders, so no model learned from them: {', '.join(left)}."
    ]
