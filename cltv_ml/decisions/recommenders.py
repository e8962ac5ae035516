"""Scores of a customer's next item: the most popular items, similar items, and a linear autoencoder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import linalg

from cltv_ml.decisions.purchases import Purchases
from cltv_ml.errors import unknown_name

#: The weight of each bought item (rows) for each item to recommend (columns), None where purchases do not count; and
#: what is added for all customers.
Weights = tuple[np.ndarray | None, np.ndarray]

#: Customers scored at a time: their scores for 3,000 items fit into a processor's cache.
_AT_A_TIME = 250

#: Ridge penalty of `linear_autoencoder`, over the mean number of buyers of an item.
_SHRINKAGE = 6.0


def most_popular(purchases: Purchases) -> Weights:
    """Recommend the most popular items to every customer: the baseline.

    Returns no weights, and the share of customers who bought each item.
    """
    return None, purchases.buyers / len(purchases.customers)


def similar_items(purchases: Purchases) -> Weights:
    """Recommend items whose buyers are those of the items the customer has: cosine similarity."""
    together = _together(purchases)
    length = np.sqrt(np.diag(together))
    weights = together / np.outer(length, length)
    np.fill_diagonal(weights, 0.0)
    return weights, np.zeros(len(length))


def linear_autoencoder(purchases: Purchases) -> Weights:
    """Recommend by the linear model that best rebuilds each item from a customer's others (EASE).

    Ridge regression of every item on all others at once, in closed form: B = I - P / diag(P) with P = (X'X + lambda
    I)^-1 (Steck, "Embarrassingly shallow autoencoders", 2019). Unlike similarity, it accounts for two items bought
    together because of a third. Lambda is proportional to the mean number of buyers of an item.
    """
    together = _together(purchases)
    penalty = _SHRINKAGE * float(np.diag(together).mean())
    inverse = linalg.inv(together + penalty * np.eye(len(together)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights, np.zeros(len(together))


RECOMMENDERS: dict[str, Callable[[Purchases], Weights]] = {
    "most_popular": most_popular,
    "similar_items": similar_items,
    "linear_autoencoder": linear_autoencoder,
}


def best_new_items(
    purchases: Purchases, weights: Weights, rows: np.ndarray, top: int, offered: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the items with the highest scores for the customers in `rows`, best first, and the scores.

    Both have the shape (rows, top), or fewer columns if there are fewer items. The score is minus infinity for items
    that the customer already has, and for those that are not `offered`.
    """
    by_item, for_all = weights
    score = for_all if offered is None else np.where(offered, for_all, -np.inf)
    if by_item is None:
        return _best_for_all(purchases, score, rows, top)
    return _best_of_scores(purchases, by_item, score, rows, top)


def _best_of_scores(
    purchases: Purchases, by_item: np.ndarray | None, for_all: np.ndarray, rows: np.ndarray, top: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return `best_new_items` by scores of every customer and item; an item's score for all may be minus infinity."""
    best = [(np.empty((0, min(top, len(for_all))), dtype=np.intp), np.empty((0, min(top, len(for_all)))))]
    for start in range(0, len(rows), _AT_A_TIME):
        owned = purchases.matrix[rows[start : start + _AT_A_TIME]]
        scores = np.zeros(owned.shape) if by_item is None else np.asarray(owned @ by_item)
        scores += for_all
        scores[owned.nonzero()] = -np.inf
        places = best_items(scores, top)
        best.append((places, np.take_along_axis(scores, places, axis=1)))
    return np.concatenate([places for places, _ in best]), np.concatenate([score for _, score in best])


def _best_for_all(
    purchases: Purchases, score: np.ndarray, rows: np.ndarray, top: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return `best_new_items` where all customers have the same scores: the first ones that each does not have yet."""
    owned = purchases.matrix[rows]
    most = int(np.diff(owned.indptr).max(initial=0))
    first = np.argsort(-score, kind="stable")[: top + 1 + most]
    has = owned[:, first].toarray() > 0
    at = np.argsort(has, axis=1, kind="stable")[:, : top + 1]
    found = np.where(np.take_along_axis(has, at, axis=1), -np.inf, score[first[at]])
    places, scores = first[at[:, :top]], found[:, :top]
    if found.shape[1] > top:  # which of equal items are the last of the best, the scores of all decide
        tied = np.flatnonzero(found[:, top] == found[:, top - 1])
        places[tied], scores[tied] = _best_of_scores(purchases, None, score, rows[tied], top)
    return places, scores


def best_items(scores: np.ndarray, top: int) -> np.ndarray:
    """Return the columns of the highest scores, best first, shape (rows, top).

    Of equal scores the first column goes first, if both are among the best.

    >>> best_items(np.array([[0.1, 0.9, 0.9]]), 2).tolist()
    [[1, 2]]
    """
    if top < scores.shape[1]:
        best = np.sort(np.argpartition(-scores, top, axis=1)[:, :top], axis=1)
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        return np.take_along_axis(best, order, axis=1)
    return np.argsort(-scores, axis=1, kind="stable")


def check_recommender(name: str) -> Callable[[Purchases], Weights]:
    """Return the recommender of this name.

    Raises
    ------
    InputError
        The name is unknown; the message lists the known ones.
    """
    if name not in RECOMMENDERS:
        raise unknown_name("recommender", name, RECOMMENDERS)
    return RECOMMENDERS[name]


def _together(purchases: Purchases) -> np.ndarray:
    """Return the number of customers who bought both items, shape (items, items)."""
    return np.asarray((purchases.matrix.T @ purchases.matrix).todense(), dtype=np.float64)
