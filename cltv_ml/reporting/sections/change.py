"""Section on changes since earlier scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cltv_ml.decisions.migration import compute_migration
from cltv_ml.decisions.tiers import apply_tiers, fit_tiers
from cltv_ml.decisions.value_change import account_for_change, change_by_customer
from cltv_ml.money import format_amounts, format_money
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section

TITLE = "What changed since last time"


#: The parts of a change as a sentence names them.
_CAUSES = {
    "new": "new customers",
    "reactivated": "customers who came back",
    "lost": "customers who left",
    "upgraded": "customers who moved up a tier",
    "downgraded": "customers who moved down a tier",
    "same tier": "customers who stayed in their tier",
    "prices and margins": "prices and margins",
    "model": "another model",
}


def unknown_change_section() -> dict[str, Any]:
    """Return the section shown without earlier scores: how to provide them."""
    return section(
        TITLE,
        [
            "There are no earlier scores to compare with yet. cltv score keeps the scores of an earlier day "
            "next to the new ones (scores_before.parquet). cltv report compares with the newest earlier "
            "scores in that folder, or with others that it is given, and shows here why the total moved and "
            "who changed tier."
        ],
    )


def change_section(
    before: pd.DataFrame, today: pd.DataFrame, *, since: str = "", currency: str = ""
) -> dict[str, Any]:
    """Return the section on the causes of the change in total value, and on moves between tiers, at the earlier cuts.

    Parameters
    ----------
    before, today
        PREDICTIONS at two dates, over the same horizon.
    since
        Date of `before`, for the sentence.
    """
    before, today = (table.dropna(subset=["expected_value"]) for table in (before, today))
    cuts = fit_tiers(before["expected_value"])
    change = account_for_change(change_by_customer(before, today, tiers=cuts))
    change = change[change["customers"] > 0]  # scores alone do not tell prices, the model and lapses apart
    flows = compute_migration(
        apply_tiers(before["expected_value"], cuts), apply_tiers(today["expected_value"], cuts)
    )
    worth = float(today["expected_value"].sum())
    sentences = [tell_change(change, worth, since=since, currency=currency), *_about_models(before, today)]
    now = pd.DataFrame({"part": ["all customers now"], "customers": [len(today)]})
    shown = pd.concat([change, now.assign(change=worth)])
    return section(
        TITLE,
        sentences,
        tables={
            "What each cause added to the expected value": pd.DataFrame(
                {
                    "Cause": [str(part).capitalize() for part in shown["part"]],
                    "Customers": [f"{number:,}" for number in shown["customers"]],
                    "Expected value": format_amounts(shown["change"], currency),
                }
            )
        },
        figures={
            "How much each cause added or took away; the last bar is the total change.": plots.value_waterfall(
                change, currency=currency
            ),
            "Number of customers who moved between tiers, by the earlier cut points.": plots.migration_sankey(
                flows
            ),
        },
    )


def tell_change(change: pd.DataFrame, now: float, *, since: str = "", currency: str = "") -> str:
    """Return a sentence on the change of the total expected value and its largest cause.

    Parameters
    ----------
    change
        `decisions.value_change.account_for_change`.
    now
        The total today.
    """
    total, parts = float(change["change"].iloc[-1]), change.iloc[:-1]
    way = np.sign(total) * parts["change"] if abs(total) > 0.005 else parts["change"].abs()
    largest = parts.loc[way.idxmax()]
    sentence = f"Since {since or 'the last scores'}, the expected value of all customers"
    if not largest["change"]:
        return f"{sentence} has not changed: {format_money(now, currency)}."
    return (
        f"{sentence} went {'up' if total >= 0 else 'down'} by {format_money(abs(total), currency)} to "
        f"{format_money(now, currency)}. The main cause: {_CAUSES[str(largest['part'])]} "
        f"({largest['customers']:,}), {format_money(float(largest['change']), currency)}."
    )


def _about_models(before: pd.DataFrame, today: pd.DataFrame) -> list[str]:
    """Return a sentence if a change of model may have caused part of the change; else an empty text."""
    versions = [
        set(table["model_version"].dropna()) if "model_version" in table else set()
        for table in (before, today)
    ]
    if any(len(one) != 1 for one in versions):
        return ["The scores do not name their model, so a change of model may be part of each cause."]
    (then,), (now,) = versions
    if int(then) == int(now):
        return []
    return [
        f"Model version {int(then)} made the earlier scores and version {int(now)} today's, so the change of "
        "model is part of each cause. To see it separately, give cltv act the customers.csv of an earlier "
        "run."
    ]
