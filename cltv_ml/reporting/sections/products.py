"""Section on products: those that earn money, and those bought together."""

from __future__ import annotations

from typing import Any

from cltv_ml.decisions.associations import ProductLevel, find_associations
from cltv_ml.decisions.margins import compute_margins, loss_makers
from cltv_ml.log import AnyLog, Log
from cltv_ml.money import format_money
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section


def products_section(log: AnyLog, *, currency: str = "") -> dict[str, Any] | None:
    """Return margins and shared orders, as far as the log's columns allow; None where they allow neither."""
    log = Log.of(log)
    sentences, figures = [], {}
    levels: tuple[ProductLevel, ...] = ("category", "product_id")
    grains = [level for level in levels if level in log.columns]
    if "cost" in log.columns and log.frame["cost"].notna().all():
        for grain in grains:
            margins = compute_margins(log, grain)
            figures[f"Revenue less cost of each {_word(grain)}; hover for its share of the revenue."] = (
                plots.margin_bars(margins, currency=currency)
            )
            losing = loss_makers(margins)
            if len(losing):
                lost = format_money(-float(losing["contribution_margin"].sum()), currency)
                plural = "categories" if grain == "category" else "products"
                sentences.append(f"{len(losing):,} of {len(margins):,} {plural} lost money, {lost} together.")
    for grain in grains:
        pairs = find_associations(log, grain)
        if len(pairs):
            best = pairs.iloc[0]
            sentences.append(
                f"Orders with {best['bought']} hold {best['also_bought']} {best['lift']:.1f} times as often as others "
                f"do ({best['lift_lower']:.1f} to {best['lift_upper']:.1f}, {best['orders']:,} orders)."
            )
            figures[f"How many times as often as by chance two of them ({_word(grain)}) share an order."] = (
                plots.cross_sell_matrix(pairs)
            )
            break
    return section("What they buy", sentences, figures=figures) if figures else None


def _word(grain: str) -> str:
    return "category" if grain == "category" else "product"


def measured_margin(log: AnyLog) -> float | None:
    """Return the log's margin in percent of revenue, lines without a cost left out; None without the column `cost`."""
    log = Log.of(log)
    if "cost" not in log.columns:
        return None
    with_cost = log.frame[log.frame["cost"].notna()]
    revenue = float(with_cost["amount"].sum())
    share = 1 - float(with_cost["cost"].sum()) / revenue if revenue > 0 else 0.0
    return round(100 * max(share, 0.0), 1)
