"""Section on products: those that earn money, and those bought together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cltv_ml.decisions.margins import loss_makers
from cltv_ml.decisions.product_tables import label_products
from cltv_ml.money import format_money
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section


def products_section(
    margins: Mapping[str, pd.DataFrame],
    pairs: Mapping[str, pd.DataFrame],
    names: Mapping[str, str] | None = None,
    *,
    currency: str = "",
) -> dict[str, Any] | None:
    """Return the section on margins and shared orders, each by its grain, `category` or `product_id`; None if both
    are absent.

    Parameters
    ----------
    margins, pairs
        Results of `compute_margins` and `find_associations`, none of them empty.
    names
        Name of each product, where the data name them.
    """
    margins, pairs = _under_names(margins, pairs, names or {})
    sentences, figures = [], {}
    for grain, table in margins.items():
        figures[f"Revenue minus cost of each {_word(grain)}; hover to see its share of the revenue."] = (
            plots.margin_bars(table, currency=currency)
        )
        losing = loss_makers(table)
        if len(losing):
            lost = format_money(-float(losing["contribution_margin"].sum()), currency)
            sentences.append(
                f"{len(losing):,} of {len(table):,} {_plural(grain)} lost money, {lost} in total."
            )
    for grain, table in pairs.items():
        best = table.iloc[0]
        sentences.append(
            f"Orders with {best['bought']} contain {best['also_bought']} {best['lift']:.1f} times as often "
            f"as other orders do ({best['lift_lower']:.1f} to {best['lift_upper']:.1f}, {best['orders']:,} "
            "orders)."
        )
        figures[f"How often two {_plural(grain)} share an order, as a multiple of chance."] = (
            plots.cross_sell_matrix(table)
        )
    return section("Products bought", sentences, figures=figures) if figures else None


def _under_names(
    margins: Mapping[str, pd.DataFrame], pairs: Mapping[str, pd.DataFrame], names: Mapping[str, str]
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Return both with products followed by their names."""
    shown, together = dict(margins), dict(pairs)
    if "product_id" in shown:
        table = shown["product_id"]
        shown["product_id"] = table.set_axis(label_products(table.index.to_series(), names), axis=0)
    if "product_id" in together:
        both = ("bought", "also_bought")
        table = together["product_id"]
        together["product_id"] = table.assign(**{one: label_products(table[one], names) for one in both})
    return shown, together


def _word(grain: str) -> str:
    return "category" if grain == "category" else "product"


def _plural(grain: str) -> str:
    return "categories" if grain == "category" else "products"
