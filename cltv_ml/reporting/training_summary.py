"""Summary of a training in words, tables and figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cltv_ml.counts import singular
from cltv_ml.customers import CleanedShop
from cltv_ml.data import Cleaned
from cltv_ml.data.quality import compute_cohort_activity, compute_months, compute_seasonality
from cltv_ml.decisions.margins import measured_margin
from cltv_ml.decisions.product_tables import compute_product_tables
from cltv_ml.decisions.profile import profile_segments
from cltv_ml.decisions.rfm import apply_rfm, compute_rfm, fit_rfm
from cltv_ml.errors import InputError
from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.choice import beats_chance, judge_test
from cltv_ml.evaluation.compare import Verdict
from cltv_ml.evaluation.diagnostics import diagnose
from cltv_ml.evaluation.groups import segment_groups
from cltv_ml.evaluation.horizons import ByHorizon
from cltv_ml.log import Log
from cltv_ml.models import ProbabilisticValue, ValueModel
from cltv_ml.money import format_money
from cltv_ml.reporting import glance, sections, theme
from cltv_ml.reporting.report import section, summarise
from cltv_ml.reporting.sections import comparison_table
from cltv_ml.reporting.what_if import plan_campaign
from cltv_ml.windows import Window

__all__ = [
    "Today",
    "add_scores",
    "best_probabilistic",
    "comparison_table",
    "expected_in_words",
    "model_summary",
    "predict_today",
    "training_summary",
    "with_alive",
]


@dataclass(frozen=True)
class Today:
    """The forecast as of the end of the log: PREDICTIONS of its customers, and the 90% interval of their total.

    Where there are several horizons, `several` is the champion at each and `curve` its value over time
    (`evaluation.horizons.compute_curve`).
    """

    predictions: pd.DataFrame
    interval: tuple[float, float] | None = None
    several: ByHorizon | None = None
    curve: pd.DataFrame | None = None


def model_summary(result: WindowResult, name: str, currency: str = "") -> dict[str, Any]:
    """Return the summary of one model on the test window: its three figures, with the currency on their axes."""
    return summarise(
        theme.label(name),
        _window_sentence(result),
        [section("On the test window", figures=sections.quality_figures(result, [name], currency=currency))],
    )


def training_summary(
    cleaned: Cleaned,
    result: WindowResult,
    verdict: Verdict,
    dataset: str,
    notes: sections.TrainingNotes,
    *,
    today: Today | None = None,
    currency: str = "",
) -> dict[str, Any]:
    """Return the summary of a training: data, quality, customers and actions.

    Parameters
    ----------
    notes
        Doubts, shown as warnings, and remarks on how the training was done.
    today
        The forecast as of the end of the log; without it tiers and campaign are shown as of the test cutoff. What
        changed since earlier scores, and customers to look up, come from `add_scores`.
    currency
        Written after amounts.
    """
    cleaned = CleanedShop.of(cleaned)
    doubts, remarks = ([_with_labels(note, result.models) for note in some] for some in notes)
    horizon, log = result.window.horizon, cleaned.transactions
    now, cutoff = _latest_forecast(cleaned, result, verdict.champion, today)
    tables = compute_product_tables(log)
    products = sections.products_section(*tables, cleaned.product_names, currency=currency)
    over_time = compute_months(log), compute_seasonality(log), compute_cohort_activity(log)
    rfm = compute_rfm(log, cutoff)
    scored = apply_rfm(rfm, fit_rfm(rfm))
    terms: dict[str, Any] = {"ordered": beats_chance(result, verdict.champion), "currency": currency}
    knows_who_leaves = now[["p_alive", "expected_purchases"]].notna().any(axis=None)
    campaign = plan_campaign(now, horizon, measured_margin(log)) if knows_who_leaves else None
    lists = glance.without_lists(campaign, scored["segment"], **terms)
    before = _spent_before(log, cutoff, horizon, currency)
    details = _quality_details(cleaned, result, verdict.champion, remarks, currency)
    summary = summarise(
        f"Customer lifetime value: {dataset}",
        _window_sentence(result),
        [
            sections.campaign_section(campaign, scored["segment"], **terms)
            if campaign
            else sections.unknown_campaign_section(),
            sections.customers_section(
                now,
                profile_segments(log, scored["segment"], predictions=now, cutoff=cutoff),
                cutoff,
                horizon,
                scored=scored,
                currency=currency,
                details=[products] if products else [],
            ),
            sections.unknown_change_section(),
            sections.money_section(*over_time, currency=currency),
            *(sections.horizons_section(today.several, today.curve, currency=currency) if today else []),
            sections.quality_section(result, verdict, currency=currency, details=details),
            sections.data_section(cleaned, result, currency=currency),
            *sections.attribute_account_section(cleaned.customers),
            sections.doubts_section(cleaned, result, verdict, doubts, currency=currency),
        ],
        _headline_facts(result, verdict, today or Today(now), cutoff, before=before, **terms),
        glance.answers(result, verdict, lists, doubts, currency=currency),
        headlines=1 if verdict.within_bounds else 2,
    )
    return {**summary, "as_of": f"{cutoff:%Y-%m-%d}", **terms}


def _latest_forecast(
    cleaned: CleanedShop, result: WindowResult, champion: str, today: Today | None
) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Return the champion's predictions and their day: the end of the log, else the test cutoff."""
    if today is not None:
        return today.predictions, cleaned.transactions.end
    now = with_alive(result, result.predictions[champion], result.training.X_now)
    return now, result.window.cutoff


