"""Answers on the first screens of the audit, acquisition and cohorts: what to make of the numbers, and what next."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cltv_ml.decisions import Audit
from cltv_ml.decisions.cohorts import is_followed
from cltv_ml.money import format_money
from cltv_ml.reporting.sections.audit import describe_revenue_change

#: Number of notes on the first screen; the first section has all.
_MOST_NOTES = 3


def audit_answers(audit: Audit, notes: Sequence[str], currency: str = "") -> dict[str, list[str]]:
    """Return the answers of an audit, by a manager's question."""
    return {
        "What changed?": [describe_revenue_change(audit, currency)],
        "What next?": [
            "Start with the largest part of the change. The command `cltv cohorts` follows customers from their first "
            "purchase, and `cltv act` lists whom to win back."
        ],
        "What should you not rely on?": list(notes[:_MOST_NOTES]),
    }


def acquisition_answers(returns: pd.DataFrame, notes: Sequence[str], age: int) -> dict[str, list[str]]:
    """Return the answers on acquisition, by a manager's question.

    >>> rows = {"channel": ["web", "app"], "ratio": [2.0, 1.5], "ratio_lower": [1.8, 1.3], "ratio_upper": [2.2, 1.7]}
    >>> acquisition_answers(pd.DataFrame(rows), [], 365)["Which channel pays most?"]
    ['web brings 2.00 times its cost within 365 days, app 1.50 times. The difference is larger than chance.']
    """
    answers = {
        "What next?": [
            "Before you spend more on a channel, compare its value with the cost of one more customer, not with the "
            "average cost."
        ],
        "What should you not rely on?": list(notes[:_MOST_NOTES]),
    }
    known = (
        returns[returns["channel"] != "all channels"].dropna(subset=["ratio"]) if len(returns) else returns
    )
    if len(known) > 1:
        ranked = known.sort_values("ratio", ascending=False, kind="stable")
        best, worst = ranked.iloc[0], ranked.iloc[-1]
        clear = best["ratio_lower"] > worst["ratio_upper"]
        sentence = (
            f"{best['channel']} brings {best['ratio']:.2f} times its cost within {age} days, {worst['channel']} "
            f"{worst['ratio']:.2f} times. "
            + (
                "The difference is larger than chance."
                if clear
                else "That may be chance: their intervals overlap."
            )
        )
        answers = {"Which channel pays most?": [sentence], **answers}
    return {question: sentences for question, sentences in answers.items() if sentences}


def cohort_answers(
    table: pd.DataFrame, notes: Sequence[str], *, per: str, currency: str = ""
) -> dict[str, list[str]]:
    """Return the answers on cohorts, by a manager's question.

    Parameters
    ----------
    table
        `decisions.compute_cohorts`; only rows with enough customers observed count (`is_followed`).
    per
        Name of a period.

    >>> table = pd.DataFrame({"cohort": ["a", "a", "b", "b"], "period": [0, 1, 0, 1], "customers": [40, 40, 60, 60],
    ...                       "observed": [40, 40, 60, 60], "retention": [1.0, 0.25, 1.0, 0.5], "complete": True,
    ...                       "small": False,
    ...                       "cumulative_revenue_per_customer": [20.0, 25.0, 30.0, 45.0]})
    >>> answers = cohort_answers(table, [], per="month", currency="EUR")
    >>> answers["Do customers come back?"]
    ['In month 1, 40% of 100 customers bought again.']
    >>> answers["Which cohort spends most?"]
    ['By the end of month 1, the cohort b had spent most, 45.00 EUR per customer, and the cohort a least, 25.00 EUR.']
    """
    done = table[is_followed(table) & (table["period"] > 0)]
    answers = {
        "Do customers come back?": [
            f"In {per} {period}, {share_who_bought(rows):.0%} of {rows['observed'].sum():,} customers bought again."
            for period, rows in done.groupby("period")
            if period in (1, _far(table))
        ],
        "What does a customer spend?": _spent_so_far(table, per, currency),
        "Which cohort spends most?": _most_and_least(table, per, currency),
        "What next?": [
            "Compare what a customer has spent with the cost of winning one: the command `cltv acquisition` does so by "
            "channel. `cltv act` lists whom to win back."
        ],
        "What should you not rely on?": list(notes[:_MOST_NOTES])
        or ["Small differences between cohorts: they may be chance."],
    }
    return {question: sentences for question, sentences in answers.items() if sentences}


def share_who_bought(rows: pd.DataFrame) -> float:
    """Return the share of customers observed who bought in the periods of some rows of a table of cohorts."""
    return float((rows["retention"] * rows["observed"]).sum() / rows["observed"].sum())


def _far(table: pd.DataFrame) -> int:
    """Return the last period that half of all customers have finished; 0 where there is none."""
    done = table[is_followed(table)].groupby("period")["observed"].sum()
    enough = done[done >= table.loc[table["period"] == 0, "customers"].sum() / 2]
    return int(enough.index.max()) if len(enough) else 0


def _spent_so_far(table: pd.DataFrame, per: str, currency: str) -> list[str]:
    """Return a sentence on what customers of the same cohorts had spent by the end of the first period and the last."""
    far = _far(table)
    if not far:
        return []
    rows = table[is_followed(table)].set_index("cohort")
    last = rows[rows["period"] == far]
    weights = last["observed"] / last["observed"].sum()
    then, now = (
        float((weights * rows.loc[rows["period"] == period, "cumulative_revenue_per_customer"]).sum())
        for period in (0, far)
    )
    return [
        f"{format_money(then, currency)} in {per} 0 and {format_money(now, currency)} by the end of {per} {far}, on "
        "average over the same cohorts."
    ]


def _most_and_least(table: pd.DataFrame, per: str, currency: str) -> list[str]:
    """Return a sentence on the cohorts, small ones left out, with the highest and the lowest spend per customer."""
    far = _far(table)
    rows = table[is_followed(table) & (table["period"] == far) & ~table["small"]]
    if len(rows) < 2:
        return []
    ranked = rows.sort_values("cumulative_revenue_per_customer", kind="stable")
    most, least = ranked.iloc[-1], ranked.iloc[0]
    return [
        f"By the end of {per} {far}, the cohort {most['cohort']} had spent most, "
        f"{format_money(most['cumulative_revenue_per_customer'], currency)} per customer, and the cohort "
        f"{least['cohort']} least, {format_money(least['cumulative_revenue_per_customer'], currency)}."
    ]
