"""Tables about what is sold: margins by category and product, and pairs that share orders."""

from __future__ import annotations

import pandas as pd

from cltv_ml.decisions.associations import ProductLevel, find_associations
from cltv_ml.decisions.margins import compute_margins
from cltv_ml.log import Log


def compute_product_tables(log: Log) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Return margins by category and product where every line has a cost, and pairs that share orders of one grain."""
    levels: tuple[ProductLevel, ...] = ("category", "product_id")
    grains = [level for level in levels if level in log.columns]
    has_costs = "cost" in log.columns and log.frame["cost"].notna().all()
    margins: dict[str, pd.DataFrame] = {grain: compute_margins(log, grain) for grain in grains if has_costs}
    for grain in grains:
        pairs = find_associations(log, grain)
        if len(pairs):
            return margins, {grain: pairs}
    return margins, {}
