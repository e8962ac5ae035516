"""Lists of customers written by `cltv act`: their totals, their first rows, and controls that recompute them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cltv_ml import decisions
from cltv_ml.actions.shop import Shop, mean_margin_rate, short_control
from cltv_ml.actions.terms import NO_PROFIT, Actions, enumerated, stated_terms
from cltv_ml.counts import singular
from cltv_ml.decisions.cost_gaps import needs_stated_rate
from cltv_ml.money import format_exactly, format_money
from cltv_ml.reporting.list_totals import compute_list_totals
from cltv_ml.reporting.report import section

#: Titles of the lists on the page, by the name of their table.
LISTS = {
    "retention_list": "Win back",
    "campaign_list": "Send the campaign",
    "cross_sell_list": "Show products",
    "upsell_list": "Show the more expensive product",
    "offer_list": "Offer a personal discount",
}

#: Number of rows of a list on the page.
ROWS = 3

_READER_TITLES = {
    "customer_id": "Customer",
    "expected_profit": "Expected profit",
    "products": "Show",
    "reason": "Reason",
}


def list_totals(shop: Shop, actions: Actions) -> pd.DataFrame:
    """Return one row per list: `list`, `action`, `file`, `customers`, `control`, `cost`, `expected_profit`, `read_on`.

    Customers, cost and profit are of those who are treated; `control` counts those who are left out. Where the
    customers' values have intervals, `profit_lower` and `profit_upper` follow: its interval of about 90%, which
    combines the errors of single customers with the error of the total and takes the stated effect as exact.
    """
    rows = []
    for name, title in LISTS.items():
        table = actions.tables.get(name)
        if table is None or table.empty:
            continue
        summary = decisions.campaign_summary(table)
        rows.append(
            {
                "list": name,
                "action": title,
                "file": f"{name}.csv",
                "customers": int(summary["treated"]),
                "control": int(summary["control"]),
                "cost": summary["cost"],
                "expected_profit": summary["expected_profit"],
                "read_on": pd.Timestamp(table["read_on"].iloc[0]),
                **_profit_interval(table[~table["control"]], shop),
            }
        )
    return pd.DataFrame(rows)


def _profit_interval(treated: pd.DataFrame, shop: Shop) -> dict[str, float]:
    """Return the bounds of the profit from treating customers; empty where their values have no intervals.

    The chance of each customer is independent of the others', the error of the total is common to all. A customer on
    several lists counts once.
    """
    if not {"value_lower", "value_upper"} <= set(shop.worth):
        return {}
    gain = (treated["expected_profit"] + treated["cost"]).groupby(treated["customer_id"]).sum()
    of_each = shop.worth.reindex(gain.index)
    expected = of_each["expected_value"].where(of_each["expected_value"] > 0)
    profit, ends = float(treated["expected_profit"].sum()), {}
    for end, sign, ratio in zip(("lower", "upper"), (-1, 1), shop.total, strict=True):
        chance = (gain * (of_each[f"value_{end}"] / expected - 1).fillna(0.0)).to_numpy()
        ends[f"profit_{end}"] = profit + sign * float(
            np.sqrt(chance @ chance + ((ratio - 1) * gain.sum()) ** 2)
        )
    return ends


def facts(totals: pd.DataFrame, actions: Actions, shop: Shop) -> dict[str, tuple[str, str]]:
    """Return the sums over all lists, for the top of the page; without lists what customers are expected to spend."""
    if totals.empty:
        return _expected_revenue(shop)
    currency = shop.terms.currency
    listed = pd.concat([actions.tables[name] for name in totals["list"]], ignore_index=True)
    treated = listed[~listed["control"]]
    customers = treated["customer_id"]
    both = int(customers[customers.duplicated()].nunique())
    profit = float(totals["expected_profit"].sum())
    note = "from all lists, if the effects you stated hold"
    if ends := _profit_interval(treated, shop):
        low = format_money(ends["profit_lower"], currency, unit=False)
        high = format_money(ends["profit_upper"], currency)
        note = f"{low} to {high} with about 90% probability; {note}"
    first, last = totals["read_on"].min(), totals["read_on"].max()
    return {
        "Expected profit": (format_money(profit, currency), note),
        "Customers to treat": (
            f"{customers.nunique():,}",
            f"{both:,} of them are on more than one list" if both else "each on one list",
        ),
        "Cost": (format_money(float(totals["cost"].sum()), currency), "to treat them"),
        "Control group": (
            f"{int(totals['control'].sum()):,}",
            "receive nothing, but are too few to show the effect"
            if _short_controls(totals, actions)
            else "receive nothing, so that the effect can be measured",
        ),
        "Read the outcome": (
            f"{first:%Y-%m-%d}",
            "or later" if first == last else f"or later; last list: {last:%Y-%m-%d}",
        ),
    }


def _short_controls(totals: pd.DataFrame, actions: Actions) -> list[str]:
    """Return the lists too short for their control group to show the effect, as the page calls them."""
    return [LISTS[name] for name in totals["list"] if short_control(name) in actions.refused]


def _expected_revenue(shop: Shop) -> dict[str, tuple[str, str]]:
    """Return the champion's total for the horizon with its interval, as the report has it."""
    values, currency = shop.predictions["expected_value"].dropna(), shop.terms.currency
    total = float(values.sum())
    low, high = (format_money(total * ratio, currency) for ratio in shop.total)
    sure = f"{low} to {high} with 90% probability; " if low != high else ""
    note = f"{sure}{len(values):,} customers, {shop.window.horizon} days from {shop.window.cutoff:%Y-%m-%d}"
    return {"Expected from existing customers": (format_money(total, currency), note)}


