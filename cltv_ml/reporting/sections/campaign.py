"""Section on the retention campaign: its list, its expected profit, and controls that recompute it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cltv_ml.decisions.retention import value_at_risk
from cltv_ml.money import format_amounts, format_money
from cltv_ml.reporting.report import cells, section
from cltv_ml.reporting.what_if import Campaign, compute_what_if


def campaign_section(
    campaign: Campaign, segments: pd.Series, *, ordered: bool = True, currency: str = ""
) -> dict[str, Any]:
    """Return the section of a retention campaign ranked by value at risk, with controls that recompute it.

    Parameters
    ----------
    segments
        Name of the segment by customer_id.
    ordered
        Whether the champion is shown to order customers better than chance.
    """
    at_risk, terms = campaign.at_risk, campaign.terms
    what_if = compute_what_if(at_risk, campaign.total, campaign.horizon, assumed=terms, currency=currency)
    content = section(
        "What to do",
        [
            *([_WHOM_TO_WRITE_TO] if ordered else []),
            f"In total, {format_money(float(at_risk.sum()), currency)} of "
            f"{format_money(campaign.total, currency)} is at risk over {campaign.horizon} days. The command "
            "cltv score writes the expected value of every customer to a file.",
        ],
        tables={
            "Expected profit by segment, for customers worth the cost": _profit_table(
                campaign.by(segments), currency
            )
        },
        warnings=[
            *([] if ordered else [NO_ORDER]),
            f"The numbers below start with {terms_in_words(campaign, currency)}. They cannot know what your "
            "offer achieves: test it on a random half of the list first, then enter the measured numbers.",
        ],
    )
    return {**content, "what_if": what_if}


def tell_lists_apart(
    page_section: dict[str, Any],
    customers: pd.DataFrame | None = None,
    terms: Mapping[str, float] | None = None,
    *,
    ordered: bool = True,
    currency: str = "",
) -> dict[str, Any]:
    """Return a section which, if it is the campaign's, says why its numbers are not those of the lists of `cltv act`.

    Parameters
    ----------
    customers
        `customers.csv` of `cltv act`; with it and the terms of its win-back list, the section starts with these terms.
    terms
        `margin` and `uplift` in percent, and `cost` per customer.

    >>> tell_lists_apart(section("What to do"))["sentences"]
    []
    """
    if not page_section.get("what_if"):
        return page_section
    if customers is None or terms is None:
        return {**page_section, "sentences": [f"{_CALCULATOR} {_OTHER_TERMS}", *page_section["sentences"]]}
    inputs = page_section["what_if"]["inputs"]
    campaign = Campaign(
        value_at_risk(customers),
        inputs["value"],
        inputs["horizon"],
        {**terms, "discount": 0.0},
        of_lists=True,
    )
    content = campaign_section(campaign, customers["segment"], ordered=ordered, currency=currency)
    sentences = [f"{_CALCULATOR} {_SAME_TERMS}", *content["sentences"]]
    return {**content, "sentences": sentences, "lookup": page_section["lookup"]}


_CALCULATOR = (
    "The lists on the first screen are those of cltv act, and actions.html has their numbers. This section "
    "is a calculator for one campaign to all customers."
)
_OTHER_TERMS = (
    "Its customers, cost and profit differ from those of the lists: it starts with other terms, lists every "
    "customer worth the cost at these terms, has no control group and discounts the profit."
)
_SAME_TERMS = (
    "It starts with the terms of the win-back list, but its customers, cost and profit differ from those of "
    "the lists: it lists every customer worth the cost, whatever their lifecycle and the budget, and has no "
    "control group."
)

_WHOM_TO_WRITE_TO = (
    "Write to the customers with the highest value at risk: their expected spend times the probability that "
    "they are leaving. Customers who will certainly stay or have certainly left come last."
)

#: The caveat of a list in random order.
NO_ORDER = (
    "The test does not show that the model ranks these customers better than chance. Until a training does, "
    "treat all customers alike or choose them at random."
)


def terms_in_words(campaign: Campaign, currency: str) -> str:
    """Return the terms of a campaign, and which of them are assumptions.

    >>> terms = {"margin": 30.0, "uplift": 5.0, "cost": 0.2, "discount": 10.0}
    >>> terms_in_words(Campaign(pd.Series(dtype=float), 0.0, 91, terms), "EUR").partition(", ")[0]
    'a margin of 30% (an assumption)'
    """
    terms, cost = campaign.terms, campaign.terms["cost"]
    each = format_money(cost, currency) if cost >= 0.01 else f"{cost:g} {currency}".rstrip()
    source = "as measured in this log" if campaign.margin_known else "an assumption"
    margin, offer = (
        ("", " (the terms of the win-back list)")
        if campaign.of_lists
        else (f" ({source})", " (both assumptions)")
    )
    return (
        f"a margin of {terms['margin']:g}%{margin}, an offer that saves {terms['uplift']:g}% of the value "
        f"at risk and costs {each} per customer{offer}"
    )


def _profit_table(segments: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Return the campaign by segment as a reader sees it, all customers last."""
    rows = pd.concat([segments, segments.sum().rename("all customers").to_frame().T])
    columns = {
        "Expected profit": "expected_profit",
        "Cost": "cost",
        "Worth the cost": "listed",
        "Customers": "customers",
        "Value at risk": "at_risk",
    }
    counted = ("listed", "customers")
    shown = {
        name: [f"{value:,.0f}" for value in rows[column]]
        if column in counted
        else format_amounts(rows[column], currency)
        for name, column in columns.items()
    }
    return pd.DataFrame({"Segment": rows.index, **shown})


def lookup_table(predictions: pd.DataFrame, top: int, *, currency: str = "") -> dict[str, Any]:
    """Return the customers with the highest value at risk, for a section's `lookup`; else a page holds no id.

    Where nothing tells who is leaving, they are those with the highest expected value.
    """
    listed = predictions.dropna(subset=["expected_value"])
    told = [
        name for name in ("p_alive", "expected_purchases") if name in listed and listed[name].notna().any()
    ]
    if told:
        listed = listed.assign(at_risk=value_at_risk(listed))
    listed = listed.nlargest(top, "at_risk" if told else "expected_value")
    shown = {
        "Customer": listed.index.astype("str"),
        "Rank": [f"{place:,}" for place in range(1, len(listed) + 1)],
        "Expected value": format_amounts(listed["expected_value"], currency),
    }
    if told:
        shown["Value at risk"] = format_amounts(listed["at_risk"], currency)
    if "p_alive" in told:
        shown["Still active"] = [f"{alive:.0%}" for alive in listed["p_alive"]]
    return cells(pd.DataFrame(shown))


def unknown_campaign_section() -> dict[str, Any]:
    """Return the section on what a retention list needs, where no competing model has P(alive)."""
    return section(
        "What to do",
        [
            "None of the models compared estimates P(alive) or purchases, so it is unknown which customers "
            "are at risk. Let a probabilistic model such as pareto_nbd_gamma_gamma compete too: the "
            "champion keeps its values, and this section gets its list."
        ],
    )
