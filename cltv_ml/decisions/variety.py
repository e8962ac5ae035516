"""Variety in recommendations: no item leads most lists if others are nearly as good for their customers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cltv_ml.decisions.associations import ProductLevel
from cltv_ml.engine import frame
from cltv_ml.log import AnyLog, Log
from cltv_ml.tables import pandas_only
from cltv_ml.windows import Window

#: Largest share of the lists that an item leads, where others are nearly as good.
MOST_LISTS = 0.25

#: Largest share of the leader's worth that a nearly as good item may give up.
GIVE = 0.2

#: Fewest buyers of an item in a segment: fewer reflect chance.
MIN_ITEM_BUYERS = 20


@pandas_only
def vary_leaders(table: pd.DataFrame, most: float = MOST_LISTS, give: float = GIVE) -> pd.DataFrame:
    """Return recommendations in which another item leads for customers to whom it is worth nearly as much.

    Each customer keeps the same items; only their order changes, for as many customers as needed, those who give up
    least first. Worth is `expected_margin`, or `probability` where margins are not known.

    Parameters
    ----------
    table
        `recommend_next`: `customer_id`, `rank`, `item` and the worth.
    most
        Largest share of the lists that one item may lead.
    give
        Largest share of the leader's worth that may be given up.

    >>> table = pd.DataFrame({"customer_id": ["a", "a", "b", "b"], "rank": [1, 2, 1, 2],
    ...     "item": ["tea", "jam", "tea", "jam"], "probability": [0.5, 0.1, 0.5, 0.45]})
    >>> vary_leaders(table, most=0.5)["item"].tolist()
    ['tea', 'jam', 'jam', 'tea']
    """
    if table.empty:
        return table
    worth = "expected_margin" if "expected_margin" in table else "probability"
    wide = table.pivot(index="customer_id", columns="rank", values=["item", worth])
    items = pd.DataFrame(wide["item"]).to_numpy(dtype=object)
    values = pd.DataFrame(wide[worth]).to_numpy(dtype=np.float64)
    lead = _leaders(items, values, most, give)
    first = pd.Series(lead + 1, index=wide.index).reindex(table["customer_id"]).to_numpy()
    rank = table["rank"].to_numpy()
    # The new leader moves to the front; those before it move one place down.
    moved = np.where(rank == first, 1, np.where(rank < first, rank + 1, rank))
    order = table.assign(rank=moved, place=np.arange(len(table)))
    order["place"] = order.groupby("customer_id", sort=False)["place"].transform("min")
    return order.sort_values(["place", "rank"], ignore_index=True).drop(columns="place")


def _leaders(items: np.ndarray, values: np.ndarray, most: float, give: float) -> np.ndarray:
    """Return the place of each customer's leading item, 0 if the first stays."""
    lead = np.zeros(len(items), dtype=int)
    limit = int(most * len(items))
    crowded = [item for item, count in pd.Series(items[:, 0]).value_counts().items() if count > limit]
    for item in crowded:
        led = np.flatnonzero(items[:, 0] == item)
        for place in range(1, items.shape[1]):
            excess = int((items[np.arange(len(items)), lead] == item).sum()) - limit
            if excess <= 0:
                break
            movable = led[lead[led] == 0]
            loss = 1 - values[movable, place] / values[movable, 0]
            free = ~np.isin(items[movable, place], crowded) & (
                loss <= give
            )  # a missing place loses NaN: not free
            lead[movable[free][np.argsort(loss[free], kind="stable")][:excess]] = place
    return lead


@pandas_only
def favourites_by_segment(
    log: AnyLog, segments: pd.Series, window: Window, *, level: ProductLevel = "product_id", top: int = 3
) -> pd.DataFrame:
    """Return the items that each segment buys more often than others do, up to `top` per segment.

    Columns `segment`, `item`, `buyers`, `share` of the segment's customers who bought it in the last horizon before
    the window, and `lift`: that share over the share among all customers.

    Parameters
    ----------
    segments
        The name of the segment by customer_id.
    """
    con, _ = Log.of(log).connect_for("favourites by segment", [level])
    since = window.cutoff - pd.Timedelta(days=window.horizon)
    members = segments.dropna().astype("str").rename("segment").rename_axis("customer_id").reset_index()
    con.register("members", members)
    return frame(
        con.sql(
            f"""with bought as (
                select distinct m.segment, m.customer_id, cast(l.{level} as varchar) as item
                from log l join members m using (customer_id)
                where l.timestamp >= timestamp '{since}' and l.timestamp < timestamp '{window.cutoff}'
                and l.{level} is not null),
            sizes as (select segment, count(*) as size from members group by 1),
            overall as (select item, count(*) / (select count(*) from members) as share from bought group by 1),
            found as (
                select b.segment, b.item, count(*) as buyers, count(*) / any_value(s.size) as share,
                    count(*) / any_value(s.size) / any_value(o.share) as lift
                from bought b join sizes s using (segment) join overall o using (item)
                group by 1, 2 having count(*) >= {MIN_ITEM_BUYERS})
            select * from found where lift > 1
            qualify row_number() over (partition by segment order by lift desc, item) <= {top}
            order by segment, lift desc, item"""
        )
    )