def list_answers(totals: pd.DataFrame, shop: Shop, actions: Actions) -> dict[str, list[str]]:
    """Return the answers to a marketer's next questions, by question."""
    doubts = shop.doubts
    since = {"What changed since last time?": [_told_change(shop, actions)]}
    if totals.empty:
        return {
            "What should you do next?": _without_lists(actions),
            **since,
            **({"What should you not rely on?": list(doubts)} if doubts else {}),
        }
    control, day = int(totals["control"].sum()), totals["read_on"].min()
    stated = list_terms(totals, shop)
    short = [f"“{name}”" for name in _short_controls(totals, actions)]
    unproven = (
        f"The outcome of {enumerated(short)}: the list has too few customers to show an effect, so add up "
        "several campaigns. “What is missing” has the numbers."
    )
    return {
        "What should you do next?": [
            "Send each list to your mailing tool or ad platform without its control group: cltv export "
            "writes the files.",
            f"From {day:%Y-%m-%d} on, measure the results of a list with cltv act evaluate.",
        ],
        "Why these customers?": [
            "Each of them is expected to bring in more margin than the action costs. The list gives a "
            "reason for each customer."
        ],
        **since,
        "What is the profit compared with?": [
            "With doing nothing: purchases that customers would make anyway do not count as profit."
        ],
        "What should you avoid?": [
            f"Do not contact the {control:,} customers of the control group: without them, nobody can "
            "measure the effect of the lists."
        ]
        if control
        else ["Do not report the profit as measured: there is no control group."],
        "What should you not rely on?": [
            *doubts,
            *([unproven] if short else []),
            *([f"Your own assumptions, which nobody has measured: {enumerated(stated)}."] if stated else []),
        ],
    }


def _told_change(shop: Shop, actions: Actions) -> str:
    """Return a sentence on the changes since an earlier run, else on why there is none."""
    if actions.changed:
        return actions.changed
    if "changes" in actions.refused:
        return f"It is not known: {actions.refused['changes']}"
    again = "run cltv act again in this folder with newer data, or give the customers.csv of an earlier run"
    named = "give the customers.csv of an earlier run"
    return (
        "There is no earlier run to compare with yet. To see here what changed and why, "
        f"{again if shop.column == 'expected_value' else named} with `--before`."
    )


def unprofitable_lists(actions: Actions) -> list[str]:
    """Return a sentence for each list that is empty because nobody is worth the cost."""
    return [
        f"{name[:1].upper()}{name[1:]}: {why}"
        for name, why in actions.refused.items()
        if why.endswith(NO_PROFIT)
    ]


