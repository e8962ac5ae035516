"""Pairs of products or categories bought in one order, with the uncertainty of their lift."""

from __future__ import annotations

from typing import Literal

import duckdb
import numpy as np
import pandas as pd
from scipy import stats

from cltv_ml.decisions.lines import order_key
from cltv_ml.engine import frame
from cltv_ml.log import AnyLog, Log

#: What is recommended: single products or whole categories.
ProductLevel = Literal["product_id", "category"]

#: Only the most frequent items are paired, which bounds the work.
_MOST_ITEMS = 2000

_COLUMNS = ["bought", "also_bought", "orders", "support", "confidence", "lift", "lift_lower", "lift_upper"]


def find_associations(
    log: AnyLog,
    level: ProductLevel = "category",
    *,
    min_orders: int = 20,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return the pairs that share orders more often than chance, the most certain first.

    Columns `bought`, `also_bought`, `orders` (with both), `support` (share of all orders), `confidence`
    (share of the orders with `bought` that hold `also_bought`), `lift` (confidence over the share of all
    orders with `also_bought`) with `lift_lower` and `lift_upper`. Both directions of a pair are rows;
    pairs whose interval reaches down to 1 are left out, and the order is by `lift_lower`, since a high
    lift of a rare pair is mostly luck. Interval: delta method on the log of the lift.

    Parameters
    ----------
    level
        "product_id" or "category".
    min_orders
        A pair must share this many orders.

    Raises
    ------
    InputError
        The log has no such column.
    """
    con, columns = Log.of(log).connect_for(f"association by {level}", [level])
    _make_baskets(con, columns, level, min_orders)
    pairs = _count_pairs(con, min_orders)
    total = int(con.sql("select count(distinct basket) from baskets").fetchall()[0][0])
    pairs = _with_lift(pairs, total, confidence)
    sure = pairs.loc[pairs["lift_lower"] > 1, _COLUMNS]
    return sure.sort_values(
        ["lift_lower", "bought", "also_bought"], ascending=[False, True, True]
    ).reset_index(drop=True)


def _make_baskets(con: duckdb.DuckDBPyConnection, columns: set[str], level: str, min_orders: int) -> None:
    """Create the tables `baskets`, each order's items, and `items`, those in most orders."""
    # A basket is identified by its order's 64-bit hash: among a hundred million orders two are unlikely to share one.
    con.execute(
        f"create temp table baskets as select distinct hash({order_key(columns)}) as basket, {level} as item "
        f"from log where {level} is not null"
    )
    con.execute(
        "create temp table items as select item, orders, row_number() over (order by orders desc, item) as number "
        f"from (select item, count(*) as orders from baskets group by 1) where orders >= {int(min_orders)} "
        f"qualify number <= {_MOST_ITEMS}"
    )


def _count_pairs(con: duckdb.DuckDBPyConnection, min_orders: int) -> pd.DataFrame:
    return frame(
        con.sql(
            f"""
            with kept as (select basket, number from baskets join items using (item)),
            half as (
                select a.number as one, b.number as other, count(*) as orders
                from kept a join kept b on a.basket = b.basket and a.number < b.number
                group by 1, 2 having count(*) >= {int(min_orders)}
            ), found as (
                select * from half union all select other, one, orders from half
            )
            select bought.item as bought, also.item as also_bought, bought.orders as orders_bought,
                also.orders as orders_also, found.orders as orders
            from found join items bought on bought.number = one join items also on also.number = other
            """
        )
    )


def _with_lift(pairs: pd.DataFrame, total: int, confidence: float) -> pd.DataFrame:
    """Return the pairs with their support, confidence and lift, out of `total` orders."""
    both, left, right = (pairs[name].astype(float) for name in ("orders", "orders_bought", "orders_also"))
    pairs["support"], pairs["confidence"] = both / total, both / left
    pairs["lift"] = both * total / (left * right)
    variance = 1 / both - 1 / left - 1 / right + 2 * both / (left * right) - 1 / total
    spread = float(stats.norm.ppf((1 + confidence) / 2)) * np.sqrt(variance.clip(lower=0))
    pairs["lift_lower"], pairs["lift_upper"] = pairs["lift"] * np.exp(-spread), pairs["lift"] * np.exp(spread)
    return pairs
