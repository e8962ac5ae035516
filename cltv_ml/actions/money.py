"""Margins by segment and product, and the payback of acquisition costs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cltv_ml import decisions
from cltv_ml.actions.shop import Shop, margin_rates
from cltv_ml.actions.terms import Actions
from cltv_ml.decisions import Costs
from cltv_ml.decisions.product_tables import label_products
from cltv_ml.errors import InputError
from cltv_ml.money import format_money
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section

_GRAIN_COLUMNS: dict[str, Any] = {"customer": "customer_id", "product": "product_id"}


def add_margins(shop: Shop, actions: Actions) -> None:
    """Add the margins by customer, tier and every grouping that the log has, and each customer's expected profit."""
    terms = shop.terms
    rates = decisions.category_rates(shop.log, terms.category_margins, terms.margin_rate)
    costs = Costs(
        margin_rate=rates, acquisition=0.0 if terms.acquisition_cost is None else terms.acquisition_cost
    )
    notes = decisions.describe_stated_rate(shop.log, stated=rates is not None)
    actions.notes += notes
    grains = ["category", "product", "channel"]
    grains = [
        "customer",
        *(grain for grain in grains if _GRAIN_COLUMNS.get(grain, grain) in shop.log.columns),
    ]
    for grain in grains:
        column = _GRAIN_COLUMNS.get(grain, grain)
        actions.tables[f"margins_by_{grain}"] = decisions.compute_margins(shop.log, column, costs=costs)
    for name, segments in (("tier", shop.tiers), ("segment", actions.tables["customers"]["segment"])):
        margins = decisions.compute_margins(shop.log, "segment", costs=costs, segments=segments)
        actions.tables[f"margins_by_{name}"] = margins.rename_axis(name)
    if actions.rates is None:
        actions.rates = decisions.customer_margin_rates(
            actions.tables["margins_by_customer"], decisions.margin_credibility(shop.log, costs)
        ).clip(-1.0, 1.0)
    actions.tables["customers"] = decisions.add_profit(
        actions.tables["customers"], margin_rates(shop.X.index, actions)
    )
    drawn = actions.tables[f"margins_by_{grains[1] if len(grains) > 1 else 'tier'}"]
    if drawn.index.name == "product_id":
        drawn = drawn.set_axis(
            label_products(drawn.index.to_series(), shop.product_names).rename("product_id")
        )
    actions.sections.append(
        section(
            "Where the margin comes from",
            [
                *(_losing(actions, grain, shop) for grain in grains if grain in ("customer", "product")),
                *notes,
            ],
            figures={"Revenue minus costs": plots.margin_bars(drawn, currency=shop.terms.currency)},
        )
    )


def _losing(actions: Actions, grain: str, shop: Shop) -> str:
    margins = actions.tables[f"margins_by_{grain}"]
    losing = decisions.loss_makers(margins)
    if losing.empty and "cost" not in shop.log.columns and not shop.terms.category_margins:
        return f"You stated one margin rate for everything, so no {grain} can lose money."
    if losing.empty:
        return f"Every {grain} brought in more than {'they' if grain == 'customer' else 'it'} cost."
    lost = -float(losing["profit" if "profit" in losing else "contribution_margin"].sum())
    largest = losing.index.astype("str")[:3].to_series()
    first = ", ".join(label_products(largest, shop.product_names) if grain == "product" else largest)
    return (
        f"{len(losing):,} of {len(margins):,} {grain}s cost more than they brought in, "
        f"{format_money(lost, shop.terms.currency)} in total. The largest losses: {first}."
    )


def add_payback(shop: Shop, actions: Actions) -> None:
    """Add the month in which each monthly cohort has paid back its acquisition cost, if that cost is stated."""
    cost = shop.terms.acquisition_cost
    if cost is None:
        raise InputError(
            "the payback month needs the cost of winning a customer; state it with --acquisition-cost."
        )
    by_cohort = _by_cohort(cost, shop) if isinstance(cost, pd.Series) else cost
    table = decisions.compute_payback(shop.log, by_cohort, margin_rate=shop.costs.margin_rate)
    months = decisions.payback_month(table)
    actions.tables |= {"payback_curve": table, "payback": months}
    paid = months["payback_month"].dropna()
    latest = months.tail(12).reset_index()
    shown = pd.DataFrame(
        {
            "Cohort": latest["cohort"].dt.strftime("%Y-%m"),
            "Customers": [f"{count:,}" for count in latest["customers"]],
            "Paid back in month": [
                f"{month:.0f}" if month == month else "not yet" for month in latest["payback_month"]
            ],
            "Months observed": latest["months_seen"],
        }
    )
    each = format_money(float(cost.mean() if isinstance(cost, pd.Series) else cost), shop.terms.currency)
    each = (
        f"their own cost per customer ({each} on average)"
        if isinstance(cost, pd.Series)
        else f"{each} per customer"
    )
    sentence = f"{len(paid)} of {len(months)} monthly cohorts have paid back {each}"
    actions.sections.append(
        section(
            "When customers pay back their acquisition cost",
            [
                f"{sentence}, half of them by month {paid.median():.0f}." if len(paid) else f"{sentence}.",
                *shop.terms.acquisition_notes,
            ],
            tables={
                "The latest cohorts: the month after the first purchase in which the margin covers the cost": shown
            },
        )
    )


def _by_cohort(paid: pd.Series, shop: Shop) -> pd.Series:
    """Return the mean cost of winning a customer by the month of the first purchase."""
    first = shop.log.frame.groupby("customer_id")["timestamp"].min().dt.to_period("M").dt.to_timestamp()
    return paid.groupby(first.reindex(paid.index)).mean()
