"""Scores of a customer's next item: the most popular items, similar items, and a linear autoencoder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import linalg

from cltv_ml.decisions.purchases import Purchases
from cltv_ml.errors import unknown_name

#: The weight of each bought item (rows) for each item to recommend (columns); popularity is added for all customers.
Weights = tuple[np.ndarray, np.ndarray]

#: Ridge penalty of `linear_autoencoder`, over the mean number of buyers of an item.
_SHRINKAGE = 6.0


def most_popular(purchases: Purchases) -> Weights:
    """Recommend the most popular items to every customer: the baseline.

    Returns weights, shape (items, items), all zero, and the share of customers who bought each item.
    """
    items = len(purchases.items)
    return np.zeros((items, items)), purchases.buyers / len(purchases.customers)


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


def score_new_items(purchases: Purchases, weights: Weights, rows: np.ndarray) -> np.ndarray:
    """Return a score per customer in `rows` and item, minus infinity for items that the customer already has."""
    by_item, for_all = weights
    owned = purchases.matrix[rows]
    scores = np.asarray(owned @ by_item) + for_all
    scores[owned.nonzero()] = -np.inf
    return scores


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
