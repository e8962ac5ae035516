"""Questions to the reader of `cltv act`: what is missing, asked in words, with the option that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cltv_ml.reporting.report import section

#: For a part that was left out: the question, what its answer would show, and how to give it.
QUESTIONS = {
    "margins": (
        "What does an item cost you, or what share of the revenue is left after costs?",
        "margins by customer, segment and product, and every list in profit",
        "map a column to cost, --margin-rate or --category-margins",
    ),
    "payback": (
        "What did winning a customer cost?",
        "the month in which each cohort has paid that back",
        "--acquisition-cost",
    ),
    "retention": (
        "What share of a leaving customer's value would an offer save, and what does it cost per customer?",
        "the list of customers to win back",
        "--uplift and --cost",
    ),
    "campaign": (
        "Which customers got your last campaign, and which were left out at random?",
        "whom a campaign moves, and the list that follows",
        "--campaign and --campaign-start",
    ),
    "campaign list": (
        "What does treating one customer cost, and what is left of the revenue?",
        "the list for the next campaign",
        "--cost and --margin-rate",
    ),
    "cross-sell list": (
        "By what share does showing a product raise its sales, and what does showing cost?",
        "the list of whom to show products",
        "--cross-sell-uplift, --cost and --margin-rate",
    ),
    "upsell list": (
        "What share of customers takes the more expensive product when they see it?",
        "the list of whom to show it",
        "--upsell-share and --cost",
    ),
    "changes": (
        "Which customers did you score last time?",
        "who moved between tiers and why the total changed",
        "--before",
    ),
}


def missing_section(refused: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the section of missing inputs: questions that an option answers, then those that no option can; or None.

    A part is asked for where its refusal names an option; the others keep their sentence.
    """
    if not refused:
        return None
    asked = [QUESTIONS[name] for name, why in refused.items() if name in QUESTIONS and _can_be_given(why)]
    left = [
        f"{name[:1].upper()}{name[1:]}: {why}"
        for name, why in refused.items()
        if name not in QUESTIONS or not _can_be_given(why)
    ]
    table = pd.DataFrame(asked, columns=["Question", "What its answer shows", "How to give it"])
    tables = {"Answer these and the page says more": table} if asked else {}
    return section("What is missing", left, tables=tables)


def _can_be_given(why: str) -> bool:
    return "--" in why or "margins are not known" in why or "Costs(" in why
