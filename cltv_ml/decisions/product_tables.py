"""Tables about what is sold: margins by category and product, and pairs that share orders."""

from __future__ import annotations

from collections.abc import Mapping

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


def insert_names(table: pd.DataFrame, column: str, names: Mapping[str, str]) -> pd.DataFrame:
    """Return a table with `product_name` after the column (or the index) of its products, where any has a name.

    >>> insert_names(pd.DataFrame({"item": ["A1", "B2"], "rank": [1, 2]}), "item", {"A1": "Tea"}).columns.tolist()
    ['item', 'product_name', 'rank']
    """
    indexed = column not in table
    products = table.index.to_series() if indexed else table[column]
    named = products.map(names)
    if named.isna().all():
        return table
    place = 0 if indexed else table.columns.get_loc(column) + 1
    return pd.concat([table.iloc[:, :place], named.rename("product_name"), table.iloc[:, place:]], axis=1)


def label_products(products: pd.Series, names: Mapping[str, str]) -> pd.Series:
    """Return labels of products: the number, followed by the name if there is one.

    >>> label_products(pd.Series(["A1", "B2"]), {"A1": "Tea"}).tolist()
    ['A1 (Tea)', 'B2']
    """
    labels = products.map(lambda product: f"{product} ({names[product]})" if product in names else product)
    return labels.astype(products.dtype)
