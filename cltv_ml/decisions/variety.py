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

#: Standard errors by which a segment's favourite must differ: chance alone does that for 1 item of 700.
CLEAR_ERRORS = 3


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
    """Return the items that take a larger part in a segment's purchases than in everyone's, up to `top` per segment.

    Columns `segment`, `item`, `buyers`, `share` of the segment's customers who bought it in the last horizon before
    the window, and `lift`: the item's part in what the segment bought over its part in what all customers bought,
    counted in days on which a customer bought it. A segment that only buys more of everything has no favourites.
    Items whose part is within three standard errors of everyone's, customers drawn at random, are left out.

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
                select m.segment, m.customer_id, cast(l.{level} as varchar) as item,
                    count(distinct date_trunc('day', l.timestamp)) as days
                from log l join members m using (customer_id)
                where l.timestamp >= timestamp '{since}' and l.timestamp < timestamp '{window.cutoff}'
                and l.{level} is not null group by 1, 2, 3),
            sizes as (select segment, count(*) as size from members group by 1),
            busy as (select segment, customer_id, sum(days) as total from bought group by 1, 2),
            totals as (select segment, sum(total) as total, sum(total * total) as squares from busy group by 1),
            overall as (select item, sum(days) / (select sum(total) from totals) as part from bought group by 1),
            counted as (
                select segment, item, count(*) as buyers, sum(days) as days, sum(days * days) as squares,
                    sum(days * total) as crossed
                from bought join busy using (segment, customer_id) group by 1, 2),
            found as (
                select c.segment, c.item, c.buyers, c.buyers / s.size as share, c.days / (o.part * t.total) as lift,
                    c.days - o.part * t.total as above,
                    sqrt(c.squares - 2 * o.part * c.crossed + o.part * o.part * t.squares) as error
                from counted c join sizes s using (segment) join totals t using (segment) join overall o using (item))
            select segment, item, buyers, share, lift from found
            where buyers >= {MIN_ITEM_BUYERS} and lift > 1 and above > {CLEAR_ERRORS} * error
            qualify row_number() over (partition by segment order by lift desc, item) <= {top}
            order by segment, lift desc, item"""
        )
    )
