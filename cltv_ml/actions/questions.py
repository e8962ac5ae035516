"""Questions of `cltv act` about missing inputs, each with the option that answers it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cltv_ml.actions.lists import LISTS
from cltv_ml.actions.terms import enumerated
from cltv_ml.money import digits
from cltv_ml.reporting.report import section

#: By option, or column of the log: the question that it answers, and the option with an example.
_ASKED = {
    "--margin-rate": (
        "What does an item cost you, or what share of revenue is left after costs?",
        "a column mapped to cost, --margin-rate 0.3, or --category-margins margins.csv",
    ),
    "--acquisition-cost": ("What does it cost you to win a customer?", "--acquisition-cost {twelve}"),
    "--cost": ("What does it cost to treat one customer?", "--cost {half}"),
    "--uplift": ("What share of a leaving customer's value would an offer save?", "--uplift 0.1"),
    "--cross-sell-uplift": (
        "By what share does showing a product raise its sales?",
        "--cross-sell-uplift 0.2",
    ),
    "--upsell-share": (
        "What share of customers buys the more expensive product when they see it?",
        "--upsell-share 0.05",
    ),
    "--campaign": (
        "Who received your last campaign, and who was left out at random?",
        "--campaign mail.csv --campaign-start 2026-03-01",
    ),
    "--before": ("Which customers did you score last time?", "--before last/customers.csv"),
    "product_id": ("Which product does each line of an order name?", "a column mapped to product_id"),
    "category": ("Which group does each product belong to?", "a column mapped to category"),
    "quantity": ("How many items does each line have?", "a column mapped to quantity"),
    "discount": ("What was taken off the price of each line?", "a column mapped to discount"),
}

#: What each part shows once its inputs are stated.
SHOWS = {
    "margins": "margins by customer, segment and product, and the profit of every list",
    "payback": "the month in which each cohort has paid back its acquisition cost",
    "retention": "the list of customers to win back",
    "campaign": "the customers whom a campaign influences, and a list of them",
    "campaign list": "the list for the next campaign",
    "cross-sell": "the products to offer each customer next",
    "cross-sell list": "the list of customers to show products to",
    "upsell": "a more expensive product to show to each customer",
    "upsell list": "the list of customers to show the more expensive product to",
    "offers": "the response of customers to discounts, and the discount that pays",
    "price test": "the number of customers that a test of prices needs",
    "changes": "the customers who moved between tiers, and why the total changed",
}


def missing_section(refused: Mapping[str, str], currency: str = "") -> dict[str, Any] | None:
    """Return the section of missing inputs: questions that an option answers, then reasons that no option removes; or
    None.

    A part is asked for where its refusal names options, and only for these; the others keep their sentence. Each
    question stands once, with everything that its answer is needed for. Amounts in examples fit the currency.
    """
    if not refused:
        return None
    amounts = {"twelve": 12, "half": 0.5} if digits(currency) else {"twelve": 1200, "half": 50}
    wanted = {name: _options(why) if name in SHOWS else [] for name, why in refused.items()}
    questions = []
    for option, (question, how) in _ASKED.items():
        parts = [SHOWS[name] for name, options in wanted.items() if option in options]
        if parts:
            questions.append(
                {
                    "question": question,
                    "shows": f"The answer adds {enumerated(parts)}.",
                    "how": how.format(**amounts),
                }
            )
    left = [
        _with_titles(f"{name[:1].upper()}{name[1:]}: {why}")
        for name, why in refused.items()
        if not wanted[name]
    ]
    details = [section("Other missing parts, and the reasons", left)] if left and questions else []
    missing = section("What is missing", [] if questions else left, details=details)
    return {**missing, "questions": questions}


def _with_titles(sentence: str) -> str:
    """Return a sentence with the page's titles of lists in place of the names of their files.

    >>> _with_titles("Control group of the retention list: 20 customers are too few.")
    'Control group of the list “Win back”: 20 customers are too few.'
    """
    for name, title in LISTS.items():
        words = re.escape(name.removesuffix("_list").replace("_", "-"))
        sentence = re.sub(rf"(?i)\b{words} list\b", f"list “{title}”", sentence)
    return f"{sentence[:1].upper()}{sentence[1:]}"


def _options(why: str) -> list[str]:
    """Return the options and columns that a refusal asks for.

    >>> _options("the list needs a cost; state it with --cost."), _options("nobody is at risk.")
    (['--cost'], [])
    >>> _options("a price response needs the column 'discount', but the log has amount; map ... to discount.")
    ['discount']
    """
    named = re.findall(r"--[a-z-]+|(?<=needs the column ')\w+", why)
    return [option for option in dict.fromkeys(named) if option in _ASKED]