def _quality_details(
    cleaned: CleanedShop, result: WindowResult, champion: str, remarks: Sequence[str], currency: str
) -> list[dict[str, Any]]:
    """Return the folded details of quality: training, level, groups of customers, and important features."""
    log = cleaned.transactions
    probabilistic = best_probabilistic(result)
    level = sections.level_section(result, currency=currency)
    segments = segment_groups(compute_rfm(log, result.window.cutoff), result.training.X_now)
    details = [
        *([section("How the models were trained", remarks)] if remarks else []),
        *([level] if level else []),
        sections.groups_section(segments, result, champion),
        *sections.by_attribute_section(cleaned.customers, result, champion, currency=currency),
        sections.explanation_section(result, champion, currency=currency),
    ]
    if probabilistic and not result.models[probabilistic].reads:  # the figures know histories alone
        tables = diagnose(log, result, probabilistic)
        details.append(sections.diagnostics_section(tables, probabilistic, currency=currency))
    return details


def _with_labels(note: str, models: Iterable[str]) -> str:
    """Return a note with the display names of its models.

    >>> _with_labels("Over 5 windows mean had the best Gini in 1, hurdle in 4; a mean of all.", ["mean", "hurdle"])
    'Over 5 windows Equal-weight mean had the best Gini in 1, XGBoost hurdle in 4; a mean of all.'
    >>> _with_labels("tweedie could not be chosen: mean was better.", ["tweedie", "mean"])
    'XGBoost Tweedie could not be chosen: mean was better.'
    >>> _with_labels("mean, hurdle could not be chosen: no earlier window.", ["mean", "hurdle"])
    'Equal-weight mean, XGBoost hurdle could not be chosen: no earlier window.'
    """
    names = [re.escape(name) for name in sorted(models, key=len, reverse=True)]
    if not names:
        return note
    said = "(?= had the best |(?:, \\w+)* could not be chosen| was left out| in \\d)"  # "mean" is also a word
    pattern = "|".join(rf"\b{name}\b" + said * (name in ("mean", "quantile")) for name in names)
    return re.sub(pattern, lambda name: theme.label(name[0]), note)


def add_scores(
    summary: Mapping[str, Any],
    now: pd.DataFrame,
    *,
    before: pd.DataFrame | None = None,
    lookup: int = 0,
    currency: str = "",
) -> dict[str, Any]:
    """Return a training's summary with sections from scores: customers to look up, and changes since earlier scores.

    Parameters
    ----------
    now, before
        Outputs of `cltv score` at two dates, indexed by customer_id.
    lookup
        Number of customers that can be looked up in the page (`lookup_table`).

    Raises
    ------
    InputError
        The two are of one date, in the wrong order, or have different horizons.
    """
    page_sections = [dict(section) for section in summary["sections"]]
    if lookup:
        page_sections[0]["lookup"] = sections.lookup_table(now, lookup, currency=currency)
    if before is None:
        return {**summary, "sections": page_sections}
    since = _check_order(before, now)
    change = sections.change_section(before, now, since=since, currency=currency)
    page_sections = [change if section["title"] == sections.CHANGE else section for section in page_sections]
    return {**with_answer(summary, glance.CHANGED, change["sentences"]), "sections": page_sections}


def expected_in_words(summary: Mapping[str, Any]) -> str:
    """Return the expected revenue of existing customers with its interval and days, as on the first screen."""
    return next(
        "{value}: {note}".format_map(fact) for fact in summary["facts"] if fact["name"] == glance.KNOWN
    )


def with_answer(summary: Mapping[str, Any], question: str, sentences: Sequence[str]) -> dict[str, Any]:
    """Return a summary whose first screen answers a question with other sentences."""
    answers = [
        {**answer, "sentences": [*map(singular, sentences)]} if answer["question"] == question else answer
        for answer in summary.get("answers", ())
    ]
    return {**summary, "answers": answers}


