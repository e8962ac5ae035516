"""Questions to the reader of `cltv act`: what is missing, asked in words, with the option that answers it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from cltv_ml.actions.terms import enumerated
from cltv_ml.reporting.report import section

#: What an option answers: the question, and how to give the answer where it alone is asked for.
_ASKED = {
    "--margin-rate": (
        "What does an item cost you, or what share of the revenue is left after costs?",
        "map a column to cost, --margin-rate or --category-margins",
    ),
    "--acquisition-cost": ("What did winning a customer cost?", "--acquisition-cost"),
    "--uplift": ("What share of a leaving customer's value would an offer save?", "--uplift"),
    "--cross-sell-uplift": ("By what share does showing a product raise its sales?", "--cross-sell-uplift"),
    "--upsell-share": (
        "What share of customers takes the more expensive product when they see it?",
        "--upsell-share",
    ),
    "--cost": ("What does treating one customer cost?", "--cost"),
    "--campaign": (
        "Which customers got your last campaign, and which were left out at random?",
        "--campaign and --campaign-start",
    ),
    "--before": ("Which customers did you score last time?", "--before"),
}

#: What the answers that a part waits for would show.
SHOWS = {
    "margins": "margins by customer, segment and product, and every list in profit",
    "payback": "the month in which each cohort has paid that back",
    "retention": "the list of customers to win back",
    "campaign": "whom a campaign moves, and the list that follows",
    "campaign list": "the list for the next campaign",
    "cross-sell list": "the list of whom to show products",
    "upsell list": "the list of whom to show the more expensive product",
    "changes": "who moved between tiers and why the total changed",
}


def missing_section(refused: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the section of missing inputs: questions that an option answers, then those that no option can; or None.

    A part is asked for where its refusal names options, and only for these; the others keep their sentence.
    """
    if not refused:
        return None
    wanted = {name: _options(why) if name in SHOWS else [] for name, why in refused.items()}
    asked = [
        (
            " ".join(_ASKED[option][0] for option in options),
            SHOWS[name],
            _ASKED[options[0]][1] if len(options) == 1 else enumerated(options),
        )
        for name, options in wanted.items()
        if options
    ]
    left = [f"{name[:1].upper()}{name[1:]}: {why}" for name, why in refused.items() if not wanted[name]]
    table = pd.DataFrame(asked, columns=["Question", "What its answer shows", "How to give it"])
    tables = {"Answer these and the page says more": table} if asked else {}
    return section("What is missing", left, tables=tables)


def _options(why: str) -> list[str]:
    """Return the options that a refusal asks for.

    >>> _options("the list needs a cost; state it with --cost."), _options("nobody is at risk.")
    (['--cost'], [])
    """
    return [option for option in dict.fromkeys(re.findall(r"--[a-z-]+", why)) if option in _ASKED]
