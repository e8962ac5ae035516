"""The next product or category for each customer, ranked by the margin it is expected to bring."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression

from cltv_ml.decisions.associations import ProductLevel
from cltv_ml.decisions.lines import by_customer
from cltv_ml.decisions.purchases import Purchases, holds, read_purchases
from cltv_ml.decisions.recommenders import Weights, best_items, best_new_items, check_recommender
from cltv_ml.engine import frame
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.tables import pandas_only
from cltv_ml.windows import Window

#: Customers whose lists are made at a time.
BATCH_CUSTOMERS = 4_000

#: Number of items with the highest scores that are ranked by margin, so that an expensive item that nobody wants is
#: not recommended.
CANDIDATES = 50


@dataclass(frozen=True)
class Shown:
    """Limits on what a campaign may show: items or categories to `exclude`, such as fuel, deposits or postage, and the
    number of items per customer.
    """

    exclude: Collection[str] = ()
    top: int = 3


DEFAULT_SHOWN = Shown()


@pandas_only
def recommend_next(
    log: AnyLog,
    window: Window,
    *,
    level: ProductLevel = "product_id",
    recommender: str = "linear_autoencoder",
    margin_per_purchase: pd.Series | None = None,
    p_active: pd.Series | None = None,
    shown: Shown = DEFAULT_SHOWN,
) -> pd.DataFrame:
    """Return, for each customer, the items that they do not have yet with the highest expected margin.

    Only items sold within the last horizon are recommended, since others may no longer be on sale. Where products have
    categories, a customer is shown at most one product of each.

    Columns `customer_id`, `rank`, `item`, `probability` (of a first purchase within the horizon, without any
    treatment), `because` (the customer's item with the largest weight for it; missing for a popular item), and with
    margins `margin_per_purchase` and `expected_margin` (currency over the horizon). The probability is measured, not
    assumed: the recommender is fitted once more on the log without its last horizon, and its scores are compared with
    what was then bought. Only a test can measure the effect of recommending; a constant relative uplift does not
    change the ranking.

    Parameters
    ----------
    log
        TRANSACTIONS with the column of `level`.
    window
        Nothing from its cutoff on is used; the probabilities are those of its horizon.
    margin_per_purchase
        Margin of one order of the item (`margin_per_purchase(compute_margins(log, level))`); items without a positive
        margin are not recommended. None ranks by probability.
    p_active
        Probability by customer_id of buying anything in the horizon, which lowers the probabilities of customers who
        are leaving.
    shown
        Limits on the items shown, and their number per customer.

    Raises
    ------
    InputError
        The column is missing, the recommender is unknown, or the log is too short or too thin.
    """
    log, fit = Log.of(log), check_recommender(recommender)
    before = Window(window.cutoff - pd.Timedelta(days=window.horizon), window.horizon)
    calibration = _calibrate(log, before, level, recommender, p_active is not None)
    purchases = read_purchases(log, window.cutoff, level)
    weights = fit(purchases)
    # Scores grow with the length of the history, so they are compared by their rank among all scores.
    levels = _score_levels(_sampled_scores(purchases, weights)[2])
    goods = _items_on_sale(log, window, purchases.items, level)
    excluded = goods["category"].isin(shown.exclude) | goods.index.isin(list(shown.exclude))
    offered = (goods["on_sale"] & ~excluded).to_numpy(dtype=bool)
    margin = _margins(purchases, margin_per_purchase, offered)
    kinds = pd.factorize(goods["category"])[0]
    active = None if p_active is None else by_customer(p_active, purchases.customers, "p_active").to_numpy()
    parts = []
    for start in range(0, len(purchases.customers), BATCH_CUSTOMERS):
        rows = np.arange(start, min(start + BATCH_CUSTOMERS, len(purchases.customers)))
        places, score = best_new_items(purchases, weights, rows, CANDIDATES, margin > 0)
        probability = np.interp(np.interp(score, levels, _PLACES), *calibration)
        if active is not None:
            probability *= active[rows][:, None]
        worth = np.where(np.isfinite(score), probability * margin[places], -np.inf)
        worth = _best_of_each_kind(worth, kinds[places])
        parts.append(_best_items(purchases, weights, rows, places, probability, worth, shown.top))
    table = pd.concat(parts, ignore_index=True)
    if margin_per_purchase is not None:
        table["margin_per_purchase"] = table["item"].map(margin_per_purchase).astype(float)
        table["expected_margin"] = table["probability"] * table["margin_per_purchase"]
    return table


@pandas_only
def margin_per_purchase(margins: pd.DataFrame) -> pd.Series:
    """Return the contribution margin of one order of each item, from `compute_margins` by that item.

    >>> margin_per_purchase(pd.DataFrame({"contribution_margin": [90.0], "orders": [30]}, index=["tea"])).tolist()
    [3.0]
    """
    return (margins["contribution_margin"] / margins["orders"].where(margins["orders"] > 0)).rename(
        "margin_per_purchase"
    )


def new_purchases(log: Log, purchases: Purchases, window: Window, level: ProductLevel) -> pd.DataFrame:
    """Return the first purchases within the window: `row` and `place` in `purchases`.

    The place is -1 for an item that had too few buyers to be recommended.
    """
    con = log.connect()
    con.register(
        "customers",
        pd.DataFrame({"customer_id": purchases.customers, "row": range(len(purchases.customers))}),
    )
    con.register("items", pd.DataFrame({"item": purchases.items, "place": range(len(purchases.items))}))
    return frame(
        con.sql(
            f"select c.row, coalesce(i.place, -1) as place from ("
            f"select customer_id, {level} as item from log where {level} is not null "
            f"and timestamp < timestamp '{window.end}' group by 1, 2 "
            f"having min(timestamp) >= timestamp '{window.cutoff}'"
            f") n join customers c using (customer_id) left join items i using (item) order by 1, 2"
        )
    )


#: Scores are compared at these places of their distribution.
_PLACES = np.linspace(0, 1, 1001)


def _calibrate(
    log: Log, window: Window, level: ProductLevel, recommender: str, active_only: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return points of a rising curve: place of the score among all -> P(first purchase in the window)."""
    purchases = read_purchases(log, window.cutoff, level)
    weights = check_recommender(recommender)(purchases)
    new = new_purchases(log, purchases, window, level)
    common = new[new["place"] >= 0]
    rows, places, score = _sampled_scores(purchases, weights)
    usable = np.isfinite(score)
    if active_only:
        usable &= log.target(window, purchases.customers, "active").to_numpy()[rows][:, None] > 0
    keys = common["row"].to_numpy() * len(purchases.items) + common["place"].to_numpy()
    bought = holds(keys, rows[:, None] * len(purchases.items) + places)[usable]
    if not bought.any():
        raise InputError(
            f"nobody bought anything new in the {window.horizon} days from {window.cutoff:%Y-%m-%d}, so no probability "
            "can be learned; use a longer horizon."
        )
    place = np.interp(score[usable], _score_levels(score), _PLACES)
    curve = IsotonicRegression(y_min=0, y_max=1).fit(place, bought)
    return curve.X_thresholds_, _less_sure(curve.y_thresholds_, curve.predict(place), float(bought.mean()))


#: Pseudo-offers at the mean rate that are added to each step of the curve.
_PRIOR = 20


def _less_sure(steps: np.ndarray, fitted: np.ndarray, mean: float) -> np.ndarray:
    """Return the steps of a rising curve shrunk to the mean; steps with fewer offers shrink more.

    The highest step of an isotonic regression may rest on a single accepted offer.
    """
    offers = pd.Series(fitted.round(9)).value_counts().reindex(steps.round(9), fill_value=0).to_numpy()
    return np.maximum.accumulate((steps * offers + mean * _PRIOR) / (offers + _PRIOR))


def _sampled_scores(purchases: Purchases, weights: Weights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of up to 20,000 customers drawn at random, their best items and the scores of these."""
    drawn = np.random.default_rng(0).permutation(len(purchases.customers))[:20_000]
    return (drawn, *best_new_items(purchases, weights, drawn, CANDIDATES))


def _score_levels(score: np.ndarray) -> np.ndarray:
    """Return the scores at `_PLACES` of their distribution."""
    return np.quantile(score[np.isfinite(score)], _PLACES)


def _items_on_sale(log: Log, window: Window, items: pd.Index, level: ProductLevel) -> pd.DataFrame:
    """Return per item `on_sale` (sold in the last horizon before the cutoff) and its latest `category`."""
    con, columns = Log.of(log).connect_for("cross-selling", [level])
    category = "arg_max(category, timestamp)" if level == "product_id" and "category" in columns else "null"
    since = window.cutoff - pd.Timedelta(days=window.horizon)
    table = frame(
        con.sql(
            f"select {level} as item, max(timestamp) >= timestamp '{since}' as on_sale, "
            f"cast({category} as varchar) as category from log where timestamp < timestamp '{window.cutoff}' group by 1"
        )
    )
    return table.set_index("item").reindex(items)


def _best_of_each_kind(worth: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Return the worth of the best candidate of each category per row, minus infinity for the others.

    Items of the unknown category, -1, do not compete with each other.

    >>> _best_of_each_kind(np.array([[1.0, 3.0, 2.0, 4.0]]), np.array([[0, 0, -1, -1]])).tolist()
    [[-inf, 3.0, 2.0, 4.0]]
    """
    order = np.argsort(-worth, axis=1, kind="stable")
    sorted_kinds = np.take_along_axis(kinds, order, axis=1)
    together = np.argsort(sorted_kinds, axis=1, kind="stable")  # each kind's candidates, best first
    kind = np.take_along_axis(sorted_kinds, together, axis=1)
    follows = np.zeros(worth.shape, dtype=bool)
    follows[:, 1:] = (kind[:, 1:] == kind[:, :-1]) & (kind[:, 1:] >= 0)
    again = np.empty(worth.shape, dtype=bool)
    np.put_along_axis(again, together, follows, axis=1)
    distinct = worth.copy()
    np.put_along_axis(
        distinct, order, np.where(again, -np.inf, np.take_along_axis(worth, order, axis=1)), axis=1
    )
    return distinct


def _margins(purchases: Purchases, margins: pd.Series | None, shown: np.ndarray) -> np.ndarray:
    """Return the margin of each item, 1 for all when none is given; none for items that must not be shown."""
    if not shown.any():
        raise InputError(
            "all items that could be recommended are excluded or were not sold recently; exclude fewer, or "
            "use a longer horizon."
        )
    if margins is None:
        return np.where(shown, 1.0, np.nan)
    worth = np.where(shown, margins.reindex(purchases.items).to_numpy(dtype=np.float64), np.nan)
    if not (worth > 0).any():
        raise InputError(
            "no item that could be recommended has a positive margin; check that margin_per_purchase is indexed by "
            f"the items, for example {purchases.items[0]!r}."
        )
    return worth


def _best_items(
    purchases: Purchases,
    weights: Weights,
    rows: np.ndarray,
    places: np.ndarray,
    probability: np.ndarray,
    worth: np.ndarray,
    top: int,
) -> pd.DataFrame:
    """Return the `top` items of each row by worth, with the reason for each."""
    chosen = best_items(worth, top)
    valid = np.isfinite(np.take_along_axis(worth, chosen, axis=1))
    place = np.take_along_axis(places, chosen, axis=1)
    row, rank = np.nonzero(valid)
    item = place[row, rank]
    reason = _strongest_items(purchases, weights, rows[row], item)
    because = pd.Series(purchases.items.to_numpy()[reason], dtype="str").where(reason >= 0)
    return pd.DataFrame(
        {
            "customer_id": purchases.customers.to_numpy()[rows[row]],
            "rank": rank + 1,
            "item": purchases.items.to_numpy()[item],
            "probability": np.take_along_axis(probability, chosen, axis=1)[row, rank],
            "because": because,
        }
    ).astype({"customer_id": "str", "item": "str"})


def _strongest_items(
    purchases: Purchases, weights: Weights, rows: np.ndarray, items: np.ndarray
) -> np.ndarray:
    """Return, for each row's customer and recommended item, the customer's item with the largest weight for it.

    It is -1 where no weight is above zero; of equal weights the first item counts.
    """
    reasons = np.full(len(rows), -1)
    owned = purchases.matrix[rows]
    if weights[0] is None or not owned.nnz:
        return reasons
    lengths = np.diff(owned.indptr)
    weight = weights[0][owned.indices, np.repeat(items, lengths)]
    some = np.flatnonzero(lengths)
    largest = np.zeros(len(rows))
    largest[some] = np.maximum.reduceat(weight, owned.indptr[some])
    of_row = np.repeat(np.arange(len(rows)), lengths)
    at = np.flatnonzero((weight == largest[of_row]) & (weight > 0))[::-1]
    reasons[of_row[at]] = owned.indices[at]  # the first of a row is written last
    return reasons
