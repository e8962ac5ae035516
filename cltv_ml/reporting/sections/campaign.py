"""Section on what to do: a retention list, its expected profit, and controls that recompute it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cltv_ml.decisions.retention import value_at_risk
from cltv_ml.money import format_money
from cltv_ml.reporting.report import cells, section
from cltv_ml.reporting.what_if import ASSUMED, assumed_cost, compute_what_if


def campaign_section(
    predictions: pd.DataFrame, horizon: int, *, margin: float | None = None, currency: str = ""
) -> dict[str, Any]:
    """Return a retention campaign ranked by value at risk, for the reader to change.

    Parameters
    ----------
    predictions
        PREDICTIONS with `p_alive` or `expected_purchases`.
    margin
        The margin in percent of revenue that the controls start at, where the log tells it; else an assumption.
    """
    known = predictions.dropna(subset=["expected_value"])
    at_risk = value_at_risk(known)
    assumed = {} if margin is None else {"margin": margin}
    total = float(known["expected_value"].sum())
    what_if = compute_what_if(at_risk, total, horizon, assumed=assumed, currency=currency)
    cost = assumed_cost(total, len(known))
    each = format_money(cost, currency) if cost >= 0.01 else f"{cost:g} {currency}".rstrip()
    measured = "as measured in this log" if assumed else "an assumption"
    told = section(
        "What to do",
        [
            "Write to the customers with the highest value at risk: what a customer is expected to spend times the "
            "probability that the customer is leaving. Those who surely stay and those who are surely gone come last.",
            f"Together {format_money(float(at_risk.sum()), currency)} of "
            f"{format_money(total, currency)} is at risk over {horizon} days. The command "
            "cltv score writes the expected value of every customer into a file.",
        ],
        tables={"Expected value that may be lost": _risk_table(known["expected_value"], at_risk, currency)},
        warnings=[
            f"The numbers below start at a margin of {assumed.get('margin', ASSUMED['margin']):g}% ({measured}), "
            f"an offer that saves {ASSUMED['uplift']:g}% of the value at risk and costs "
            f"{each} per customer (both assumptions). Nothing here knows what an offer achieves: test it on a random "
            "half of the list first, then put the measured numbers in."
        ],
    )
    return {**told, "what_if": what_if}


def _risk_table(expected: pd.Series, at_risk: pd.Series, currency: str) -> pd.DataFrame:
    """Return how much of the value at risk the customers hold who have most of it."""
    ranked = at_risk.sort_values(ascending=False)
    tenth = ranked.head(max(1, len(ranked) // 10))
    groups = {"the tenth with most at risk": tenth, "all customers": ranked}
    return pd.DataFrame(
        {
            "Who": list(groups),
            "Customers": [f"{len(group):,}" for group in groups.values()],
            "Expected value": [
                format_money(float(expected[group.index].sum()), currency) for group in groups.values()
            ],
            "Value at risk": [format_money(float(group.sum()), currency) for group in groups.values()],
        }
    )


def lookup_table(predictions: pd.DataFrame, top: int, *, currency: str = "") -> dict[str, Any]:
    """Return the customers with the highest value at risk, for a section's `lookup`; else a page holds no id."""
    known = predictions.dropna(subset=["expected_value"])
    listed = known.assign(at_risk=value_at_risk(known)).nlargest(top, "at_risk")
    shown = {
        "Customer": listed.index.astype("str"),
        "Place on the list": [f"{place:,}" for place in range(1, len(listed) + 1)],
        "Expected value": [format_money(value, currency) for value in listed["expected_value"]],
        "Value at risk": [format_money(value, currency) for value in listed["at_risk"]],
    }
    if "p_alive" in listed and listed["p_alive"].notna().any():
        shown["Still a customer"] = [f"{alive:.0%}" for alive in listed["p_alive"]]
    return cells(pd.DataFrame(shown))


def unknown_campaign_section() -> dict[str, Any]:
    """Return what it takes to say whom to write to, where no model that competed knows who may have left."""
    return section(
        "What to do",
        [
            "None of the models that competed estimates P(alive) or purchases, so customers at risk are not known. Let "
            "a probabilistic model such as pareto_nbd_gamma_gamma compete too: the champion keeps its values, and this "
            "section gets its list."
        ],
    )