def _check_order(before: pd.DataFrame, now: pd.DataFrame) -> str:
    """Return the date of the earlier scores; InputError where the two cannot be compared."""
    if not {"cutoff", "horizon"} <= set(before) & set(now):
        return ""
    then, today = (pd.Timestamp(table["cutoff"].iloc[0]) for table in (before, now))
    if then >= today:
        raise InputError(
            f"the earlier scores are dated {then:%Y-%m-%d}, not before {today:%Y-%m-%d}; swap the two files."
        )
    far = [int(table["horizon"].iloc[0]) for table in (before, now)]
    if far[0] != far[1]:
        raise InputError(
            f"scores over {far[0]} and {far[1]} days cannot be compared; score both over the same horizon."
        )
    return f"{then:%Y-%m-%d}"


def predict_today(result: WindowResult, model: ValueModel, X: pd.DataFrame) -> pd.DataFrame:
    """Return PREDICTIONS of the refitted champion for today's customers.

    Where it has no P(alive), that of the best probabilistic model on the test window is used.
    """
    return with_alive(result, model.predict_table(X), X)


def with_alive(result: WindowResult, table: pd.DataFrame, X: pd.DataFrame) -> pd.DataFrame:
    """Return PREDICTIONS for `X` with P(alive) and purchases of the best probabilistic model where they have none."""
    # BG/NBD calls every one-time buyer alive by construction, so the others come first.
    if table["p_alive"].notna().any() and (table["p_alive"] < 1).any():
        return table
    name = best_probabilistic(result)
    if name is None:
        return table
    other = result.predictions[name] if X is result.training.X_now else result.models[name].predict_table(X)
    return table.assign(p_alive=other["p_alive"], expected_purchases=other["expected_purchases"])


def best_probabilistic(result: WindowResult) -> str | None:
    """Return the name of the probabilistic model whose P(alive) is shown, None if there is none.

    Models without covariates come first, then models other than BG/NBD, whose one-time buyers never leave, then the
    best Gini.
    """
    alive = [name for name, model in result.models.items() if isinstance(model, ProbabilisticValue)]
    scores = result.scores["gini"].fillna(-1.0)
    alone = {name: not result.models[name].reads for name in alive}
    ranked = sorted(
        alive, key=lambda name: (alone[name], not name.startswith("bg_nbd"), scores[name]), reverse=True
    )
    return ranked[0] if ranked else None


def _spent_before(log: Log, cutoff: pd.Timestamp, horizon: int, currency: str) -> str:
    """Return a sentence on what customers who had bought before spent in the horizon before the cutoff, and in the
    same days a year earlier.

    Both exclude the first purchases of new customers, as does the forecast of existing customers.
    Spans with less than a horizon of the log before them are left out, because too few of their existing customers are
    known; the text is empty where both are.
    """
    starts = {  # of a year's horizon both are the same days
        cutoff - pd.Timedelta(days=365): "in the same days a year earlier",
        cutoff - pd.Timedelta(days=horizon): f"in the {horizon} days before",
    }
    spent = [
        f"{format_money(float(log.target(Window(start, horizon), log.customers_before(start)).sum()), currency)} {when}"
        for start, when in sorted(starts.items(), reverse=True)
        if log.first.normalize() + pd.Timedelta(days=horizon) <= start <= cutoff - pd.Timedelta(days=horizon)
    ]
    return f"Existing customers at the time spent {' and '.join(spent)}" if spent else ""


def _headline_facts(
    result: WindowResult,
    verdict: Verdict,
    today: Today,
    cutoff: pd.Timestamp,
    *,
    before: str,
    ordered: bool,
    currency: str,
) -> dict[str, tuple[str, str]]:
    money, now = format_money, today.predictions
    note = f"{now['expected_value'].notna().sum():,} customers, {result.window.horizon} days from {cutoff:%Y-%m-%d}"
    if today.interval is not None:
        low, high = (money(end, currency) for end in today.interval)
        note = f"{low} to {high} with 90% probability; {note}"
    if before:
        note += f". {before}"
    return {
        **({} if verdict.within_bounds else glance.care(judge_test(result, verdict.champion), ordered)),
        glance.KNOWN: (
            money(float(now["expected_value"].sum()), currency),
            note,
        ),
    }


def _window_sentence(result: WindowResult) -> str:
    window = result.window
    return (
        f"Tested on {len(result.y_true):,} customers over {window.horizon} days from {window.cutoff:%Y-%m-%d} "
        f"to {window.end - pd.Timedelta(days=1):%Y-%m-%d}, which no model had seen."
    )
