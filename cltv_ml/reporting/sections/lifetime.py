"""The section on lifetime value: its parts in revenue and profit, and customers by tier of the chosen value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cltv_ml.decisions import apply_tiers, fit_tiers
from cltv_ml.money import format_amounts, format_money
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section
from cltv_ml.windows import days_in_words

_PART_TITLES = {
    "to_date": "To date",
    "expected": "Expected within the horizon",
    "residual": "Residual beyond it",
    "remaining": "Remaining: expected and residual",
    "lifetime": "Lifetime: to date and remaining",
}


def lifetime_section(
    account: Mapping[str, Any], values: pd.Series | None, value_name: str, *, currency: str = ""
) -> dict[str, Any]:
    """Return the section on lifetime value.

    Parameters
    ----------
    account
        The JSON output of `cltv lifetime`: `totals`, `notes`, `end`, `horizon`, `cutoff`, `discount_rate`.
    values
        The chosen value by customer, and `value_name`, its name in words; None where the page has its tiers already.
    """
    discount = account.get("discount_rate", 0.0)
    sentences = [
        f"As of {account['cutoff']}: {account['horizon']} days within the horizon and up to "
        f"{days_in_words(account['end'])} in total"
        + (f", discounted at {discount:.1%} a year." if discount else ", not discounted.")
    ]
    tables = {"Parts of the lifetime value, all customers": _parts(account["totals"], currency)}
    figures: dict[str, go.Figure] = {}
    if values is not None:
        sentences.append(
            f"Tiers are based on {value_name}: the top fifth of customers are high, the next three tenths "
            "medium."
        )
        tables[f"Customers by {value_name}"], figures = _by_tier(values.dropna(), value_name, currency)
    return section(
        "What customers are worth over their lifetime",
        sentences,
        tables=tables,
        figures=figures,
        warnings=account.get("notes", ()),
    )


def against_headline(account: Mapping[str, Any], headline: Mapping[str, Any], currency: str) -> list[str]:
    """Return a sentence if the first screen expects another revenue within the same days than `cltv lifetime` did.

    >>> account = {"horizon": 90, "cutoff": "2026-01-01", "totals": [{"part": "expected_value", "total": 9.0}]}
    >>> against_headline(account, {"value": "9.00 EUR", "note": "3 customers, 90 days from 2026-01-01"}, "EUR")
    []
    """
    expected = [row["total"] for row in account["totals"] if row["part"] == "expected_value"]
    of_these_days = f"{account['horizon']} days from {account['cutoff']}" in headline["note"]
    if not expected or account.get("discount_rate") or not of_these_days:
        return []
    told = format_money(expected[0], currency)
    if told == headline["value"]:
        return []
    return [
        f"Within the horizon this table expects {told}, the first screen {headline['value']}. cltv lifetime used "
        "other data, such as none about customers, or another model version; run it again with the options of cltv "
        "score."
    ]


def _by_tier(values: pd.Series, value_name: str, currency: str) -> tuple[pd.DataFrame, dict[str, go.Figure]]:
    """Return the customers of each tier by a value: a table, and a figure where the total is positive."""
    tiers = apply_tiers(values, fit_tiers(values))
    grouped = values.groupby(tiers).agg(["size", "sum"]).reindex(["high", "medium", "low"]).dropna()
    whole = float(values.sum())
    by_tier = pd.DataFrame(
        {
            "Tier": [str(name).capitalize() for name in grouped.index],
            "Customers": [f"{count:,.0f}" for count in grouped["size"]],
            value_name.capitalize(): format_amounts(grouped["sum"], currency),
            "Share": [f"{value / whole:.0%}" if whole else "" for value in grouped["sum"]],
        }
    )
    if whole <= 0:
        return by_tier, {}
    drawn = grouped.set_axis(["customers", "expected_value"], axis=1)
    return by_tier, {
        f"Share of customers and of {value_name} by tier": plots.tier_pyramid(
            drawn, of=value_name, currency=currency
        )
    }


def lifetime_fact(account: Mapping[str, Any], column: str, value_name: str, currency: str) -> dict[str, Any]:
    """Return the fact about the total of a value for the top of the page."""
    row = {one["part"]: one for one in account["totals"]}[column]
    note = f"up to {days_in_words(account['end'])} ahead"
    if row.get("lower") is not None:
        note = f"{_between(row, currency)} with 90% probability; {note}"
    value = format_money(row["total"], currency)
    return {"name": value_name.capitalize(), "value": value, "note": note, "headline": False}


def _parts(totals: list[dict[str, Any]], currency: str) -> pd.DataFrame:
    """Return the table of parts: revenue and, where it is known, profit, with 90% intervals."""
    by_part = {total["part"]: total for total in totals}
    rows = []
    for part, title in _PART_TITLES.items():
        row = {"Part": title}
        for basis, unit in (("value", "Revenue"), ("profit", "Profit")):
            total = by_part.get(f"{basis}_to_date" if part == "to_date" else f"{part}_{basis}")
            if total is not None:
                row[unit] = format_money(total["total"], currency)
                row[f"{unit}, 90% interval"] = _between(total, currency)
        rows.append(row)
    return pd.DataFrame(rows)


def _between(row: Mapping[str, Any], currency: str) -> str:
    ends = [row.get(name) for name in ("lower", "upper")]
    if any(end is None or np.isnan(end) for end in ends):
        return ""
    return " to ".join(format_money(float(end), currency) for end in ends if end is not None)
