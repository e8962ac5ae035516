"""Quality of recommenders: their hits among first purchases in a later window."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cltv_ml.decisions.associations import ProductLevel
from cltv_ml.decisions.cross_sell import BATCH_CUSTOMERS, new_purchases
from cltv_ml.decisions.purchases import Purchases, holds, read_purchases
from cltv_ml.decisions.recommenders import RECOMMENDERS, Weights, best_new_items, check_recommender
from cltv_ml.errors import InputError
from cltv_ml.log import AnyLog, Log
from cltv_ml.windows import Window

#: Smallest gain over the most popular items that makes a recommender worthwhile.
WORTHWHILE = 0.15

_BASELINE = "most_popular"


def evaluate_cross_sell(
    log: AnyLog,
    window: Window,
    *,
    level: ProductLevel = "product_id",
    recommenders: Sequence[str] = tuple(RECOMMENDERS),
) -> pd.DataFrame:
    """Return hit rate and NDCG at 5 and 10 of each recommender for items new to the customer, best first.

    Indexed by `recommender`: `customers` (those who bought something new in the window), `hit_rate_5`,
    `hit_rate_10` (share with a hit in the first five, ten), `ndcg_5`, `ndcg_10` (hits discounted by the
    logarithm of their place, 1 if every place is a hit as far as there are any), `gain` in ndcg_10 over
    the most popular items with its 95% bootstrap interval `gain_lower`, `gain_upper`, and `verdict`.
    Recommenders are fitted on the log before the window only. Items too rare to be recommended count as missed.
    """
    log = Log.of(log)
    purchases = read_purchases(log, window.cutoff, level)
    new = new_purchases(log, purchases, window, level)
    if new.empty:
        raise InputError(
            f"no customer from before {window.cutoff:%Y-%m-%d} bought anything new in the {window.horizon} days after; "
            "evaluate on a longer window."
        )
    names = list(dict.fromkeys([_BASELINE, *recommenders]))
    quality = {name: _quality(purchases, check_recommender(name)(purchases), new) for name in names}
    rows = []
    resampled = _resampled_sums(np.column_stack([quality[name]["ndcg_10"] for name in names]))
    for place, name in enumerate(names):
        ndcg, base = quality[name]["ndcg_10"].to_numpy(), quality[_BASELINE]["ndcg_10"].to_numpy()
        ratios = resampled[:, place] / np.maximum(resampled[:, 0], 1e-12) - 1
        low, high = np.quantile(ratios, [0.025, 0.975])
        gain = ndcg.mean() / max(base.mean(), 1e-12) - 1
        means = quality[name].mean()
        rows.append({"customers": len(ndcg), **means, "gain": gain, "gain_lower": low, "gain_upper": high})
    table = pd.DataFrame(rows, index=pd.Index(names, name="recommender"))
    table["verdict"] = [_gain_verdict(name, row["gain"], row["gain_lower"]) for name, row in table.iterrows()]
    return table.sort_values("ndcg_10", ascending=False, kind="stable")


def _resampled_sums(measures: np.ndarray, draws: int = 200) -> np.ndarray:
    """Return the sum of each measure (columns) over customers (rows), drawn with replacement, once per draw (rows)."""
    rng = np.random.default_rng(0)
    return np.array([rng.poisson(1.0, len(measures)).astype(np.float64) @ measures for _ in range(draws)])


def _quality(purchases: Purchases, weights: Weights, new: pd.DataFrame) -> pd.DataFrame:
    """Return the four measures per customer who bought something new."""
    new_items = new.groupby("row")["place"].count()
    keys = np.sort(new["row"].to_numpy() * (len(purchases.items) + 1) + new["place"].to_numpy())
    discount = 1 / np.log2(np.arange(2, 12))
    batches = []
    for start in range(0, len(new_items), BATCH_CUSTOMERS):
        rows = new_items.index.to_numpy()[start : start + BATCH_CUSTOMERS]
        places, _ = best_new_items(purchases, weights, rows, 10)
        hits = holds(keys, rows[:, None] * (len(purchases.items) + 1) + places)
        many = new_items.to_numpy()[start : start + BATCH_CUSTOMERS]
        measures = {}
        for top in (5, 10):
            ideal = discount.cumsum()[np.minimum(many, top) - 1]
            measures[f"hit_rate_{top}"] = hits[:, :top].any(axis=1).astype(float)
            measures[f"ndcg_{top}"] = hits[:, :top] @ discount[: hits[:, :top].shape[1]] / ideal
        batches.append(pd.DataFrame(measures, index=rows))
    return pd.concat(batches)[["hit_rate_5", "hit_rate_10", "ndcg_5", "ndcg_10"]]


def _gain_verdict(name: str, gain: float, low: float) -> str:
    if name == _BASELINE:
        return "the baseline"
    if gain >= WORTHWHILE and low > 0:
        return f"beats the most popular items by {gain:.0%}"
    if low > 0:
        return f"better than the most popular items by {gain:.0%}, below the {WORTHWHILE:.0%} that make it worthwhile"
    return f"not shown to beat the most popular items ({gain:+.0%})"
