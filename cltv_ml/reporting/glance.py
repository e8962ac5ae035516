"""Answers on the first screen of a training's report: actions, changes, errors and doubts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.counts import singular_of_many
from cltv_ml.decisions.rfm import segment_definitions
from cltv_ml.evaluation.backtest import WindowResult
from cltv_ml.evaluation.bounds import BIAS_BOUND, DECILE_BOUND, misses, percent_off
from cltv_ml.evaluation.compare import Verdict
from cltv_ml.money import format_money
from cltv_ml.reporting import sections
from cltv_ml.reporting.sections.doubts import spends_otherwise
from cltv_ml.reporting.what_if import Campaign

#: The questions in the order of the page.
FIRST, CHANGED, HOW_FAR, TRUST = (
    "What should you do first?",
    "What changed since last time?",
    "How far off were earlier forecasts?",
    "What should you not rely on?",
)

#: The headline with the expected revenue of existing customers.
KNOWN = "Expected from existing customers"

#: Number of actions on the first screen.
MOST_ACTIONS = 3

#: Smallest share of the total profit of an action among them.
LEAST_PROFIT = 0.01

#: Number of doubts on the first screen; the section on what not to trust has all.
MOST_DOUBTS = 3


def answers(
    result: WindowResult,
    verdict: Verdict,
    first: Sequence[str],
    doubts: Sequence[str],
    *,
    currency: str = "",
) -> dict[str, list[str]]:
    """Return the sentences of each question by question; `first` holds those on what to do first."""
    return {
        FIRST: list(first),
        CHANGED: [
            "There are no earlier scores to compare with yet. After the next cltv score, cltv report will "
            "show here how the expected revenue changed and why."
        ],
        HOW_FAR: how_far_off(result, verdict.champion, currency),
        TRUST: what_not_to_trust(verdict, doubts, result.y_true),
    }


def how_far_off(result: WindowResult, champion: str, currency: str) -> list[str]:
    """Return sentences on the error of the total on the test window and at earlier cutoffs, and on the ranking."""
    scores, window = result.scores.loc[champion], result.window
    bias = float(scores["bias"])
    if not np.isfinite(bias):
        return ["Nobody spent anything in the test window, so the error of the total cannot be measured."]
    predicted, spent = (
        format_money(float(total), currency) for total in (result.values[champion].sum(), result.y_true.sum())
    )
    sentences = [
        f"Test: for the {window.horizon} days from {window.cutoff:%Y-%m-%d}, the model predicted {predicted} "
        f"and customers spent {spent}. The forecast was {percent_off(bias)}."
    ]
    record = result.level.record if result.level is not None else pd.DataFrame()
    if len(record):
        errors = (record["forecast"] / record["total"] - 1).abs()
        sentences.append(
            f"At {len(errors)} earlier cutoffs, the total was off by {errors.median():.0%} at the median and "
            f"by {errors.max():.0%} at most."
            if len(errors) > 1
            else f"At one earlier cutoff, the total was off by {errors.iloc[0]:.0%}."
        )
    sentences.append(
        f"The tenth of customers that the model ranked highest brought in {scores['top_decile_capture']:.0%} "
        "of the revenue in the test window."
    )
    return sentences


def without_lists(
    campaign: Campaign | None, segments: pd.Series, *, ordered: bool = True, currency: str = ""
) -> list[str]:
    """Return sentences on the segments whose campaign has the highest expected profit, if `cltv act` wrote no lists.

    Parameters
    ----------
    campaign
        None where no model has P(alive).
    segments
        Name of the segment by customer_id.
    ordered
        Whether the champion is shown to order customers better than chance.
    """
    advice = (
        "Run cltv act to turn the scores into lists, each with its cost, expected profit and control group."
    )
    if campaign is None:
        return [advice]
    if not ordered:
        return [sections.NO_ORDER, advice]
    profits = campaign.by(segments)
    total = float(profits["expected_profit"].sum())
    best = profits[profits["expected_profit"] > LEAST_PROFIT * total].head(MOST_ACTIONS)
    meaning = segment_definitions().set_index("segment")["meaning"]
    actions = [
        f"Write to {row.listed:,} customers in the segment “{row.Index}” ({meaning[row.Index]}): expected profit "
        f"{format_money(row.expected_profit, currency)}, cost {format_money(row.cost, currency)}."
        for row in best.itertuples()
    ]
    terms = sections.terms_in_words(campaign, currency)
    if not actions:
        return [f"With {terms}, no customer is worth the cost.", advice]
    remaining = total - float(best["expected_profit"].sum())
    remainder = f"All other segments together: expected profit {format_money(remaining, currency)}. "
    worth = f"In total, {profits['listed'].sum():,} of {profits['customers'].sum():,} customers are worth the cost. "
    overall = singular_of_many(worth)
    return [
        *actions,
        f"{remainder if remaining > 0.005 else ''}{overall}These numbers assume {terms}; change them under “What to "
        f"do”. {advice}",
    ]


def with_lists(lists: Sequence[Mapping[str, Any]], currency: str, *, ordered: bool = True) -> list[str]:
    """Return one sentence for each action of `cltv act` with the highest expected profit.

    Parameters
    ----------
    ordered
        Whether the champion is shown to order customers better than chance.

    >>> mail = {"action": "win back", "customers": 120, "cost": 60.0, "expected_profit": 400.0, "file": "a.csv"}
    >>> with_lists([mail], "EUR")
    ['Win back 120 customers: expected profit 400.00 EUR, cost 60.00 EUR (a.csv).']
    """
    ranked = sorted(lists, key=lambda action: -float(action["expected_profit"]))
    least = LEAST_PROFIT * sum(float(action["expected_profit"]) for action in lists)
    ranked = [action for action in ranked if float(action["expected_profit"]) > least] or ranked
    actions = [
        f"{_addressed(str(action['action']))} {action['customers']:,} customers: expected profit "
        f"{format_money(float(action['expected_profit']), currency)}, cost "
        f"{format_money(float(action['cost']), currency)} ({action['file']})."
        for action in ranked[:MOST_ACTIONS]
    ]
    return [*([] if ordered else [sections.NO_ORDER]), *actions]


def _addressed(action: str) -> str:
    """Return an action in the words that precede the number of its customers.

    >>> _addressed("Win back"), _addressed("Show products")
    ('Win back', 'Show products to')
    """
    to = " to" if action.split()[0].lower() in ("show", "send", "offer") else ""
    return f"{action[:1].upper()}{action[1:]}{to}"


def what_not_to_trust(verdict: Verdict, doubts: Sequence[str], spent: pd.Series) -> list[str]:
    """Return the main doubts as sentences: a champion outside its bounds first, then the notes of the training.

    `spent` is what each customer spent in the test window.
    """
    covered = verdict.within_bounds or any("outside its bounds" in doubt for doubt in doubts)
    outside = (
        []
        if covered
        else ["In the test, the champion's errors were outside the bounds, so do not rely on the total."]
    )
    always = (
        f"The value of a single customer is an average: a customer {spends_otherwise(spent)}. The sum over a group is "
        "far more certain."
    )
    return [*outside, *doubts[:MOST_DOUBTS], always]


def care(scores: Mapping[str, float] | pd.Series, ordered: bool) -> dict[str, tuple[str, str]]:
    """Return the headline of a champion outside its bounds: the doubt, and its error on the test window.

    Parameters
    ----------
    scores
        Its errors on the test window (`choice.judge_test`).
    ordered
        Whether its ranking of customers is shown to beat chance.

    >>> list(care({"bias": 0.03, "decile_mape": 0.27}, ordered=True))
    ["Trust the ranking, not each group's value"]
    >>> list(care({"bias": 0.3, "decile_mape": 0.27}, ordered=False))
    ['Trust neither the total nor the ranking']
    """
    bias, decile = float(scores["bias"]), float(scores["decile_mape"])
    if not misses(scores)[0] <= 1:
        return {
            "Trust the ranking, not the total" if ordered else "Trust neither the total nor the ranking": (
                f"{bias:+.1%}" if np.isfinite(bias) else "not measured",
                f"error of the champion's total in the test; at most {BIAS_BOUND:.0%} is allowed",
            )
        }
    return {
        "Trust the ranking, not each group's value" if ordered else "Trust the total, not the ranking": (
            f"{decile:.1%}",
            "mean error of the champion's total per tenth of customers in the test; at most "
            f"{DECILE_BOUND:.0%} is allowed",
        )
    }


def with_newer_scores(
    summary: Mapping[str, Any], scores: pd.DataFrame, total: tuple[float, float] | None, currency: str
) -> dict[str, Any]:
    """Return a summary with the headline of the scores if these are newer than its training.

    Parameters
    ----------
    scores
        The output of `cltv score`.
    total
        90% interval of the ratio of the true total to its forecast; None if unknown.
    """
    about = (
        scores[["cutoff", "horizon", "model_version"]].iloc[0]
        if set(scores) >= _STATED and len(scores)
        else None
    )
    if about is None or pd.Timestamp(about["cutoff"]) <= pd.Timestamp(summary.get("as_of", pd.Timestamp.max)):
        return dict(summary)
    expected = float(scores["expected_value"].sum())
    low, high = (format_money(end * expected, currency) for end in total or (1.0, 1.0))
    interval = f"{low} to {high} with 90% probability; " if total else ""
    note = (
        f"{interval}{scores['expected_value'].notna().sum():,} customers, {about['horizon']} days from "
        f"{pd.Timestamp(about['cutoff']):%Y-%m-%d}, scored by model version {about['model_version']}. The "
        f"rest of this page describes the training of {summary['as_of']}, which expected "
    )
    return {
        **summary,
        "facts": [
            {**fact, "value": format_money(expected, currency), "note": f"{note}{fact['value']}"}
            if fact["name"] == KNOWN
            else fact
            for fact in summary["facts"]
        ],
    }


_STATED = {"cutoff", "horizon", "model_version"}


def customers_to_come(
    forecast: pd.DataFrame, currency: str, known: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """Return the fact about new customers from the table of `cltv forecast`; None if it holds no such row.

    Parameters
    ----------
    known
        The page's fact about existing customers: over the same days, the note states the forecast's difference from it.

    >>> row = {"span": "horizon", "part": "new", "measure": "revenue", "expected": 900.0, "lower_80": 700.0,
    ...        "upper_80": 1200.0, "start": "2026-01-01", "until": "2026-04-01"}
    >>> customers_to_come(pd.DataFrame([row]), "EUR")["note"]
    '700.00 EUR to 1,200 EUR with 80% probability; 90 days from 2026-01-01'
    """
    whole = forecast[(forecast["span"] == "horizon") & (forecast["measure"] == "revenue")]
    rows = whole[whole["part"] == "new"]
    if rows.empty:
        return None
    row = rows.iloc[0]
    low, high = (format_money(float(row[f"{end}_80"]), currency) for end in ("lower", "upper"))
    start = pd.Timestamp(row["start"])
    days = (pd.Timestamp(row["until"]) - start).days
    name, span = f"Expected from new customers in {days} days", f"{days} days from {start:%Y-%m-%d}"
    if not (row["expected"] or row["upper_80"]):
        return {
            "name": name,
            "value": "no forecast",
            "note": f"{span}; the page of cltv forecast explains why",
            "headline": True,
        }
    return {
        "name": name,
        "value": format_money(float(row["expected"]), currency),
        "note": f"{low} to {high} with 80% probability; {span}{_against_page(whole, currency, known or {}, days)}",
        "headline": True,
    }


def with_days(fact: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fact, the one on existing customers with the days of its note in its name, as that on new ones has.

    >>> with_days({"name": KNOWN, "note": "3 customers, 91 days from 2026-01-01"})["name"]
    'Expected from existing customers in 91 days'
    """
    days = _days_of(fact)
    return {**fact, "name": f"{KNOWN} in {days} days"} if fact["name"] == KNOWN and days else dict(fact)


def _days_of(fact: Mapping[str, Any]) -> str:
    """Return the number of days in a fact's note; empty if it states none."""
    found = re.search(r"\d+(?= days from)", str(fact.get("note", "")))
    return found[0] if found else ""


def _against_page(whole: pd.DataFrame, currency: str, known: Mapping[str, Any], days: int) -> str:
    """Return a phrase on a forecast's existing customers and total, and why they differ from the page's; empty if
    either is unknown.
    """
    parts = whole.drop_duplicates("part").set_index("part")["expected"].astype(float)
    if not known or not {"known", "total"} <= set(parts.index):
        return ""
    existing, total = (format_money(parts[part], currency) for part in ("known", "total"))
    if existing == known["value"]:
        return f", {total} with existing customers"
    text = f". In these days cltv forecast expects {existing} from existing customers and {total} in all"
    if _days_of(known) not in ("", str(days)):  # sums over other days need no reason to differ
        return text
    why = f"it forecasts the whole shop at once, so its parts do not add up to the {known['value']} of this page"
    return f"{text}: {why}"
