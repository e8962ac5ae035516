"""What to offer next: products or categories new to a customer, and dearer alternatives."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml import decisions
from cltv_ml.decisions.associations import Level
from cltv_ml.ops.actions.shop import Actions, Shop
from cltv_ml.reporting import plots
from cltv_ml.reporting.report import section
from cltv_ml.windows import Window


def add_cross_sell(shop: Shop, done: Actions) -> None:
    """Add what each customer is likely to buy for the first time, by expected margin where margins are known."""
    level: Level = "product_id" if "product_id" in shop.log else "category"
    if level not in shop.log:
        raise ValueError(
            "recommendations need products: map the article number to product_id, or a group to category."
        )
    past = Window(shop.window.cutoff - pd.Timedelta(days=shop.window.horizon), shop.window.horizon)
    judged = decisions.evaluate_cross_sell(shop.log, past, level=level)
    margins = done.tables.get("margins_by_product" if level == "product_id" else "margins_by_category")
    done.tables["cross_sell_quality"] = judged
    table = decisions.recommend_next(
        shop.log,
        shop.window,
        level=level,
        recommender=str(judged.index[0]),
        margin_per_purchase=None if margins is None else decisions.margin_per_purchase(margins),
        p_active=decisions.probability_to_buy(shop.predictions),
    )
    if level == "product_id" and "category" in shop.log:
        table.insert(table.columns.get_loc("item") + 1, "category", table["item"].map(_categories(shop.log)))
    done.tables["cross_sell"] = table
    pairs = decisions.find_associations(shop.log, level)
    done.tables["cross_sell_pairs"] = pairs
    done.sections.append(
        section(
            "What to offer next",
            [
                f"On the {past.horizon} days before, {str(judged.index[0]).replace('_', ' ')} "
                f"{judged['verdict'].iloc[0]} (NDCG@10, items new to the customer).",
                "Ranked by expected margin."
                if margins is not None
                else "Ranked by probability: margins are not known.",
            ],
            figures={"Items bought together": plots.cross_sell_matrix(pairs)} if len(pairs) else {},
        )
    )


def _categories(log: pd.DataFrame) -> pd.Series:
    """Return the category of each product, the latest where it moved."""
    known = log.dropna(subset=["product_id", "category"]).drop_duplicates("product_id", keep="last")
    return known.set_index("product_id")["category"]


def add_upsell(shop: Shop, done: Actions) -> None:
    """Add the dearer product next to what each customer usually pays in a category."""
    done.tables["upsell"] = decisions.recommend_upsell(shop.log, shop.window.cutoff)


def products_of(customers: pd.Index, done: Actions) -> pd.DataFrame | None:
    """Return what to show each customer, as `build_campaign` takes it; None where nothing is known.

    A product is followed by its category, so that a list of article numbers can be read.
    """
    table = done.tables.get("cross_sell")
    if table is None:
        return None
    mine = table[np.isin(table["customer_id"], customers)]
    if "category" not in mine:
        return mine
    told = mine["item"] + " (" + mine["category"] + ")"
    return mine.assign(item=told.fillna(mine["item"]))
