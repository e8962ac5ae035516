"""Answers on the first screens of the audit and of the acquisition page: what to make of the numbers, and what next."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cltv_ml.decisions import Audit
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