def _without_lists(actions: Actions) -> list[str]:
    """Return sentences for a page without lists: why no customer is worth the cost, else the questions to answer."""
    return [
        *unprofitable_lists(actions),
        "There are no lists yet. Answer the questions below and run cltv act again.",
    ]


def list_terms(totals: pd.DataFrame, shop: Shop) -> list[str]:
    """Return a sentence on the stated figures that the lists are based on; empty without lists."""
    if totals.empty:
        return []
    return stated_terms(shop.terms, list(totals["list"]), rate_counts=needs_stated_rate(shop.log))


def win_back_terms(shop: Shop, actions: Actions) -> dict[str, float] | None:
    """Return the terms of the win-back list: `margin` and `uplift` in percent, and `cost`.

    None where one is unknown, or where the list goes by another value than the revenue of the horizon.
    """
    terms = shop.terms
    by_revenue = (terms.value, terms.basis) == ("horizon", "revenue")
    if terms.uplift is None or terms.cost is None or actions.rates is None or not by_revenue:
        return None
    margin = round(100 * mean_margin_rate(shop, actions), 1)
    return {"margin": margin, "uplift": round(100 * terms.uplift, 6), "cost": terms.cost}


def lists_section(totals: pd.DataFrame, shop: Shop, actions: Actions) -> dict[str, Any]:
    """Return the table of all lists, the controls that recompute it, and the first rows of each list."""
    currency = shop.terms.currency
    first, whole = {}, {}
    for name in totals["list"]:
        rows = actions.tables[name]
        treated = rows[~rows["control"].astype(bool)]
        shown = f"the first {ROWS} of {len(treated):,}" if len(treated) > ROWS else "all"
        caption = f"{LISTS[name]}: {shown} to contact"
        first[caption] = _first_rows(treated, currency)
        whole[caption] = {
            "file": f"{name}.csv",
            "link": singular(f"The whole list as CSV ({len(rows):,} rows, control group marked)"),
        }
    page_section = section(
        "The lists",
        tables={"All lists, without the control group": _totals_table(totals, currency), **first},
        links={
            singular(f"{LISTS[name]} ({len(actions.tables[name]):,} rows)"): f"{name}.csv"
            for name in totals["list"]
        },
    )
    page_section["tables"] = [table | whole.get(table["caption"], {}) for table in page_section["tables"]]
    candidates = {
        LISTS[name]: actions.candidates[name] for name in totals["list"] if name in actions.candidates
    }
    terms = shop.terms
    written = {LISTS[name]: actions.tables[name] for name in totals["list"]}
    controls = compute_list_totals(
        candidates, cost=terms.cost, budget=terms.budget, currency=currency, written=written
    )
    return {**page_section, "list_totals": controls}


def _totals_table(totals: pd.DataFrame, currency: str) -> pd.DataFrame:
    shown = pd.DataFrame(
        {
            "List": totals["action"],
            "Customers": [f"{count:,}" for count in totals["customers"]],
            "Control group": [f"{count:,}" for count in totals["control"]],
            "Cost": [format_exactly(cost, currency) for cost in totals["cost"]],
            "Expected profit": [format_exactly(profit, currency) for profit in totals["expected_profit"]],
        }
    )
    if "profit_lower" in totals:
        shown["Interval of the profit"] = [
            f"{format_exactly(low, currency, unit=False)} to {format_exactly(high, currency)}"
            for low, high in zip(totals["profit_lower"], totals["profit_upper"], strict=True)
        ]
    return shown.assign(**{"Read on": [f"{day:%Y-%m-%d}" for day in totals["read_on"]]})


def _first_rows(rows: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Return the first rows of a list under a reader's names."""
    top = rows.head(ROWS)
    columns = {
        name: title for name, title in _READER_TITLES.items() if name in top and top[name].notna().any()
    }
    top = top.assign(expected_profit=[format_exactly(profit, currency) for profit in top["expected_profit"]])
    return top[list(columns)].rename(columns=columns)
